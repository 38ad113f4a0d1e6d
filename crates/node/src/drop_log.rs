//! What was dropped, told in the log: once per reason and minute, however much there is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A reason is told at most this often.
const QUIET: Duration = Duration::from_secs(60);

/// Says it in the log; how often is the caller's matter.
pub(crate) fn tell(reason: &str, count: u64) {
    tracing::warn!(reason, count, "dropped what came");
}

/// What of the counts was told when. Reasons are names in the code, so their number is bounded by
/// it.
#[derive(Debug, Default)]
pub(crate) struct DropLog {
    told: BTreeMap<String, (u64, Instant)>,
}

impl DropLog {
    /// Takes the counts since the start, and tells those that have risen.
    pub(crate) fn take(&mut self, counts: BTreeMap<String, u64>, now: Instant) {
        for (reason, count) in self.news(counts, now) {
            tell(&reason, count);
        }
    }

    fn news(&mut self, counts: BTreeMap<String, u64>, now: Instant) -> Vec<(String, u64)> {
        let is_news = |(reason, count): &(String, u64)| match self.told.get(reason) {
            Some((told, at)) => count > told && now >= *at + QUIET,
            None => true,
        };
        let news: Vec<_> = counts.into_iter().filter(is_news).collect();
        for (reason, count) in &news {
            self.told.insert(reason.clone(), (*count, now));
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect()
    }

    fn told(log: &mut DropLog, list: &[(&str, u64)], at: Instant) -> Vec<(String, u64)> {
        log.news(counts(list), at)
    }

    #[test]
    fn a_reason_is_told_when_it_comes_up_and_once_a_minute_while_it_goes_on() {
        let start = Instant::now();
        let mut log = DropLog::default();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(told(&mut log, &[], start), []);
        assert_eq!(told(&mut log, &[("udp_stray", 1)], start), [("udp_stray".to_owned(), 1)]);
        assert_eq!(told(&mut log, &[("udp_stray", 900)], after(59)), []);
        assert_eq!(
            told(&mut log, &[("udp_stray", 901)], after(60)),
            [("udp_stray".to_owned(), 901)]
        );
        assert_eq!(told(&mut log, &[("udp_stray", 901)], after(600)), [], "nothing new");
    }

    #[test]
    fn each_reason_has_a_minute_of_its_own() {
        let start = Instant::now();
        let mut log = DropLog::default();
        assert_eq!(told(&mut log, &[("a", 1)], start).len(), 1);
        let both = told(&mut log, &[("a", 2), ("b", 1)], start + Duration::from_secs(1));
        assert_eq!(both, [("b".to_owned(), 1)]);
    }
}
