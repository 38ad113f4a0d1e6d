//! The seed corpus of the fuzz targets, taken from the vectors: every text that a parser reads,
//! valid or not.

use serde_json::Value;

/// Larger inputs teach a fuzzer little and slow it down.
const MAX_INPUT_BYTES: usize = 4096;

/// Where each target's inputs stand: its name, the file, and the key of the text.
const SOURCES: [(&str, &str, &str); 13] = [
    ("access_token", "access_tokens.json", "token"),
    ("display_name", "display_names.json", "text"),
    ("envelope", "envelopes.json", "envelope"),
    ("frame", "frames.json", "json"),
    ("ids", "hello.json", "offerer_fp"),
    ("ids", "hello.json", "sid"),
    ("invite", "invites.json", "text"),
    ("json", "frames.json", "json"),
    ("ranges", "stamps.json", "requester"),
    ("sdp", "sdp.json", "sdp"),
    ("signal", "signals.json", "json"),
    ("topic", "topics.json", "topic"),
    ("user_id", "user_ids.json", "id"),
];

/// Every input with its target.
pub(crate) fn all(files: &[(&'static str, Value)]) -> Vec<(&'static str, String)> {
    let mut inputs = Vec::new();
    for (target, name, key) in SOURCES {
        for (_, file) in files.iter().filter(|(file, _)| *file == name) {
            collect(file, key, &mut |text| inputs.push((target, text.to_owned())));
        }
    }
    let ids = ["k3m9x2ap", "0102030405060708", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "00000000"];
    inputs.extend(ids.map(|id| ("ids", id.to_owned())));
    inputs.retain(|(_, text)| text.len() <= MAX_INPUT_BYTES);
    inputs.dedup();
    inputs
}

/// Finds the texts under `key` anywhere in the file; a list of bare texts counts too.
fn collect(value: &Value, key: &str, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == key => found(text),
                    other => collect(other, key, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::String(text) if key == "json" => found(text),
                    other => collect(other, key, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
