//! The list of extensions that each side announces (`caps`, protocol §§4, 5).

use crate::json::{JsonError, Object, Value};

/// In `hello`: a `ping` is answered (protocol §5).
pub const PING: &str = "ping";

/// Most capabilities in a list: far more than there are extensions.
pub const MAX_CAPABILITIES: usize = 16;

/// Longest capability in bytes.
pub const MAX_CAPABILITY_BYTES: usize = 32;

/// Whether a list keeps the bounds. Unknown capabilities are legal and mean nothing.
pub(crate) fn are_legal(capabilities: &[String]) -> bool {
    capabilities.len() <= MAX_CAPABILITIES && capabilities.iter().all(|one| is_legal(one))
}

fn is_legal(capability: &str) -> bool {
    (1..=MAX_CAPABILITY_BYTES).contains(&capability.len())
        && !capability.chars().any(char::is_control)
}

/// Takes `caps`; a missing list is empty.
pub(crate) fn take(object: &mut Object<'_>) -> Result<Vec<String>, JsonError> {
    let items = object.array("caps")?;
    if items.len() > MAX_CAPABILITIES {
        return Err(JsonError::BadField("caps"));
    }
    items
        .into_iter()
        .map(|item| match item {
            Value::String(text) if is_legal(&text) => Ok(text.into_owned()),
            _ => Err(JsonError::BadField("caps")),
        })
        .collect()
}
