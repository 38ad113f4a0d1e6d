//! `cargo xtask sim`: runs of the simulated world, and the mutants of the engine that it must
//! catch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::step::{cargo, root, step};

/// How many runs `cargo xtask test` makes.
const RUNS_OF_A_TEST: &str = "20000";
/// After so many runs a mutant counts as not caught.
const RUNS_OF_A_MUTANT: &str = "20000";
/// What the simulation is built of.
const CRATES: [&str; 3] = ["crates/wire", "crates/engine", "tests/sim"];
/// Where the mutants are described.
const MUTANTS: &str = "tests/sim/mutants";

pub(crate) fn sim(flags: &[&str]) -> Result<()> {
    match flags {
        ["--mutants", names @ ..] => hunt(names),
        _ => step("simulation", &mut simulation(flags)),
    }
}

/// What `cargo xtask test` runs: every transition must be entered, too.
pub(crate) fn of_a_test() -> Command {
    simulation(&["--seeds", RUNS_OF_A_TEST, "--covered"])
}

fn simulation(arguments: &[&str]) -> Command {
    let mut command = cargo(&["run", "--quiet", "-p", "tincan-sim", "--"]);
    command.args(arguments);
    command
}

/// The code broken on purpose, in one place.
#[derive(Debug, PartialEq, Eq)]
struct Mutant {
    name: String,
    file: String,
    is: String,
    becomes: String,
}

impl Mutant {
    /// Reads a description: the file, then what is there, then what becomes of it.
    fn parse(name: &str, text: &str) -> Option<Self> {
        let (file, rest) = text.split_once("\n--- is\n")?;
        let (is, becomes) = rest.split_once("--- becomes\n")?;
        let [name, file, is, becomes] = [name, file, is, becomes].map(str::to_owned);
        Some(Self { name, file, is, becomes })
    }

    fn apply(&self, code: &str) -> Result<String> {
        let count = code.matches(&self.is).count();
        ensure!(count == 1, "{}: what it changes is {count} times in {}", self.name, self.file);
        Ok(code.replace(&self.is, &self.becomes))
    }
}

fn mutants() -> Result<Vec<Mutant>> {
    let mut paths: Vec<_> = fs::read_dir(root().join(MUTANTS))
        .context(MUTANTS)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Mutant> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(path)?;
    Mutant::parse(&name, &text).with_context(|| format!("{name} is no description of a mutant"))
}

/// Lets the simulation find each mutant, in a copy of the code.
fn hunt(names: &[&str]) -> Result<()> {
    let tree = root().join("target/mutants");
    copy_workspace(&tree)?;
    let wanted = |mutant: &Mutant| names.is_empty() || names.contains(&mutant.name.as_str());
    let mut escaped = Vec::new();
    for mutant in mutants()?.into_iter().filter(wanted) {
        let place = tree.join(&mutant.file);
        let code = fs::read_to_string(&place)?;
        fs::write(&place, mutant.apply(&code)?)?;
        let caught = run_mutant(&tree);
        fs::write(&place, code)?;
        match caught? {
            Some(line) => println!("{}: {line}", mutant.name),
            None => escaped.push(mutant.name),
        }
    }
    if escaped.is_empty() { Ok(()) } else { bail!("not caught: {}", escaped.join(", ")) }
}

/// The line that says how a mutant was caught, if it was.
fn run_mutant(tree: &Path) -> Result<Option<String>> {
    // Nothing of a mutant may lie where the product is built.
    let of_the_mutant = |arguments: &[&str]| {
        let mut command = cargo(arguments);
        command.current_dir(tree).env("CARGO_TARGET_DIR", tree.join("target"));
        command
    };
    let build = of_the_mutant(&["build", "--quiet", "-p", "tincan-sim"]).status()?;
    ensure!(build.success(), "the mutant does not compile");
    let run = ["run", "--quiet", "-p", "tincan-sim", "--", "--seeds", RUNS_OF_A_MUTANT, "--raw"];
    let output = of_the_mutant(&run).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().find(|line| line.starts_with("seed ")).map(str::to_owned))
}

/// A workspace of the simulation alone.
fn copy_workspace(tree: &Path) -> Result<()> {
    for part in CRATES {
        let to = tree.join(part);
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        copy(&root().join(part), &to)?;
    }
    fs::copy(root().join("Cargo.lock"), tree.join("Cargo.lock"))?;
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    fs::write(tree.join("Cargo.toml"), manifest_of(&manifest)?)?;
    Ok(())
}

/// The workspace's manifest with the members that the simulation is built of.
fn manifest_of(manifest: &str) -> Result<String> {
    let (head, rest) = manifest.split_once("members = [").context("no members")?;
    let (_, tail) = rest.split_once(']').context("members without an end")?;
    let members = CRATES.map(|part| format!("\"{part}\"")).join(", ");
    Ok(format!("{head}members = [{members}]{tail}"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, from): (_, PathBuf) = entry.map(|entry| (entry.file_name(), entry.path()))?;
        let to = to.join(entry);
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mutant_changes_one_place_of_the_code_as_it_is() {
        let mutants = mutants().unwrap();
        for mutant in &mutants {
            let code = fs::read_to_string(root().join(&mutant.file)).unwrap();
            assert_ne!(mutant.apply(&code).unwrap(), code, "{}", mutant.name);
        }
        for invariant in 1..=6 {
            let name = format!("{invariant}-");
            assert!(mutants.iter().any(|mutant| mutant.name.starts_with(&name)), "{invariant}");
        }
    }

    #[test]
    fn a_mutant_whose_place_is_gone_is_refused() {
        let mutant = Mutant::parse("m", "a.rs\n--- is\nold\n--- becomes\nnew\n").unwrap();
        assert_eq!(mutant.apply("x\nold\ny").unwrap(), "x\nnew\ny");
        assert!(mutant.apply("x").is_err() && mutant.apply("old\nold\n").is_err());
    }

    #[test]
    fn a_manifest_keeps_all_but_its_members() {
        let manifest = manifest_of("[workspace]\nmembers = [\n\"a\",\n]\n[x]\n").unwrap();
        let members = "members = [\"crates/wire\", \"crates/engine\", \"tests/sim\"]";
        assert_eq!(manifest, format!("[workspace]\n{members}\n[x]\n"));
    }
}
