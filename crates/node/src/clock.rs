//! The engine's time: the wall clock once, at the start, and a steady clock from then on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use tincan_engine::Time;

/// A sleep of the machine shorter than this is no reason to restart connections.
const NOTICED_SLEEP: Duration = Duration::from_secs(5);

/// Tells [`Time`], which never goes back, and counts the time that the machine slept.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: u64,
    start: Instant,
    /// How long the machine had slept since it was started, when last looked.
    slept: Duration,
    /// How long of that was since our own start.
    slept_since: Duration,
}

impl Clock {
    /// Reads the wall clock; a machine without one begins in 1970.
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            wall: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
            start: Instant::now(),
            slept: slept(),
            slept_since: Duration::ZERO,
        }
    }

    pub(crate) fn at(&self, now: Instant) -> Time {
        let elapsed = now.saturating_duration_since(self.start) + self.slept_since;
        Time::from_millis(self.wall) + elapsed
    }

    /// When `time` will have come: never earlier than that.
    pub(crate) fn instant(&self, time: Time) -> Instant {
        let since = time.since(Time::from_millis(self.wall)).saturating_sub(self.slept_since);
        self.start.checked_add(since).unwrap_or(self.start)
    }

    /// Takes account of a sleep since the last call; `true` if it was a notable one.
    pub(crate) fn notice_sleep(&mut self) -> bool {
        let slept = slept();
        let more = slept.saturating_sub(self.slept);
        if more < NOTICED_SLEEP {
            return false;
        }
        self.slept = slept;
        self.slept_since += more;
        true
    }
}

/// How long the machine has slept since it was started: what the boot clock counts and the
/// monotonic clock does not.
#[cfg(target_os = "linux")]
fn slept() -> Duration {
    let read = |clock| {
        let time = clock_gettime(clock);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    };
    read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
}

#[cfg(not(target_os = "linux"))]
fn slept() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_come_when_its_instant_has() {
        let clock = Clock::start();
        for millis in [0, 1, 999, 86_400_000] {
            let time = Time::from_millis(clock.wall + millis);
            assert_eq!(clock.at(clock.instant(time)), time);
        }
    }

    #[test]
    fn times_before_the_start_are_now() {
        let clock = Clock::start();
        assert_eq!(clock.instant(Time::from_millis(0)), clock.start);
    }

    #[test]
    fn a_sleep_moves_time_on() {
        let mut clock = Clock::start();
        let before = clock.at(clock.start);
        assert!(!clock.notice_sleep(), "nobody slept");
        clock.slept_since = NOTICED_SLEEP;
        assert_eq!(clock.at(clock.start).since(before), NOTICED_SLEEP);
        let later = before + Duration::from_secs(60);
        assert_eq!(clock.at(clock.instant(later)), later);
    }
}
