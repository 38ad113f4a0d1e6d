//! What was dropped, counted by reason, and told once per reason and minute.

use std::collections::BTreeMap;
use std::time::Duration;

use tincan_wire::SortedMap;

use crate::event::Event;
use crate::time::Time;

/// How long the same reason stays quiet after it was told.
const QUIET: Duration = Duration::from_secs(60);

/// Counts by reason. Reasons are names in the code, so their number is bounded by it.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    by_reason: SortedMap<&'static str, (u64, Time)>,
}

impl Rejects {
    /// Counts one more; returns what to tell, unless it was told within the last minute.
    pub(crate) fn count(&mut self, reason: &'static str, now: Time) -> Option<Event> {
        let (count, told) = self.by_reason.or_insert_with(reason, || (0, Time::default()));
        *count += 1;
        if *count > 1 && now.since(*told) < QUIET {
            return None;
        }
        *told = now;
        Some(Event::Dropped { reason: reason.to_owned(), count: *count })
    }

    /// All counts so far.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (reason, (count, _)) in self.by_reason.iter() {
            counts.insert((*reason).to_owned(), *count);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_once_a_minute_and_always_counted() {
        let mut rejects = Rejects::default();
        let start = Time::from_millis(1_000_000);
        assert!(rejects.count("bad signature", start).is_some());
        assert!(rejects.count("bad signature", start + Duration::from_secs(59)).is_none());
        assert!(rejects.count("replay", start).is_some());
        assert_eq!(
            rejects.count("bad signature", start + QUIET),
            Some(Event::Dropped { reason: "bad signature".into(), count: 3 })
        );
        assert_eq!(rejects.counts()["bad signature"], 3);
    }
}
