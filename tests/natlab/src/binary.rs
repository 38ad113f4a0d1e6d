//! The product's binary.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Another binary than the one built with this program.
const OTHER: &str = "TINCAN_NATLAB_BINARY";

/// The one named by `TINCAN_NATLAB_BINARY`, else the one that was built with this program: in its
/// folder or, where tests lie in a folder of their own, in the one above.
///
/// # Panics
/// When it is not there.
pub fn binary() -> PathBuf {
    let binary = std::env::var_os(OTHER).map_or_else(beside, PathBuf::from);
    assert!(binary.is_file(), "build it first: cargo build -p tincan (no {})", binary.display());
    binary
}

fn beside() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it is");
    let folder = own.parent().expect("it lies in a folder");
    let above = folder.parent().expect("there is one above");
    let folder = if folder.ends_with("deps") { above } else { folder };
    folder.join("tincan")
}

/// Takes away what the surroundings of this user would change in it.
pub(crate) fn bare(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TINCAN_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null())
}
