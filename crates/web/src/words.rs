//! What the browser says of a failure, as words.

use wasm_bindgen::{JsCast as _, JsValue};

/// The message of an exception, or what else was thrown.
pub(crate) fn words(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
    }
}
