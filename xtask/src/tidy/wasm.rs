//! What must run in a browser compiles for wasm32 and asks nothing of its surroundings.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};

use crate::step::{cargo, root, step};
use crate::tidy::Faults;

const TARGET: &str = "wasm32-unknown-unknown";

/// The crates that run in a browser tab as they are.
const CRATES: [&str; 5] =
    ["tincan-wire", "tincan-engine", "tincan-mqtt", "tincan-backup", "tincan-doctor"];

/// The crates that are nothing anywhere else.
const BROWSER_CRATES: [&str; 2] = ["tincan-web", "tincan-web-ui"];

/// Crates by which code reaches for a clock, randomness or JavaScript. On this target the
/// standard library itself imports nothing.
const REACHING: [&str; 9] = [
    "getrandom",
    "instant",
    "js-sys",
    "tokio",
    "wasi",
    "wasm-bindgen",
    "web-sys",
    "web-time",
    "wit-bindgen",
];

/// Compiles each of them to a module of its own, and looks at what that wants to be given.
pub(crate) fn check_imports() -> Result<Faults> {
    let mut faults = Faults::new();
    for name in CRATES {
        step(&format!("{name} for {TARGET}"), &mut module(name))?;
        let file = format!("{}.wasm", name.replace('-', "_"));
        let path = root().join("target").join(TARGET).join("debug").join(file);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        faults
            .extend(imports(&bytes)?.into_iter().map(|import| format!("{name} imports {import}")));
    }
    Ok(faults)
}

/// The command that makes a module of a crate with all its functions, called or not. What none of
/// them defines, the linker turns into an import.
fn module(name: &str) -> Command {
    let mut command =
        cargo(&["rustc", "-q", "--lib", "--crate-type", "cdylib", "--target-dir", "target"]);
    command.args(["--target", TARGET, "-p", name]);
    command.args(["--", "-Clink-dead-code", "-Clink-arg=--no-gc-sections"]);
    command
}

/// What a module imports, each as `module.name`.
fn imports(module: &[u8]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload.context("not a module")? {
            for import in section.into_imports() {
                let import = import.context("not a module")?;
                found.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    Ok(found)
}

/// The command that lints the browser's own crates.
pub(crate) fn lint() -> Command {
    let mut command = cargo(&["clippy", "-q", "--lib", "--target", TARGET]);
    for name in BROWSER_CRATES {
        command.args(["-p", name]);
    }
    command.args(["--", "-D", "warnings"]);
    command
}

/// Looks through what each of them depends on.
pub(crate) fn check_trees() -> Result<Faults> {
    let mut faults = Faults::new();
    for name in CRATES {
        faults.extend(check_tree(name, &tree(name)?));
    }
    Ok(faults)
}

fn check_tree(name: &str, dependencies: &[String]) -> Faults {
    let reaching = dependencies.iter().filter(|found| REACHING.contains(&found.as_str()));
    let fault = |dependency: &String| {
        format!(
            "{name} depends on {dependency} on wasm32: clocks, randomness and JavaScript are the \
             shell's (cargo tree -p {name} -i {dependency} --target {TARGET})"
        )
    };
    reaching.map(fault).collect()
}

/// The names of everything that goes into a crate on wasm32.
fn tree(name: &str) -> Result<Vec<String>> {
    let output = cargo(&[
        "tree",
        "--locked",
        "-p",
        name,
        "--target",
        TARGET,
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])
    .output()
    .context("cannot start cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_out_is_found_among_the_dependencies() {
        let tree = ["serde", "js-sys", "blake3", "getrandom"].map(str::to_owned);
        let faults = check_tree("tincan-engine", &tree);
        assert_eq!(faults.len(), 2);
        assert!(faults[0].contains("tincan-engine depends on js-sys"), "{faults:?}");
        assert_eq!(check_tree("tincan-engine", &["serde".to_owned()]), Faults::new());
    }

    #[test]
    fn what_a_module_imports_is_found() {
        // Magic and version; one type without parameters and results; one function imported.
        let head = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0";
        let import = b"\x02\x0b\x01\x03env\x03now\0\0";
        assert_eq!(imports(&[&head[..], import].concat()).unwrap(), ["env.now"]);
        assert_eq!(imports(head).unwrap(), Vec::<String>::new());
        assert!(imports(b"no module").is_err());
    }
}
