//! The texts of the page with their names filled in.

use anyhow::{Context as _, Result, ensure};

use crate::template::fill;

/// Paths of what the page loads.
pub(crate) struct Head<'a> {
    pub(crate) style: &'a str,
    pub(crate) script: &'a str,
    pub(crate) wasm: &'a str,
    pub(crate) boot: &'a str,
}

/// What every page refers to that this makes.
const REFERENCES: [&str; 2] = ["/manifest.webmanifest", "/icon.svg"];

/// `index.html`.
///
/// # Errors
/// It leaves out something without which the page would load slowly or could not be installed.
pub(crate) fn index(text: &str, head: &Head<'_>) -> Result<String> {
    let values =
        [("STYLE", head.style), ("SCRIPT", head.script), ("WASM", head.wasm), ("BOOT", head.boot)];
    let index = fill("index.html", text, &values)?;
    for reference in REFERENCES {
        ensure!(index.contains(reference), "index.html does not refer to {reference}");
    }
    Ok(index)
}

/// `manifest.webmanifest`, as short as it gets.
pub(crate) fn manifest(text: &str) -> Result<String> {
    let value: serde_json::Value =
        serde_json::from_str(text).context("manifest.webmanifest is not JSON")?;
    Ok(value.to_string())
}
