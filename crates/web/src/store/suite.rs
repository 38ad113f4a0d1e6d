//! What every store must do (`tests/store-suite`), on the browser that runs it. Exported for the
//! tests in real browsers, never part of the page.

mod faults;
mod measure;
mod subject;
mod transfer;

use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;

use subject::Browser;

/// Runs all cases, each on a database of its own: a JSON list of `{"name", "wrong"}`, where
/// `wrong` is null or says what is wrong. With `only`, just the cases whose name has it.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "only what is public is exported")]
pub async fn store_suite(only: Option<String>) -> String {
    let Ok(lg) = "nothing0".parse() else { return String::new() };
    let mut disk = tincan_store_suite::Disk::new(Browser::new(lg));
    let mut outcomes = Vec::new();
    for case in tincan_store_suite::cases() {
        if only.as_ref().is_none_or(|only| case.name.contains(only.as_str())) {
            let start = measure::now_ms();
            let wrong = case.run(&mut disk).await.err();
            let millis = (measure::now_ms() - start) as u64;
            outcomes.push(json!({ "name": case.name, "wrong": wrong, "millis": millis }));
        }
    }
    disk.subject.forget().await;
    for (name, case) in faults::CASES.iter().chain(transfer::CASES) {
        if only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            let wrong = case().await.err();
            outcomes.push(json!({ "name": name, "wrong": wrong, "millis": null }));
        }
    }
    serde_json::Value::from(outcomes).to_string()
}
