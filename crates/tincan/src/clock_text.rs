//! Moments as a person reads them: in the time zone of this machine.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How moments are shown.
#[derive(Clone, Debug)]
pub(crate) struct ClockText {
    zone: TimeZone,
}

impl ClockText {
    /// In this machine's time zone, or UTC where it has none.
    pub(crate) fn of_this_machine() -> Self {
        Self { zone: TimeZone::system() }
    }

    /// `14:05`, for a line of a chat.
    pub(crate) fn time(&self, millis: u64) -> String {
        self.show(millis, "%H:%M")
    }

    /// `2026-11-22`, for the line between two days.
    pub(crate) fn day(&self, millis: u64) -> String {
        self.show(millis, "%Y-%m-%d")
    }

    /// `2026-11-22 14:05:09`, for a list.
    pub(crate) fn full(&self, millis: u64) -> String {
        self.show(millis, "%Y-%m-%d %H:%M:%S")
    }

    fn show(&self, millis: u64, format: &str) -> String {
        i64::try_from(millis)
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .map_or_else(
                || "?".to_owned(),
                |moment| moment.to_zoned(self.zone.clone()).strftime(format).to_string(),
            )
    }
}

/// A clock that is off by less is right enough for a chat.
const NOTABLE_MS: u64 = 2 * 60 * 1_000;

/// What to say of a clock that is `behind_ms` milliseconds behind the hub's, if it is wrong.
pub(crate) fn wrong_clock(behind_ms: i64) -> Option<String> {
    let off = behind_ms.unsigned_abs();
    if off < NOTABLE_MS {
        return None;
    }
    let way = if behind_ms < 0 { "ahead of" } else { "behind" };
    // To the nearest: a year that is some milliseconds short is a year.
    let nearest = |unit_ms: u64| (off / unit_ms) + u64::from(off % unit_ms >= unit_ms / 2);
    let amount = match nearest(60_000) {
        minutes @ 0..120 => format!("{minutes} minutes"),
        120..2_880 => format!("{} hours", nearest(3_600_000)),
        _ => format!("{} days", nearest(86_400_000)),
    };
    Some(format!(
        "this machine's clock is {amount} {way} the hub's: messages carry the wrong time; set it \
         right, nothing else suffers"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_right_enough_is_not_mentioned() {
        for off in [0, 1_000, -119_999] {
            assert_eq!(wrong_clock(off), None);
        }
    }

    #[test]
    fn a_wrong_clock_is_told_by_how_much_and_which_way() {
        let check = |off: i64, words: &str| {
            let told = wrong_clock(off).unwrap();
            assert!(told.contains(words), "{told}");
        };
        check(120_000, "2 minutes behind");
        check(-5 * 3_600_000, "5 hours ahead");
        check(365 * 86_400_000, "365 days behind");
        check(i64::MIN, "days ahead");
    }

    #[test]
    fn moments_are_shown() {
        let clock = ClockText { zone: TimeZone::UTC };
        assert_eq!(clock.full(1_763_792_787_123), "2025-11-22 06:26:27");
        assert_eq!(clock.time(1_763_792_787_123), "06:26");
        assert_eq!(clock.day(1_763_792_787_123), "2025-11-22");
    }

    #[test]
    fn a_clock_of_nonsense_shows_a_question_mark() {
        let clock = ClockText { zone: TimeZone::UTC };
        assert_eq!(clock.time(u64::MAX), "?");
    }
}
