//! The page in real browsers: the tests of `tests/browser`, and the figures measured there.
//!
//! They run in node's own test runner, against the binary with the page inside. A browser that is
//! missing fails them: what nobody looked at is not shown to work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::step::{output, root, step, step_with_lines};
use crate::system::install_programs;
use crate::web;

/// The features of the bare page with what the tests call beside the product itself.
const TEST_FEATURES: &str = "tincan-web/store-suite";

/// What node's runner counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: Vec<String>,
}

/// Runs the tests against the debug binary, which must be of this source already.
pub(crate) fn test(counts: &mut Counts) -> Result<()> {
    install_packages()?;
    web::web(&["--features", TEST_FEATURES])?;
    let mut node = node(&["--test", "--test-concurrency=1", "--test-reporter=spec"], "debug");
    node.args(tests()?);
    let outcome = step_with_lines("browsers", &mut node, |line| counts.take(line));
    if outcome.is_ok() && counts.passed == 0 {
        bail!("browsers: no test ran");
    }
    outcome
}

/// Measures the release binary, which must be of this source already. Gives lines of figures.
pub(crate) fn bench() -> Result<String> {
    install_programs()?;
    install_packages()?;
    output("measuring the page", &mut node(&["bench/main.js"], "release"))
}

/// Takes the pictures of the README from the release binary, which must be of this source already.
pub(crate) fn screens() -> Result<()> {
    install_programs()?;
    install_packages()?;
    step("pictures of the page", &mut node(&["screens/main.js"], "release"))
}

fn folder() -> PathBuf {
    root().join("tests/browser")
}

fn node(words: &[&str], profile: &str) -> Command {
    let name = if crate::system::is_there("node") { "node" } else { "nodejs" };
    let mut node = Command::new(name);
    let binary = root().join("target").join(profile).join("tincan");
    node.args(words).current_dir(folder()).env("TINCAN_BINARY", binary);
    node
}

/// Every file of tests, in the order of their names.
fn tests() -> Result<Vec<PathBuf>> {
    let suite = folder().join("suite");
    let read = fs::read_dir(&suite).with_context(|| format!("no {}", suite.display()))?;
    let mut files: Vec<PathBuf> = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".test.js"))
        .collect();
    files.sort();
    Ok(files)
}

/// Installs the pinned packages, unless they are there just as the lock file says.
pub(crate) fn install_packages() -> Result<()> {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let wanted = changed(&folder().join("package-lock.json"));
    // Written by npm at the end of an installation.
    let there = changed(&folder().join("node_modules/.package-lock.json"));
    if there.is_some() && there >= wanted {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder());
    step("npm ci", &mut npm)
}

impl Counts {
    /// Reads a line of the runner's report.
    fn take(&mut self, line: &str) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("﹣ ") {
            self.skipped.push(name.to_owned());
        }
        let Some(count) = line.strip_prefix("ℹ ") else { return };
        let Some((word, count)) = count.split_once(' ') else { return };
        let Ok(count) = count.trim().parse::<usize>() else { return };
        match word {
            "pass" => self.passed += count,
            "fail" | "cancelled" => self.failed += count,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn the_runners_report_is_added_up() {
        let mut counts = Counts::default();
        for line in [
            "✔ a message arrives (12.3ms)",
            "﹣ a page is folded (0.1ms) # no such device",
            "ℹ tests 9",
            "ℹ pass 5",
            "ℹ fail 2",
            "ℹ cancelled 1",
            "ℹ skipped 1",
            "ℹ duration_ms 1234.5",
        ] {
            counts.take(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.skipped.len()), (5, 3, 1));
    }
}
