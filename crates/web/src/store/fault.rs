//! What can go wrong between us and the browser's database, by what a person can do about it.

use js_sys::Reflect;
use thiserror::Error;
use tincan_engine::StoreFailure;
use wasm_bindgen::JsValue;

/// Why a database operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The browser gives this site no more space.
    Full,
    /// The store was closed by us.
    Closed,
    /// Another tab brings the database to a newer format.
    Newer,
    /// The browser has closed the database by itself, and it could not be opened again.
    Lost(String),
    /// What is stored makes no sense.
    Damaged(&'static str),
    /// A number does not fit into what the native node's database can hold.
    OutOfRange(&'static str),
    /// Something else that the browser refuses; in its words.
    Other(String),
    /// The connection is closed for a reason of the browser's: it may be opened again.
    Disconnected,
}

impl Fault {
    /// In words that say what to do.
    pub(super) fn sentence(&self) -> String {
        let cause = match self {
            Self::Full => {
                "the browser gives this site no more space; free some space on this device, or \
                 export a backup and clear old data of other sites"
            }
            Self::Closed => "this tab is closing and saves nothing more; load the page again",
            Self::Newer => {
                "a newer version of this page is open in another tab; load this page again"
            }
            Self::Lost(detail) => {
                return format!(
                    "the browser has closed or deleted what this site stored ({detail}); export a \
                     backup now if you can, then load the page again"
                );
            }
            Self::Disconnected => {
                "the browser has closed what this site stored; load the page again"
            }
            Self::Damaged(what) => {
                return format!(
                    "what this browser has stored is damaged ({what}); nothing was deleted; \
                     restore it from a backup"
                );
            }
            Self::OutOfRange(what) => return format!("{what} is too large to be kept"),
            Self::Other(detail) => return format!("the browser did not store it ({detail})"),
        };
        cause.to_owned()
    }

    /// For the engine.
    pub(super) fn failure(&self) -> StoreFailure {
        StoreFailure(self.sentence())
    }

    /// What a `DOMException` says.
    pub(super) fn of(error: &JsValue) -> Self {
        match text(error, "name").as_str() {
            "QuotaExceededError" => Self::Full,
            "InvalidStateError" => Self::Disconnected,
            "VersionError" => Self::Newer,
            name => Self::Other(words(name, &text(error, "message"))),
        }
    }
}

/// A text property of a thrown value; empty if there is none.
pub(super) fn text(error: &JsValue, property: &str) -> String {
    Reflect::get(error, &JsValue::from_str(property))
        .ok()
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

fn words(name: &str, message: &str) -> String {
    match (name, message) {
        ("", "") => "no reason given".to_owned(),
        (words, "") | ("", words) => words.to_owned(),
        (name, message) => [name, message].join(": "),
    }
}

impl From<JsValue> for Fault {
    fn from(error: JsValue) -> Self {
        Self::of(&error)
    }
}

/// Why the store could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum StoreError {
    /// The browser lets this page store nothing: a private window, or a setting.
    #[error("the browser lets this page store nothing ({reason})")]
    Refused {
        /// In the browser's words.
        reason: String,
    },
    /// A newer version of the page has written it; nothing was changed.
    #[error("a newer version of this page has been used in this browser; load the page again")]
    Newer,
    /// What is in it makes no sense; nothing was changed.
    #[error("what this browser has stored can't be read ({reason}); nothing was deleted")]
    Unreadable {
        /// What is wrong.
        reason: String,
    },
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Newer => Self::Newer,
            Fault::Damaged(what) => Self::Unreadable { reason: what.to_owned() },
            Fault::Other(reason) => Self::Refused { reason },
            fault => Self::Refused { reason: fault.sentence() },
        }
    }
}

/// Why a question got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum QueryError {
    /// A page has at least one message and at most `max`.
    #[error("limit must be 1 to {max}")]
    Limit {
        /// The most that a page may have.
        max: usize,
    },
    /// The store is closed.
    #[error("this tab is closing; load the page again to read the history")]
    Closed,
    /// The database could not be read.
    #[error("{reason}")]
    Failed {
        /// In words that say what to do.
        reason: String,
    },
}

impl From<Fault> for QueryError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Closed => Self::Closed,
            fault => Self::Failed { reason: fault.sentence() },
        }
    }
}
