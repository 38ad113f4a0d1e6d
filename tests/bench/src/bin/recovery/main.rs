//! How soon a conversation goes on after what happens to people: real processes, real time.

mod asleep;
mod glare;
mod hub_away;
mod new_network;
mod one_way;
mod pair;

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// Scenes that need networks of their own, and so a process of their own.
const NETWORKS: [&str; 2] = ["new-network", "one-way"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match words.as_slice() {
        [] => {
            runtime.block_on(glare::measure())?;
            NETWORKS.iter().try_for_each(|scene| apart(scene))?;
            // What takes long takes it at the same time.
            runtime.block_on(async { tokio::try_join!(hub_away::measure(), asleep::measure()) })?;
            Ok(())
        }
        ["glare"] => runtime.block_on(glare::measure()),
        ["asleep"] => runtime.block_on(asleep::measure()),
        ["hub-away"] => runtime.block_on(hub_away::measure()),
        ["new-network"] => apart("new-network"),
        ["one-way"] => apart("one-way"),
        ["in-networks", "new-network"] => runtime.block_on(new_network::measure()),
        ["in-networks", "one-way"] => runtime.block_on(one_way::measure()),
        other => bail!("this program knows no scene {other:?}"),
    }
}

/// Runs a scene where this program may set up networks.
fn apart(scene: &str) -> Result<()> {
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount"])
        .arg(std::env::current_exe()?)
        .args(["in-networks", scene])
        .status()
        .context("unshare of util-linux")?;
    ensure!(status.success(), "{scene} failed; are user name spaces allowed here?");
    Ok(())
}
