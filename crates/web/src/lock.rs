//! Web Locks: which tab leads, and which are still there.
//!
//! A lock is given up by the browser itself when its tab closes or crashes, which no message
//! between tabs can promise.

use futures_channel::oneshot;
use js_sys::{Function, Object, Promise, Reflect};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn request(name: &str, options: &JsValue, granted: &Function) -> Result<Promise, JsValue>;
}

/// A lock that is held until this is dropped or the tab is gone.
pub(crate) struct Held {
    release: Function,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Resolving what is resolved does nothing.
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}

/// Why there is no lock.
pub(crate) enum Denied {
    /// Another tab has it.
    Taken,
    /// The browser has no locks: the page did not come over HTTPS or from this machine.
    Unknown,
}

/// Takes the lock if it is free.
pub(crate) async fn take_free(name: &str) -> Result<Held, Denied> {
    take(name, true).await
}

/// Waits until the lock is free, and takes it.
pub(crate) async fn take_when_free(name: &str) -> Result<Held, Denied> {
    take(name, false).await
}

async fn take(name: &str, only_if_free: bool) -> Result<Held, Denied> {
    let options = Object::new();
    // A plain object takes every property.
    let _ = Reflect::set(&options, &"ifAvailable".into(), &only_if_free.into());
    let (tell, told) = oneshot::channel();
    let tell = Rc::new(RefCell::new(Some(tell)));
    let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        let tell = tell.borrow_mut().take();
        if lock.is_null() {
            drop(tell);
            return JsValue::UNDEFINED;
        }
        let mut release = None;
        let kept = Promise::new(&mut |resolve, _| release = Some(resolve));
        if let (Some(tell), Some(release)) = (tell, release) {
            // Whoever waited and is gone drops the lock at once.
            let _ = tell.send(Held { release });
        }
        kept.into()
    });
    let asked = request(name, &options, granted.unchecked_ref()).map_err(|_| Denied::Unknown)?;
    // Its result is that of the callback, or that nobody waits for it any more.
    drop(asked);
    told.await.map_err(|_| Denied::Taken)
}
