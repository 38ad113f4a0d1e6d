//! Origins, as the browser compares them.

use web_sys::Url;

/// The origin of an address of the web in its one spelling, if it is one.
pub(crate) fn of(address: &str) -> Option<String> {
    let url = Url::new(address).ok()?;
    matches!(url.protocol().as_str(), "http:" | "https:").then(|| url.origin())
}
