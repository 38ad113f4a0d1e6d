//! How files are called, how long they are, and what they must not hold.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::root;
use crate::tidy::Faults;

/// Names that say nothing: a function without a home has a concept without a name.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "misc", "shared", "stuff"];

/// Lines of a source file at most; one that is longer holds two concepts.
const MAX_LINES: usize = 600;

/// Parts of paths and hosts of the machines that the project is built on. Each is written in two
/// pieces, or this file would hold them.
const MACHINE_WORDS: [(&str, &str); 6] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/tmp", "/api"),
    ("index.crates", ".io"),
    ("registry.npm", "js.org"),
    ("deb.deb", "ian.org"),
];

pub(crate) fn check() -> Result<Faults> {
    let mut faults = Faults::new();
    for path in listed()? {
        faults.extend(check_name(&path));
        // What is no text has no lines and no words.
        if let Ok(text) = fs::read_to_string(root().join(&path)) {
            faults.extend(check_text(&path, &text));
        }
    }
    Ok(faults)
}

/// Every file that is in the repository or about to be.
pub(super) fn listed() -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .context("cannot start git")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn check_name(path: &str) -> Option<String> {
    let parts = Path::new(path).components().filter_map(|part| {
        let name = part.as_os_str().to_str()?;
        Some(name.split('.').next().unwrap_or(name))
    });
    parts
        .into_iter()
        .find(|name| EMPTY_NAMES.contains(name))
        .map(|name| format!("{path}: `{name}` says nothing; name it by its concept"))
}

fn check_text(path: &str, text: &str) -> Faults {
    let mut faults = Faults::new();
    let lines = text.lines().count();
    if path.ends_with(".rs") && lines > MAX_LINES {
        faults.push(format!("{path}: {lines} lines, {MAX_LINES} at most; it holds two concepts"));
    }
    if path.ends_with("Cargo.lock") {
        return faults;
    }
    for (first, second) in MACHINE_WORDS {
        let word = format!("{first}{second}");
        if let Some(nth) = text.lines().position(|line| line.contains(&word)) {
            faults.push(format!("{path}:{}: `{word}` belongs to one machine", nth + 1));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_found() {
        assert!(check_name("crates/a/src/utils.rs").is_some());
        assert!(check_name("crates/common/src/lib.rs").is_some());
        assert!(check_name("crates/a/src/outbox.rs").is_none());
    }

    #[test]
    fn long_files_and_words_of_a_machine_are_found() {
        assert_eq!(check_text("a.rs", &"\n".repeat(MAX_LINES + 1)).len(), 1);
        assert_eq!(check_text("a.md", &"\n".repeat(MAX_LINES + 1)).len(), 0);
        let word = format!("see {}{}", MACHINE_WORDS[0].0, MACHINE_WORDS[0].1);
        assert_eq!(check_text("a.md", &word).len(), 1);
    }
}
