//! `cargo xtask natlab`: every pair of routers, and what happens to a live chat, with the release
//! binary; what comes of all of them goes to the docs.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::step::{cargo, root, step};
use crate::system::install_network_programs;
use crate::web;

/// Another binary to try, as `tests/natlab` knows it: then none is built.
const OTHER: &str = "TINCAN_NATLAB_BINARY";

/// Flags with which not everything is run, so that the docs stay as they are.
const PARTIAL: [&str; 5] = ["--pair", "--rtt", "--loss", "--scenes", "--no-scenes"];

pub(crate) fn natlab(flags: &[&str]) -> Result<()> {
    install_network_programs()?;
    if env::var_os(OTHER).is_none() {
        web::make()?;
        step("build", &mut cargo(&["build", "--release", "-q", "-p", "tincan"]))?;
    }
    step(
        "build of the laboratory",
        &mut cargo(&["build", "--release", "-q", "-p", "tincan-natlab"]),
    )?;
    let mut laboratory = Command::new(target().join("release/natlab"));
    laboratory.args(flags);
    if !flags.iter().any(|flag| PARTIAL.contains(flag)) {
        laboratory.arg("--docs").arg(root().join("docs"));
    }
    step("NAT laboratory", &mut laboratory)
}

fn target() -> std::path::PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}
