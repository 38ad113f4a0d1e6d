//! Puts the page into the hub: every file of `target/web`, where `cargo xtask web` leaves it, or
//! of the folder that `TINCAN_WEB_DIR` names. Without files the hub says that it has no page.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=TINCAN_WEB_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    let folder = folder()?;
    // Cargo would take a folder that is not there for one that has just changed, each time.
    // Where it cannot be made, that is what happens.
    let _unwatched = fs::create_dir_all(&folder);
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let mut code = String::from("const BUILT_IN: &[BuiltIn] = &[\n");
    for file in files.iter().filter(|file| !is_compressed(file)) {
        let path = file.strip_prefix(&folder)?.to_str().ok_or("a file name is not UTF-8")?;
        writeln!(
            code,
            "BuiltIn {{ path: {:?}, plain: {}, brotli: {}, gzip: {} }},",
            format!("/{path}"),
            bytes(file),
            compressed(file, "br", &files),
            compressed(file, "gz", &files),
        )?;
    }
    code.push_str("];\n");
    let target = Path::new(&env::var("OUT_DIR")?).join("built_in.rs");
    fs::write(target, code)?;
    Ok(())
}

fn folder() -> Result<PathBuf, Box<dyn Error>> {
    if let Some(chosen) = env::var_os("TINCAN_WEB_DIR").filter(|chosen| !chosen.is_empty()) {
        return Ok(chosen.into());
    }
    Ok(Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../target/web"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn is_compressed(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "br" || extension == "gz")
}

fn compressed(file: &Path, extension: &str, files: &[PathBuf]) -> String {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    let name = PathBuf::from(name);
    if files.contains(&name) { format!("Some({})", bytes(&name)) } else { "None".to_owned() }
}

/// The expression that is a file's content.
fn bytes(file: &Path) -> String {
    format!("include_bytes!({:?})", file.display().to_string())
}
