//! `cargo xtask tidy`: what the architecture forbids and no compiler checks.

mod directions;
mod files;
mod licences;
mod metadata;
mod spdx;
mod wasm;

use std::process::Command;

use anyhow::{Result, bail};

use crate::step::step;

/// A thing that is not as it should be.
pub(crate) type Faults = Vec<String>;

/// Runs every check, the compilation for wasm32 among them.
pub(crate) fn tidy() -> Result<()> {
    let outcome = checks();
    step("wasm32", &mut wasm_check())?;
    outcome
}

/// The checks that compile nothing.
pub(crate) fn checks() -> Result<()> {
    let metadata = metadata::Metadata::read()?;
    let mut faults = directions::check(&metadata);
    faults.extend(files::check()?);
    faults.extend(licences::check(&metadata)?);
    faults.extend(wasm::check_trees()?);
    for fault in &faults {
        println!("{fault}");
    }
    if faults.is_empty() { Ok(()) } else { bail!("{} things to tidy up", faults.len()) }
}

/// The command that compiles for wasm32 what must run in a browser.
pub(crate) fn wasm_check() -> Command {
    wasm::compile()
}

/// The lints of what is compiled for a browser only, which those of the workspace pass by.
pub(crate) fn page_lints() -> Command {
    wasm::lint()
}
