//! One time-out of the page, armed for a deadline.

use std::cell::{Cell, RefCell};

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};

/// The longest delay that `setTimeout` keeps: it counts in 32-bit milliseconds.
const MAX_DELAY_MS: f64 = 2_000_000_000.0;

/// Calls a function when its deadline has come, or somewhat earlier after a change of it.
pub(crate) struct Timer {
    call: Closure<dyn FnMut()>,
    armed: RefCell<Option<Armed>>,
    fired: std::rc::Rc<Cell<bool>>,
}

struct Armed {
    handle: i32,
    at_ms: f64,
}

impl Timer {
    pub(crate) fn new(call: impl Fn() + 'static) -> Self {
        let fired = std::rc::Rc::new(Cell::new(false));
        let mark = std::rc::Rc::clone(&fired);
        let call = Closure::new(move || {
            mark.set(true);
            call();
        });
        Self { call, armed: RefCell::new(None), fired }
    }

    /// Sees to it that the function is called once the steady clock shows `at_ms`. A time-out
    /// that is armed for an earlier moment stays: whoever is called too early arms it anew.
    pub(crate) fn arm(&self, at_ms: Option<f64>) {
        let Some(at_ms) = at_ms else { return };
        let mut armed = self.armed.borrow_mut();
        if self.fired.replace(false) {
            *armed = None;
        }
        if armed.as_ref().is_some_and(|armed| armed.at_ms <= at_ms) {
            return;
        }
        let Some(window) = web_sys::window() else { return };
        if let Some(armed) = armed.as_ref() {
            window.clear_timeout_with_handle(armed.handle);
        }
        let delay = (at_ms - crate::clock::steady_ms()).clamp(0.0, MAX_DELAY_MS).ceil();
        #[expect(clippy::cast_possible_truncation, reason = "clamped")]
        let delay = delay as i32;
        let call = self.call.as_ref().unchecked_ref();
        *armed = window
            .set_timeout_with_callback_and_timeout_and_arguments_0(call, delay)
            .ok()
            .map(|handle| Armed { handle, at_ms });
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let (Some(armed), Some(window)) = (self.armed.borrow_mut().take(), web_sys::window()) {
            window.clear_timeout_with_handle(armed.handle);
        }
    }
}

/// Resolves after so many milliseconds.
pub(crate) async fn sleep(ms: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            // Without a window there is nobody to wake.
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
        }
    });
    // It is never rejected.
    let _: Result<JsValue, JsValue> = wasm_bindgen_futures::JsFuture::from(promise).await;
}
