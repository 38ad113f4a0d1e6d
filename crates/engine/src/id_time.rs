//! The time in the ids of our messages.

use crate::time::Time;

/// At most so many ids of ours have the same time; those that come sooner are given later times,
/// ahead of the clock (RFC 9562 §6.2). Whoever looks for an id by its time, as the page's store
/// does, then has few to look at, however fast a program writes.
const MAX_IDS_PER_MS: u32 = 64;

/// Gives each id its time.
#[derive(Debug, Default)]
pub(crate) struct IdTime {
    last_ms: u64,
    /// How many have that time.
    count: u32,
}

impl IdTime {
    /// The time of the next id, in milliseconds. It never falls.
    pub(crate) fn next(&mut self, now: Time) -> u64 {
        let full = self.count >= MAX_IDS_PER_MS;
        let ms = now.as_millis().max(self.last_ms + u64::from(full));
        if ms > self.last_ms {
            *self = Self { last_ms: ms, count: 0 };
        }
        self.count += 1;
        ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn an_id_has_the_clocks_time() {
        let mut time = IdTime::default();
        assert_eq!([1_000, 1_000, 1_007].map(|ms| time.next(at(ms))), [1_000, 1_000, 1_007]);
    }

    #[test]
    fn of_many_at_once_each_millisecond_gets_its_share() {
        let mut time = IdTime::default();
        let times: Vec<u64> = (0..200).map(|_| time.next(at(1_000))).collect();
        let of = |ms: u64| times.iter().filter(|time| **time == ms).count();
        assert_eq!([1_000, 1_001, 1_002, 1_003].map(of), [64, 64, 64, 8]);
        assert!(times.is_sorted());
    }

    #[test]
    fn the_clock_catches_up() {
        let mut time = IdTime::default();
        assert_eq!((0..200).map(|_| time.next(at(1_000))).max(), Some(1_003));
        assert_eq!(time.next(at(1_001)), 1_003);
        assert_eq!(time.next(at(1_010)), 1_010);
    }
}
