//! What must run in a browser compiles for wasm32 and asks nothing of its surroundings.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::cargo;
use crate::tidy::Faults;

const TARGET: &str = "wasm32-unknown-unknown";

/// The crates that run in a browser tab as they are.
const CRATES: [&str; 4] = ["tincan-wire", "tincan-engine", "tincan-mqtt", "tincan-backup"];

/// The crates that are nothing anywhere else.
const BROWSER_CRATES: [&str; 2] = ["tincan-web", "tincan-web-ui"];

/// Crates by which code reaches for a clock, randomness or JavaScript. On this target the
/// standard library itself imports nothing.
const REACHING: [&str; 9] = [
    "getrandom",
    "instant",
    "js-sys",
    "tokio",
    "wasi",
    "wasm-bindgen",
    "web-sys",
    "web-time",
    "wit-bindgen",
];

/// The command that compiles them.
pub(crate) fn compile() -> Command {
    on("check", &CRATES)
}

/// The command that lints the browser's own crates.
pub(crate) fn lint() -> Command {
    let mut command = on("clippy", &BROWSER_CRATES);
    command.args(["--", "-D", "warnings"]);
    command
}

/// A command of cargo on these crates, compiled for a browser.
fn on(command: &str, crates: &[&str]) -> Command {
    let mut command = cargo(&[command, "-q", "--lib", "--target", TARGET]);
    for name in crates {
        command.args(["-p", name]);
    }
    command
}

/// Looks through what each of them depends on.
pub(crate) fn check_trees() -> Result<Faults> {
    let mut faults = Faults::new();
    for name in CRATES {
        for dependency in tree(name)? {
            if REACHING.contains(&dependency.as_str()) {
                faults.push(format!(
                    "{name} depends on {dependency} on wasm32: clocks, randomness and JavaScript \
                     are the shell's (cargo tree -p {name} -i {dependency} --target {TARGET})"
                ));
            }
        }
    }
    Ok(faults)
}

/// The names of everything that goes into a crate on wasm32.
fn tree(name: &str) -> Result<Vec<String>> {
    let output = cargo(&[
        "tree",
        "--locked",
        "-p",
        name,
        "--target",
        TARGET,
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])
    .output()
    .context("cannot start cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect())
}
