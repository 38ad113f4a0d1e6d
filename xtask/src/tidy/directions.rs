//! Which crate may depend on which: the arrows of `ARCHITECTURE.md`, and no others.

use crate::tidy::Faults;
use crate::tidy::metadata::{Metadata, Package};

/// Each crate with what it may depend on. Tests may use more, but nothing above themselves.
const ALLOWED: [(&str, &[&str]); 21] = [
    ("tincan-wire", &[]),
    ("tincan-engine", &["tincan-wire"]),
    ("tincan-mqtt", &[]),
    ("tincan-backup", &["tincan-wire", "tincan-engine"]),
    ("tincan-doctor", &[]),
    ("tincan-link", &[]),
    ("tincan-relay", &[]),
    (
        "tincan-node",
        &[
            "tincan-wire",
            "tincan-engine",
            "tincan-backup",
            "tincan-doctor",
            "tincan-mqtt",
            "tincan-link",
            "tincan-relay",
        ],
    ),
    ("tincan-hub", &["tincan-wire", "tincan-relay"]),
    ("tincan", &["tincan-wire", "tincan-engine", "tincan-doctor", "tincan-node", "tincan-hub"]),
    (
        "tincan-bench",
        &[
            "tincan-wire",
            "tincan-engine",
            "tincan-relay",
            "tincan-node",
            "tincan-hub",
            "tincan-e2e",
        ],
    ),
    ("tincan-e2e", &["tincan-wire", "tincan-engine", "tincan-link", "tincan-node", "tincan-hub"]),
    ("tincan-hostile", &["tincan-wire", "tincan-link", "tincan-node", "tincan-hub"]),
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
    ("tincan-natlab", &["tincan-wire"]),
    ("tincan-sim", &["tincan-wire", "tincan-engine"]),
    ("xtask", &[]),
    ("xtask-web", &[]),
];

/// What no crate may depend on, not even in its tests: they start it as a process.
const TOPS: [&str; 7] = [
    "tincan",
    "tincan-bench",
    "tincan-hostile",
    "tincan-interop",
    "tincan-natlab",
    "xtask",
    "xtask-web",
];

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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, kind: Option<&str>, dependency: &str, expected: &str) {
        let package = Package::for_test(name, &[(dependency, kind)]);
        assert_eq!(check_package(&package).join("\n"), expected);
    }

    #[test]
    fn an_arrow_that_nobody_drew_is_found() {
        check("tincan-engine", None, "tincan-wire", "");
        let fault = "tincan-engine must not depend on tincan-node";
        check("tincan-engine", None, "tincan-node", fault);
        check("tincan-engine", Some("build"), "tincan-node", fault);
        check("tincan-wire", None, "tincan-engine", "tincan-wire must not depend on tincan-engine");
    }

    #[test]
    fn tests_may_use_more_but_nothing_above_themselves() {
        check("tincan-node", Some("dev"), "tincan-hub", "");
        check("tincan-node", Some("dev"), "tincan", "tincan-node must not depend on tincan");
    }

    #[test]
    fn a_crate_that_nobody_placed_is_found() {
        let faults = check_package(&Package::for_test("tincan-new", &[]));
        assert!(faults[0].starts_with("tincan-new: a new crate"), "{faults:?}");
    }
}
