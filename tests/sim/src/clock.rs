//! The clock of one machine: off by years, set by hand, too fast or too slow.

use std::time::Duration;

use tincan_engine::Time;

/// The millionths by which a clock may run too fast or too slow: far more than any quartz does.
pub const MAX_DRIFT_PPM: i64 = 20_000;

/// What a machine takes for the time. A run takes the wall clock once, at its start, and counts
/// on from there (`tincan_engine::time`).
#[derive(Clone, Debug)]
pub struct Clock {
    off_millis: i64,
    drift_ppm: i64,
    started: Time,
    started_local: u64,
}

impl Clock {
    /// A clock that is off by `off_millis` and runs too fast by `drift_ppm` millionths, within
    /// [`MAX_DRIFT_PPM`].
    #[must_use]
    pub fn new(off_millis: i64, drift_ppm: i64) -> Self {
        let drift_ppm = drift_ppm.clamp(-MAX_DRIFT_PPM, MAX_DRIFT_PPM);
        Self { off_millis, drift_ppm, started: Time::default(), started_local: 0 }
    }

    /// A process begins.
    pub fn begin_run(&mut self, now: Time) {
        self.started = now;
        self.started_local = now.as_millis().saturating_add_signed(self.off_millis);
    }

    /// Somebody sets the wall clock: the next run sees it.
    pub fn jump(&mut self, by_millis: i64) {
        self.off_millis = self.off_millis.saturating_add(by_millis);
    }

    /// The machine was suspended while the world stood still for everybody else.
    pub fn leap(&mut self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.started_local = self.started_local.saturating_add(millis);
        self.off_millis = self.off_millis.saturating_add_unsigned(millis);
    }

    /// The time of this run at the world's `now`.
    #[must_use]
    pub fn local(&self, now: Time) -> Time {
        let elapsed = u128::from(now.as_millis().saturating_sub(self.started.as_millis()));
        let local = elapsed * self.rate() / MILLION;
        Time::from_millis(self.started_local + u64::try_from(local).unwrap_or(u64::MAX))
    }

    /// The world's first moment at which this run's time is `local` or later.
    #[must_use]
    pub fn reaches(&self, local: Time) -> Time {
        let ahead = u128::from(local.as_millis().saturating_sub(self.started_local));
        let world = (ahead * MILLION).div_ceil(self.rate());
        self.started + Duration::from_millis(u64::try_from(world).unwrap_or(u64::MAX))
    }

    fn rate(&self) -> u128 {
        (MILLION as i64 + self.drift_ppm).unsigned_abs().into()
    }
}

const MILLION: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_millis(1_763_792_787_000);

    #[test]
    fn a_deadline_is_never_met_too_early() {
        for drift in [-MAX_DRIFT_PPM, -100, 0, 7, MAX_DRIFT_PPM] {
            let mut clock = Clock::new(-5_000, drift);
            clock.begin_run(NOON);
            for ahead in [0, 1, 2, 999, 1_000, 123_456] {
                let due = clock.local(NOON) + Duration::from_millis(ahead);
                let at = clock.reaches(due);
                assert!(clock.local(at) >= due, "drift {drift}, {ahead} ms ahead");
                let before = at - Duration::from_millis(1);
                assert!(ahead == 0 || clock.local(before) < due, "drift {drift}, {ahead} ms");
            }
        }
    }

    #[test]
    fn a_jump_of_the_wall_clock_is_seen_by_the_next_run_only() {
        let mut clock = Clock::new(0, 0);
        clock.begin_run(NOON);
        clock.jump(-1_000);
        assert_eq!(clock.local(NOON), NOON);
        clock.begin_run(NOON);
        assert_eq!(clock.local(NOON), NOON - Duration::from_secs(1));
    }

    #[test]
    fn a_suspended_machine_finds_its_time_ahead() {
        let mut clock = Clock::new(0, 0);
        clock.begin_run(NOON);
        clock.leap(Duration::from_secs(3));
        assert_eq!(clock.local(NOON), NOON + Duration::from_secs(3));
    }
}
