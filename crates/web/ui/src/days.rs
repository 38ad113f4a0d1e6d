//! How messages are put together on the page: by days, and by runs of one sender.

/// Messages of one sender within this span are shown as one run: a person's breath.
const RUN_MS: u64 = 3 * 60 * 1_000;

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// When a message was sent, and by whom: all that grouping looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Whether it is ours.
    pub outgoing: bool,
    /// The sender's clock, in milliseconds since the epoch.
    pub timestamp: u64,
    /// The calendar day here, as [`day_of`] counts.
    pub day: i64,
}

/// The calendar day of a moment, counted from the epoch's day. `behind_utc_minutes` is what
/// JavaScript's `getTimezoneOffset` says of that moment: −120 for two hours east of UTC.
#[must_use]
pub fn day_of(timestamp: u64, behind_utc_minutes: i32) -> i64 {
    let local = i64::try_from(timestamp).unwrap_or(i64::MAX / 2)
        - i64::from(behind_utc_minutes) * MINUTE_MS;
    local.div_euclid(DAY_MS)
}

/// Whether a new day begins with `this`. The first message of all begins one.
#[must_use]
pub fn begins_day(before: Option<Moment>, this: Moment) -> bool {
    before.is_none_or(|before| before.day != this.day)
}

/// Whether a new run of one sender's messages begins with `this`.
#[must_use]
pub fn begins_run(before: Option<Moment>, this: Moment) -> bool {
    before.is_none_or(|before| {
        before.outgoing != this.outgoing
            || before.day != this.day
            || this.timestamp.abs_diff(before.timestamp) > RUN_MS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_763_812_800_000;

    fn moment(outgoing: bool, timestamp: u64) -> Moment {
        Moment { outgoing, timestamp, day: day_of(timestamp, 0) }
    }

    #[test]
    fn a_day_ends_at_local_midnight() {
        let last_of_day = NOON + 12 * 3_600_000 - 1;
        assert_eq!(day_of(last_of_day, 0), day_of(NOON, 0));
        assert_eq!(day_of(last_of_day + 1, 0), day_of(NOON, 0) + 1);
        assert_eq!(day_of(last_of_day, -60), day_of(NOON, 0) + 1);
        assert_eq!(day_of(NOON, 13 * 60), day_of(NOON, 0) - 1);
    }

    #[test]
    fn wild_timestamps_have_a_day() {
        assert_eq!(day_of(0, 0), 0);
        assert_eq!(day_of(0, 1), -1);
        assert!(day_of(u64::MAX, -840) > day_of(NOON, 0));
    }

    #[test]
    fn the_first_message_begins_day_and_run() {
        assert!(begins_day(None, moment(true, NOON)));
        assert!(begins_run(None, moment(true, NOON)));
    }

    #[test]
    fn runs_end_with_the_sender_the_day_or_a_pause() {
        let before = Some(moment(true, NOON));
        assert!(!begins_run(before, moment(true, NOON + RUN_MS)));
        assert!(begins_run(before, moment(true, NOON + RUN_MS + 1)));
        assert!(begins_run(before, moment(false, NOON + 1)));
        assert!(begins_day(before, moment(true, NOON + 86_400_000)));
        assert!(!begins_day(before, moment(false, NOON + 1)));
    }
}
