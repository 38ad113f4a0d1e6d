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

#[cfg(test)]
mod tests {
    use super::*;

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
