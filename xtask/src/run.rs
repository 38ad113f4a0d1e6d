//! `cargo xtask run`: from a fresh checkout to a chat that waits for its other side.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::{cargo, root, step};

/// Builds the binary and becomes a chat with a hub inside; `more` goes to that chat.
pub(crate) fn run(more: &[&str]) -> Result<()> {
    step("build", &mut cargo(&["build", "--release", "-p", "tincan"]))?;
    let binary = root().join("target/release/tincan");
    // A home of its own: the other side may be the same user on the same machine, in the
    // default home.
    let home = root().join("target/run/home");
    println!(
        "\nStarting a hub and a chat in {}.\n\
         The chat prints an invite link. In a second terminal, the other side is:\n\n    \
         {} chat 'LINK'\n\n\
         Any machine of this network can be the other side. Ctrl-C ends chat and hub.\n",
        home.display(),
        binary.display()
    );
    let mut chat = Command::new(&binary);
    chat.arg("--home").arg(&home).args(["chat", "--invite"]).args(more);
    // This process becomes the chat, so that Ctrl-C and the terminal are the chat's alone.
    Err(chat.exec()).with_context(|| format!("cannot start {}", binary.display()))
}
