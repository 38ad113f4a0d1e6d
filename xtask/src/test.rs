//! `cargo xtask test`: every check and every test, each step with its time, and one sum.

use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::step::{cargo, check, step, step_with_lines};
use crate::system::{install_programs, install_toolchain_parts};
use crate::{browser, sim, tidy, web};

/// Where it is set, `tests/interop` does without the browsers.
const SKIP_BROWSERS: &str = "TINCAN_SKIP_BROWSERS";

/// Runs everything; a failed step does not keep the others from running.
pub(crate) fn test() -> Result<()> {
    let start = Instant::now();
    install_toolchain_parts()?;
    install_programs()?;
    let mut failed = Vec::new();
    let mut note = |outcome: Result<()>| {
        if let Err(error) = outcome {
            failed.push(error.to_string());
        }
    };
    note(step("format", &mut cargo(&["fmt", "--all", "--check"])));
    note(step("format of the fuzz targets", &mut fuzz("fmt", &["--check"])));
    note(check("tidy", tidy::checks));
    // The page is in more tests than its own.
    note(browser::install_packages());
    // Before anything that compiles the hub, which takes the page in. Most of the time one core
    // makes it smaller; the other has what needs no hub.
    let made = thread::scope(|scope| {
        let page = scope.spawn(web::page);
        note(check("wasm32", tidy::imports));
        note(step("lints of the page", &mut tidy::page_lints()));
        page.join().unwrap_or_else(|_| bail!("web: panicked"))
    });
    note(made);
    note(step(
        "lints",
        &mut cargo(&["clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ));
    note(step(
        "docs",
        cargo(&["doc", "-q", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    ));
    // The tests of the whole product start the binary that this leaves beside them. Building it
    // alone first would compile half of the tree twice, with other features.
    note(step("build", &mut cargo(&["test", "-q", "--workspace", "--no-run"])));
    let mut sum = Sum::default();
    note(step_with_lines(
        "tests",
        &mut cargo(&["test", "--workspace", "--no-fail-fast"]),
        |line| sum.take(line),
    ));
    note(step("simulation", &mut sim::of_a_test()));
    let linted = ["-q", "--all-targets", "--target-dir", "target", "--", "-D", "warnings"];
    note(step("lints of the fuzz targets", &mut fuzz("clippy", &linted)));
    note(step_with_lines(
        "tests of the fuzz targets",
        &mut fuzz("test", &["--locked", "--target-dir", "target"]),
        |line| sum.take(line),
    ));
    if std::env::var_os(SKIP_BROWSERS).is_some() {
        // Those tests end early and look as if they had passed.
        sum.ignored.push(format!("the link with each browser: {SKIP_BROWSERS} is set"));
    }
    let mut counts = browser::Counts::default();
    note(browser::test(&mut counts));
    sum.take_browsers(counts);
    finish(&sum, &failed, start)
}

/// A command for the workspace of the fuzz targets.
fn fuzz(task: &str, arguments: &[&str]) -> Command {
    let mut command = cargo(&[task, "--manifest-path", "fuzz/Cargo.toml"]);
    command.args(arguments);
    command
}

fn finish(sum: &Sum, failed: &[String], start: Instant) -> Result<()> {
    println!("\nall of it took {:.0} s", start.elapsed().as_secs_f64());
    for name in &sum.ignored {
        println!("SKIPPED: {name}");
    }
    for error in failed {
        println!("FAILED: {error}");
    }
    // A step that is no test counts as one: the sum must not look good when it failed.
    let is_of_tests = |error: &str| error.starts_with("tests") || error.starts_with("browsers");
    let steps_failed = failed.iter().filter(|error| !is_of_tests(error)).count();
    let tests_failed = if sum.failed == 0 { failed.len() - steps_failed } else { sum.failed };
    println!(
        "{} passed, {} failed, {} skipped",
        sum.passed,
        tests_failed + steps_failed,
        sum.ignored.len()
    );
    if sum.passed == 0 {
        bail!("no test ran");
    }
    if failed.is_empty() { Ok(()) } else { bail!("{} steps failed", failed.len()) }
}

/// What the test programs report, added up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    passed: usize,
    failed: usize,
    ignored: Vec<String>,
}

impl Sum {
    fn take_browsers(&mut self, counts: browser::Counts) {
        self.passed += counts.passed;
        self.failed += counts.failed;
        self.ignored.extend(counts.skipped);
    }

    /// Reads a line of the output of `cargo test`.
    fn take(&mut self, line: &str) {
        if let Some(name) =
            line.strip_prefix("test ").and_then(|line| line.split_once(" ... ignored"))
        {
            self.ignored.push(format!("{}{}", name.0, name.1));
        }
        if let Some((_, what)) = line.split_once("SKIPPED: ") {
            self.ignored.push(what.to_owned());
        }
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let count = |word: &str| {
            counts
                .split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
                .unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up() {
        let mut sum = Sum::default();
        for line in [
            "test a ... ok",
            "test b ... ignored, needs a phone",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test c ... SKIPPED: IPv6: there is none",
            "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured",
        ] {
            sum.take(line);
        }
        let ignored = ["b, needs a phone", "IPv6: there is none"].map(str::to_owned).to_vec();
        assert_eq!(sum, Sum { passed: 8, failed: 2, ignored });
    }
}
