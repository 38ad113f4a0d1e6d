//! Makes the page that a hub serves from the compiled `crates/web/ui`: bindings between
//! WebAssembly and JavaScript, names with content hashes, compressed forms, icons.
//!
//! `cargo xtask web` compiles, and calls this only if something changed; it is a program of its
//! own because the crates that it needs take long to compile.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task speaks to its terminal")]

mod bindings;
mod bundle;
mod by_crate;
mod compression;
mod emit;
mod folder;
mod icon;
mod linkage;
mod module;
mod names;
mod order;
mod page;
mod parsed;
mod parts;
mod png;
mod raster;
mod short_names;
mod sizes;
mod sources;
mod split;
mod template;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use sources::Sources;

const HELP: &str = "\
xtask-web page --wasm FILE --assets FOLDER --site FOLDER --out FOLDER
                            the page that a hub serves
xtask-web bare --wasm FILE --out FOLDER
                            a page that only loads the module, for tests: `window.tincan`
xtask-web by-crate --wasm FILE
                            how many bytes of code come from which crate";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask-web: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let path = |flag: &str| -> Result<PathBuf> {
        let at = words.iter().position(|word| word == flag);
        let value = at.and_then(|at| words.get(at + 1));
        Ok(PathBuf::from(value.with_context(|| format!("{flag} is missing\n{HELP}"))?))
    };
    let wasm = || {
        let path = path("--wasm")?;
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    match words.first().map(String::as_str) {
        Some("page") => {
            let sources = Sources::read(&path("--assets")?, &path("--site")?)?;
            let bundle = bundle::page(&wasm()?, &sources)?;
            folder::write(&path("--out")?, &bundle.files)?;
            sizes::print(&bundle);
            Ok(())
        }
        Some("bare") => folder::write(&path("--out")?, &bundle::bare(&wasm()?)?.files),
        Some("by-crate") => by_crate::print(&wasm()?),
        _ => bail!("{HELP}"),
    }
}
