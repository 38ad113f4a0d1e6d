//! Figures of the whole product on loopback: a hub and nodes, each as in real life, from the SDK's
//! call at one side to the SDK's event at the other.

mod memory;
mod opening;
mod rig;
mod talking;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match words.as_slice() {
        [] => runtime.block_on(all()),
        // The process whose memory `memory` looks at.
        ["node", home, hub] => runtime.block_on(memory::node(home, hub)),
        other => bail!("this program takes no arguments, not {other:?}"),
    }
}

async fn all() -> Result<()> {
    opening::measure().await?;
    talking::measure().await?;
    memory::measure().await?;
    opening::measure_id()
}
