//! Small things that this browser remembers for a person: drafts, theme, whether to notify.
//! Where the browser refuses to, they last as long as the tab.

use std::cell::RefCell;

use leptos::prelude::window;
use tincan_wire::SortedMap;

/// What all our entries begin with.
const PREFIX: &str = "tincan.";

thread_local! {
    /// What the browser would not take. Bounded by what a person types in one tab.
    static REFUSED: RefCell<SortedMap<String, String>> = const { RefCell::new(SortedMap::new()) };
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn full_key(key: &str) -> String {
    [PREFIX, key].concat()
}

/// What is remembered under this key.
pub(crate) fn read(key: &str) -> Option<String> {
    let key = full_key(key);
    let refused = REFUSED.with_borrow(|refused| refused.get(&key).cloned());
    refused.or_else(|| storage()?.get_item(&key).ok().flatten())
}

/// Remembers `value`; an empty one is forgotten.
pub(crate) fn write(key: &str, value: &str) {
    let key = full_key(key);
    let stored = storage().is_some_and(|storage| {
        if value.is_empty() {
            storage.remove_item(&key).is_ok()
        } else {
            storage.set_item(&key, value).is_ok()
        }
    });
    REFUSED.with_borrow_mut(|refused| {
        if stored || value.is_empty() {
            refused.remove(&key);
        } else {
            refused.insert(key, value.to_owned());
        }
    });
}
