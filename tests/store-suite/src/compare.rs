//! Saying what is wrong.

use std::fmt::Debug;

use crate::Outcome;

/// Most characters of a value that is not as it should be.
const MAX_SHOWN: usize = 1_500;

/// Both must be equal.
pub(crate) fn same<T: PartialEq<U> + Debug, U: Debug>(
    found: T,
    expected: U,
    what: &str,
) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {}, expected {}", shown(&found), shown(&expected)))
}

/// It must hold.
pub(crate) fn holds(fact: bool, what: &str) -> Outcome {
    if fact { Ok(()) } else { Err(what.to_owned()) }
}

fn shown(value: &dyn Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text,
    }
}
