//! `cargo xtask natlab`: every pair of routers, what happens to a live chat, and the page in each
//! browser, with the release binary; what comes of all of them goes to the docs.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::step::{cargo, root, step};
use crate::system::{install_network_programs, install_programs};
use crate::{browser, web};

/// Another binary to try, as `tests/natlab` knows it: then none is built.
const OTHER: &str = "TINCAN_NATLAB_BINARY";

/// Flags with which no page is tried.
const WITHOUT_PAGE: [&str; 2] = ["--pair", "--no-browsers"];

/// More flags with which not everything is run, so that the docs stay as they are.
const PARTIAL: [&str; 7] =
    ["--rtt", "--loss", "--no-scenes", "--scenes", "--scene", "--browsers", "--browser"];

pub(crate) fn natlab(flags: &[&str]) -> Result<()> {
    let has = |some: &[&str]| flags.iter().any(|flag| some.contains(flag));
    if has(&WITHOUT_PAGE) && !has(&["--browsers", "--browser"]) {
        install_network_programs()?;
    } else {
        install_programs()?;
        browser::install_packages()?;
    }
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
    if !has(&WITHOUT_PAGE) && !has(&PARTIAL) {
        laboratory.arg("--docs").arg(root().join("docs"));
    }
    step("NAT laboratory", &mut laboratory)
}

fn target() -> std::path::PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}
