//! The engine's time: the wall clock once, at the start, and the page's steady clock from then
//! on.

use std::cell::Cell;
use std::cell::LazyCell;

use tincan_engine::Time;
use web_sys::Performance;

/// A jump of the wall clock against the steady one that means the machine slept; smaller ones
/// are corrections of the clock.
const NOTICED_SLEEP_MS: f64 = 5_000.0;

/// Tells [`Time`], which never goes back, and counts the time that the machine slept.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: f64,
    steady: f64,
    /// What the steady clock missed because the machine slept.
    slept: Cell<f64>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { wall: js_sys::Date::now(), steady: steady_ms(), slept: Cell::new(0.0) }
    }

    pub(crate) fn now(&self) -> Time {
        let now = self.wall + (steady_ms() - self.steady) + self.slept.get();
        Time::from_millis(to_millis(now))
    }

    /// When the steady clock will show that time.
    pub(crate) fn steady_ms_at(&self, time: Time) -> f64 {
        time.as_millis() as f64 - self.wall - self.slept.get() + self.steady
    }

    /// Takes account of a sleep since the last call; `true` if there was one. Steady clocks
    /// stand still in a sleeping machine on some systems and run on others.
    pub(crate) fn notice_sleep(&self) -> bool {
        let told = self.wall + (steady_ms() - self.steady) + self.slept.get();
        let missed = js_sys::Date::now() - told;
        if missed < NOTICED_SLEEP_MS {
            return false;
        }
        self.slept.set(self.slept.get() + missed);
        true
    }
}

/// Milliseconds of the page's steady clock.
pub(crate) fn steady_ms() -> f64 {
    STEADY.with(|clock| clock.as_ref().map_or(0.0, Performance::now))
}

thread_local! {
    /// Looked up once: it is asked at every input.
    static STEADY: LazyCell<Option<Performance>> =
        LazyCell::new(|| web_sys::window().and_then(|window| window.performance()));
}

/// Whole milliseconds; what is below zero, or no number, is zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float that is out of bounds becomes the nearest integer"
)]
pub(crate) fn to_millis(ms: f64) -> u64 {
    ms as u64
}
