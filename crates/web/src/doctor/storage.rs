//! The browser's storage: whether it takes something, how long that takes, and whether it stays.

use std::time::Duration;

use js_sys::{Promise, Reflect};
use tincan_doctor::{Database, Storage, StorageFault};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use crate::browser::is_persisted;
use crate::clock::to_millis;
use crate::store::trial;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = estimate, catch)]
    fn ask_how_much() -> Result<Promise, JsValue>;
}

pub(super) async fn look() -> Storage {
    let commit = match trial::commit().await {
        Ok(ms) => Ok(Duration::from_micros(to_millis(ms * 1_000.0))),
        Err(trial::Refusal::Full) => Err(StorageFault::Full),
        Err(trial::Refusal::Other(reason)) => Err(StorageFault::Other(reason)),
    };
    Storage {
        name: "the browser".to_owned(),
        commit,
        free_bytes: free().await,
        database: Database::None,
        is_kept: is_persisted().await.unwrap_or(false),
    }
}

/// What the browser lets this site have, less what it has.
async fn free() -> Option<u64> {
    let estimate = JsFuture::from(ask_how_much().ok()?).await.ok()?;
    let number = |name: &str| Reflect::get(&estimate, &name.into()).ok()?.as_f64();
    Some(to_millis(number("quota")? - number("usage")?))
}
