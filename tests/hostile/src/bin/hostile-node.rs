//! A node in a process of its own, for tests that kill it: `hostile-node HOME HUB BROKER`.

use anyhow::{Context as _, Result};
use tincan_node::{Config, Node};
use tokio::io::AsyncWriteExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().context(what);
    let mut config = Config::new(next("a home is missing")?);
    config.hub = Some(next("a hub is missing")?);
    config.brokers = vec![next("a broker is missing")?];
    let node = Node::start(config).await?;
    let mut output = tokio::io::stdout();
    output.write_all(b"started\n").await?;
    output.flush().await?;
    node.wait().await;
    Ok(())
}
