//! Which crate may depend on which: the arrows of `ARCHITECTURE.md`, and no others.

use crate::tidy::Faults;
use crate::tidy::metadata::{Metadata, Package};

/// Each crate with what it may depend on. Tests may use more, but nothing above themselves.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("tincan-wire", &[]),
    ("tincan-engine", &["tincan-wire"]),
    ("tincan-mqtt", &[]),
    ("tincan-backup", &["tincan-wire", "tincan-engine"]),
    ("tincan-link", &[]),
    (
        "tincan-node",
        &["tincan-wire", "tincan-engine", "tincan-backup", "tincan-mqtt", "tincan-link"],
    ),
    ("tincan-hub", &["tincan-wire"]),
    ("tincan", &["tincan-wire", "tincan-engine", "tincan-node", "tincan-hub"]),
    ("tincan-bench", &["tincan-wire", "tincan-engine", "tincan-node", "tincan-hub"]),
    ("tincan-e2e", &["tincan-wire", "tincan-engine", "tincan-link", "tincan-node", "tincan-hub"]),
    (
        "tincan-interop",
        &[
            "tincan-wire",
            "tincan-engine",
            "tincan-link",
            "tincan-mqtt",
            "tincan-node",
            "tincan-hub",
        ],
    ),
    (
        "tincan-web",
        &["tincan-wire", "tincan-engine", "tincan-mqtt", "tincan-backup", "tincan-store-suite"],
    ),
    ("tincan-web-ui", &["tincan-wire", "tincan-engine", "tincan-web"]),
    ("tincan-store-suite", &["tincan-wire", "tincan-engine"]),
    ("xtask", &[]),
    ("xtask-web", &[]),
];

/// What no crate may depend on, not even in its tests: they start it as a process.
const TOPS: [&str; 6] =
    ["tincan", "tincan-bench", "tincan-e2e", "tincan-interop", "xtask", "xtask-web"];

pub(crate) fn check(metadata: &Metadata) -> Faults {
    metadata.members().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Faults {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
        return vec![format!(
            "{}: a new crate; say in xtask/src/tidy/directions.rs what it may depend on",
            package.name
        )];
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some())
        .filter(|dependency| match dependency.kind.as_deref() {
            Some("dev") => TOPS.contains(&dependency.name.as_str()),
            _ => !allowed.contains(&dependency.name.as_str()),
        })
        .map(|dependency| format!("{} must not depend on {}", package.name, dependency.name))
        .collect()
}
