//! One step of a task: a command with a title, its time and its outcome.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs us, at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end and tells how long it took.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<()> {
    println!("── {title}");
    let start = Instant::now();
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    done(title, start, status.success())
}

/// The same, handing each line of the output to `line` and printing it.
pub(crate) fn step_with_lines(
    title: &str,
    command: &mut Command,
    mut line: impl FnMut(&str),
) -> Result<()> {
    println!("── {title}");
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let output = child.stdout.take().context("the output was asked for")?;
    for text in BufReader::new(output).split(b'\n') {
        let text = text.context("cannot read the output")?;
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        line(&text);
    }
    let status = child.wait().context("cannot wait for the command")?;
    done(title, start, status.success())
}

/// Runs a command to its end and gives what it printed to stdout.
pub(crate) fn output(title: &str, command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{title} failed");
    }
    String::from_utf8(output.stdout).with_context(|| format!("{title} prints no text"))
}

/// Runs a check of our own and tells how long it took.
pub(crate) fn check(title: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("── {title}");
    let start = Instant::now();
    let outcome = check();
    if let Err(error) = &outcome {
        println!("{error:#}");
    }
    done(title, start, outcome.is_ok())
}

fn done(title: &str, start: Instant, good: bool) -> Result<()> {
    let word = if good { "ok" } else { "FAILED" };
    println!("── {title}: {word} in {:.1} s", start.elapsed().as_secs_f64());
    if good { Ok(()) } else { bail!("{title} failed") }
}
