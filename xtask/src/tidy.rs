//! `cargo xtask tidy`: what the architecture forbids and no compiler checks.

mod bounds;
mod directions;
mod files;
mod licences;
mod metadata;
mod spdx;
mod wasm;

use std::process::Command;

use anyhow::{Result, bail};

/// A thing that is not as it should be.
pub(crate) type Faults = Vec<String>;

/// Runs every check, the compilation for wasm32 among them.
pub(crate) fn tidy() -> Result<()> {
    let outcome = checks();
    imports()?;
    outcome
}

/// The checks that compile nothing.
pub(crate) fn checks() -> Result<()> {
    let metadata = metadata::Metadata::read()?;
    let mut faults = directions::check(&metadata);
    faults.extend(files::check()?);
    faults.extend(bounds::check()?);
    faults.extend(licences::check(&metadata)?);
    faults.extend(wasm::check_trees()?);
    tell(&faults)
}

/// Compiles for wasm32 what must run in a browser, and sees that it imports nothing.
pub(crate) fn imports() -> Result<()> {
    tell(&wasm::check_imports()?)
}

fn tell(faults: &Faults) -> Result<()> {
    for fault in faults {
        println!("{fault}");
    }
    if faults.is_empty() { Ok(()) } else { bail!("{} things to tidy up", faults.len()) }
}

/// The lints of what is compiled for a browser only, which those of the workspace pass by.
pub(crate) fn page_lints() -> Command {
    wasm::lint()
}
