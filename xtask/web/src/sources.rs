//! What the page is made of beside its code.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Texts of the page, with names to be filled in.
pub(crate) struct Sources {
    pub(crate) index: String,
    pub(crate) style: String,
    pub(crate) boot: String,
    pub(crate) worker: String,
    pub(crate) manifest: String,
}

impl Sources {
    /// Reads the folders of the page and of what is around it.
    pub(crate) fn read(assets: &Path, site: &Path) -> Result<Self> {
        Ok(Self {
            index: text(&assets.join("index.html"))?,
            style: text(&assets.join("style.css"))?,
            boot: text(&site.join("boot.js"))?,
            worker: text(&site.join("sw.js"))?,
            manifest: text(&site.join("manifest.webmanifest"))?,
        })
    }
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
