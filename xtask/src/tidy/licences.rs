//! Which licences and crates the product may contain: what `deny.toml` says, so that cargo-deny
//! would say the same.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::step::root;
use crate::tidy::Faults;
use crate::tidy::metadata::{Metadata, Package};
use crate::tidy::spdx;

/// The part of `deny.toml` that is looked at.
#[derive(Debug, Deserialize)]
struct Deny {
    licenses: Licences,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

pub(crate) fn check(metadata: &Metadata) -> Result<Faults> {
    let text = fs::read_to_string(root().join("deny.toml")).context("cannot read deny.toml")?;
    let deny: Deny = toml::from_str(&text).context("deny.toml says something new")?;
    Ok(metadata.foreign().flat_map(|package| check_package(package, &deny)).collect())
}

fn check_package(package: &Package, deny: &Deny) -> Faults {
    let mut faults = Faults::new();
    let named = format!("{} {}", package.name, package.version);
    if let Some(banned) = deny.bans.deny.iter().find(|banned| banned.name == package.name) {
        faults.push(format!("{named} is banned: {}", banned.reason));
    }
    match package.license.as_deref() {
        None => faults.push(format!("{named} names no licence")),
        Some(licence) if !spdx::is_allowed(licence, &deny.licenses.allow) => {
            faults.push(format!("{named}: the licence {licence} is not among the allowed"));
        }
        Some(_) => {}
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, licence: Option<&str>, expected: &[&str]) {
        let deny = "[licenses]\nallow = [\"MIT\"]\n\
                    [[bans.deny]]\ncrate = \"bad\"\nreason = \"it lies\"";
        let mut package = Package::for_test(name, &[]);
        package.license = licence.map(str::to_owned);
        assert_eq!(check_package(&package, &toml::from_str(deny).unwrap()), expected);
    }

    #[test]
    fn banned_crates_and_other_licences_are_found() {
        check("good", Some("MIT OR GPL-3.0"), &[]);
        check(
            "good",
            Some("GPL-3.0"),
            &["good 1.0.0: the licence GPL-3.0 is not among the allowed"],
        );
        check("good", None, &["good 1.0.0 names no licence"]);
        check("bad", Some("MIT"), &["bad 1.0.0 is banned: it lies"]);
    }
}
