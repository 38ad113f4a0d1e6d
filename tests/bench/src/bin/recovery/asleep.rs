//! One of two machines sleeps for two minutes.

use std::time::Duration;

use anyhow::Result;
use tincan_bench::{Target, figure};
use tincan_e2e::HubProcess;

use crate::pair::Pair;

const ASLEEP: Duration = Duration::from_secs(120);

pub(crate) async fn measure() -> Result<()> {
    let hub = HubProcess::start();
    let pair = Pair::new(&hub).await;
    pair.open().await?;
    pair.both_say().await?;
    pair.ada.freeze();
    tokio::time::sleep(ASLEEP).await;
    pair.ada.thaw();
    let after = pair.both_say().await?.as_secs_f64();
    figure(
        "asleep for 2 min: the next message each way, after waking",
        after,
        "s",
        Target::AtMost(3.0),
    );
    Ok(())
}
