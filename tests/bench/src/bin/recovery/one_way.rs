//! The path is dead in one direction: what is sent one way is lost, the other way it arrives.

use std::time::{Duration, Instant};

use anyhow::Result;
use tincan_bench::{Target, figure};

use crate::pair::Apart;

const DEAD: Duration = Duration::from_secs(20);

pub(crate) async fn measure() -> Result<()> {
    let Apart { bob, pair, .. } = &Apart::open().await?;
    pair.both_say().await?;
    // Datagrams from Ada to Bob; the hub is still there.
    bob.run("nft add table inet dead");
    bob.run("nft add chain inet dead in { type filter hook input priority 0 ; }");
    bob.run("nft add rule inet dead in meta l4proto udp drop");
    let (said, healed) = tokio::join!(pair.both_say(), async {
        tokio::time::sleep(DEAD).await;
        bob.run("nft delete table inet dead");
        Instant::now()
    });
    said?;
    figure(
        "one direction dead for 20 s: the waiting message each way, after its return",
        healed.elapsed().as_secs_f64(),
        "s",
        Target::None,
    );
    Ok(())
}
