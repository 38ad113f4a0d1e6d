//! `cargo xtask web`: the page, compiled and packed into `target/web`, from where the hub's build
//! takes it. Whatever is up to date already is left alone.

mod stamp;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::step::{cargo, output, root};
use crate::system::install_page_target;
use stamp::Stamp;

/// The crate that becomes the page, and the name of its module.
const CRATE: &str = "tincan-web-ui";
const MODULE: &str = "tincan_web_ui.wasm";

const TARGET: &str = "wasm32-unknown-unknown";

/// Its compiled parts have a folder of their own, so that no other build has to wait.
const BUILD: &str = "target/web-build";

/// Where everything else is that makes the page.
const ASSETS: &str = "crates/web/ui/assets";
const SITE: &str = "crates/web/site";
const PACKER: [&str; 3] = ["xtask/web/src", "xtask/web/Cargo.toml", "Cargo.lock"];

/// Makes the page and tells its size.
pub(crate) fn web(flags: &[&str]) -> Result<()> {
    match *flags {
        [] => {
            println!("{}", make()?);
            Ok(())
        }
        ["--by-crate"] => by_crate(),
        ["--features", features] => make_bare(features),
        _ => bail!("web knows --by-crate and --features LIST, not `{}`", flags.join(" ")),
    }
}

/// Makes the page as a step of another task.
pub(crate) fn page() -> Result<()> {
    let start = Instant::now();
    let table = make()?;
    let last = table.lines().rev().find(|line| line.starts_with('|')).unwrap_or_default();
    println!("── web: ok in {:.1} s {last}", start.elapsed().as_secs_f64());
    Ok(())
}

/// Makes the page if something changed, and gives the table of its sizes.
pub(crate) fn make() -> Result<String> {
    let module = compile(&[])?;
    let packing = Packing { kind: "page", from: &[("--assets", ASSETS), ("--site", SITE)] };
    packing.run_if_changed(&module, "target/web")
}

/// A page that only loads the module, with these features, into `target/web-test`.
fn make_bare(features: &str) -> Result<()> {
    let module = compile(&["--features", features])?;
    Packing { kind: "bare", from: &[] }.run_if_changed(&module, "target/web-test").map(drop)
}

fn by_crate() -> Result<()> {
    let module = compile(&[])?;
    print!("{}", Packing { kind: "by-crate", from: &[] }.run(&module, &[])?);
    Ok(())
}

/// A call of `xtask-web`, which makes files of a module.
struct Packing {
    kind: &'static str,
    /// Its flags that name folders to read.
    from: &'static [(&'static str, &'static str)],
}

impl Packing {
    /// Fills the folder, unless it was filled from just the same. Gives what was printed then.
    fn run_if_changed(&self, module: &Path, folder: &str) -> Result<String> {
        let folder = root().join(folder);
        let mut inputs = vec![module.to_owned()];
        inputs.extend(self.from.iter().map(|(_, folder)| root().join(folder)));
        inputs.extend(PACKER.map(|path| root().join(path)));
        let stamp = Stamp::of(&inputs)?;
        let kept = folder.with_extension("stamp");
        if let Some(printed) = stamp.matches(&kept).filter(|_| folder.join("index.html").exists()) {
            return Ok(printed);
        }
        let printed = self.run(module, &["--out".as_ref(), folder.as_ref()])?;
        stamp.keep(&kept, &printed)?;
        Ok(printed)
    }

    fn run(&self, module: &Path, more: &[&OsStr]) -> Result<String> {
        let mut packer = cargo(&["run", "--quiet", "-p", "xtask-web", "--", self.kind, "--wasm"]);
        packer.arg(module).args(more);
        for (flag, folder) in self.from {
            packer.arg(flag).arg(root().join(folder));
        }
        output("packing the page", &mut packer)
    }
}

/// Compiles the page and says where the module is. Cargo knows whether there is anything to do.
fn compile(features: &[&str]) -> Result<PathBuf> {
    install_page_target()?;
    let mut build = cargo(&["rustc", "--quiet", "--profile", "web", "--target", TARGET]);
    build.args(["-p", CRATE, "--lib", "--target-dir", BUILD]).args(features);
    // The crate is a Rust library as well, for tests; cargo optimises across crates only where
    // that is not asked for.
    build.args(["--crate-type", "cdylib"]);
    // What refers to what, by which the code is divided into parts.
    build.args(["--", "-C", "link-arg=--emit-relocs"]);
    build.env("CARGO_ENCODED_RUSTFLAGS", flags()?.join("\u{1f}"));
    output("compiling the page", &mut build)?;
    Ok(root().join(BUILD).join(TARGET).join("web").join(MODULE))
}

/// Flags that keep the folders of this machine out of the page: a panic names its source file.
fn flags() -> Result<Vec<String>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.context("there is no home folder")?.join("registry/src");
    // Leptos then erases the types of components, of which there are many and each is used once.
    let mut flags = vec!["--cfg".to_owned(), "erase_components".to_owned(), remap(&root())];
    // A hash function that is not unrolled: signatures are few.
    flags.extend(["--cfg".to_owned(), r#"sha2_backend_soft="compact""#.to_owned()]);
    for registry in fs::read_dir(&sources).into_iter().flatten() {
        flags.push(remap(&registry?.path()));
    }
    Ok(flags)
}

fn remap(folder: &Path) -> String {
    format!("--remap-path-prefix={}/=", folder.display())
}
