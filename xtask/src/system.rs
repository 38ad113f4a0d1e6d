//! What the tests need of the machine beside Rust, and how it gets there.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::step::step;

/// A program of another package that tests run, and who needs it.
struct Program {
    names: &'static [&'static str],
    package: &'static str,
    needed_by: &'static str,
}

/// Who needs machines with networks of their own.
const NETWORKS: &str = "tests in networks of their own";

/// Who needs another relay, or its clients.
const RELAYS: &str = "tests of the relay";

const PROGRAMS: [Program; 12] = [
    Program { names: &["c++", "g++"], package: "g++", needed_by: "fuzz targets" },
    Program { names: &["faketime"], package: "faketime", needed_by: "tests of wrong clocks" },
    Program { names: &["ip"], package: "iproute2", needed_by: NETWORKS },
    Program { names: &["nft"], package: "nftables", needed_by: NETWORKS },
    Program { names: &["unshare"], package: "util-linux", needed_by: NETWORKS },
    Program { names: &["mosquitto"], package: "mosquitto", needed_by: "broker tests" },
    Program { names: &["turnutils_uclient"], package: "coturn", needed_by: RELAYS },
    Program {
        names: &["chromium", "chromium-browser", "google-chrome"],
        package: "chromium",
        needed_by: "WebRTC tests against Chromium",
    },
    Program {
        names: &["firefox", "firefox-esr"],
        package: "firefox-esr",
        needed_by: "WebRTC tests against Firefox",
    },
    Program { names: &["node", "nodejs"], package: "nodejs", needed_by: "tests in browsers" },
    Program { names: &["npm"], package: "npm", needed_by: "tests in browsers" },
    Program { names: &["certutil"], package: "libnss3-tools", needed_by: "tests in browsers" },
];

/// Where programs are: the search path, and where Debian puts servers.
const MORE_PLACES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Installs what is not there yet, by apt.
pub(crate) fn install_programs() -> Result<()> {
    install(PROGRAMS.iter().collect())
}

/// The same of what makes networks.
pub(crate) fn install_network_programs() -> Result<()> {
    install(PROGRAMS.iter().filter(|program| program.needed_by == NETWORKS).collect())
}

/// The same of what relays.
pub(crate) fn install_relay_programs() -> Result<()> {
    install(PROGRAMS.iter().filter(|program| program.needed_by == RELAYS).collect())
}

fn install(mut missing: Vec<&Program>) -> Result<()> {
    missing.retain(|program| !program.names.iter().any(|name| is_there(name)));
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    let wanted: Vec<String> = missing
        .iter()
        .map(|program| format!("{} (for {})", program.package, program.needed_by))
        .collect();
    if !is_there("apt-get") {
        bail!("please install {}: there is no apt-get to do it", wanted.join(", "));
    }
    step("apt-get update", as_root(&["apt-get", "update", "-q"]).env("LC_ALL", "C"))?;
    let mut words = vec!["apt-get", "install", "-q", "-y", "--no-install-recommends"];
    words.extend(&packages);
    let install = step(
        &format!("install {}", packages.join(", ")),
        as_root(&words).env("DEBIAN_FRONTEND", "noninteractive"),
    );
    if install.is_err() {
        bail!("please install {}: apt-get could not", wanted.join(", "));
    }
    Ok(())
}

/// Adds the parts of the Rust toolchain that are not there yet.
pub(crate) fn install_toolchain_parts() -> Result<()> {
    install_page_target()?;
    install_part("component", "clippy")?;
    install_part("component", "rustfmt")
}

/// What the page is compiled for: a fresh rustup has this machine's own target only.
pub(crate) fn install_page_target() -> Result<()> {
    install_part("target", "wasm32-unknown-unknown")
}

fn install_part(kind: &str, name: &str) -> Result<()> {
    let list = Command::new("rustup").args([kind, "list", "--installed"]).output();
    let is_there = list.is_ok_and(|list| {
        String::from_utf8_lossy(&list.stdout).lines().any(|line| line.starts_with(name))
    });
    if is_there {
        return Ok(());
    }
    step(&format!("add {name}"), Command::new("rustup").args([kind, "add", name]))
}

fn as_root(words: &[&str]) -> Command {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = if is_root { Command::new(words[0]) } else { Command::new("sudo") };
    command.args(if is_root { &words[1..] } else { words });
    command
}

/// Whether there is a program of that name.
pub(crate) fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_PLACES.iter().map(|place| Path::new(place).to_owned()))
        .any(|place| place.join(name).is_file())
}
