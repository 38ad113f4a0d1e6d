//! The second part of the code: what is in modules called `later`, and whatever only they lead
//! to. `boot.js` loads it when it is asked for.

use js_sys::Promise;
use thiserror::Error;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = tincanLater, catch)]
    fn load_second() -> Result<Promise, JsValue>;
}

/// The second part of the code could not be loaded. The message is for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("This part of Tincan could not be loaded. Check the connection and try again.")]
pub struct NotLoaded;

/// Returns once functions in modules called `later` may be called. It costs nothing when they
/// were before.
///
/// # Errors
/// There is no network, or the hub has another version by now. It may be tried again.
pub async fn load_later() -> Result<(), NotLoaded> {
    let loaded = load_second().map_err(|_| NotLoaded)?;
    JsFuture::from(loaded).await.map(drop).map_err(|_| NotLoaded)
}
