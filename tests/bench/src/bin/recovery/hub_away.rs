//! The hub is killed and comes back: for two who are connected, and for two who are not.

use std::time::{Duration, Instant};

use anyhow::Result;
use tincan_bench::{Target, figure, millis};
use tincan_e2e::HubProcess;

use crate::pair::{Pair, say};

/// How long it is away, and the longest pause between two attempts by then (protocol §8): 1, 2, 4
/// … 32 s. An attempt itself may take a moment.
const SPANS: [(&str, Duration, f64); 3] = [
    ("1 s", Duration::from_secs(1), 2.0),
    ("1 min", Duration::from_secs(60), 32.0),
    ("10 min", Duration::from_secs(600), 32.0),
];
const MOMENT: f64 = 1.0;

/// So often something is said meanwhile.
const EVERY: Duration = Duration::from_millis(250);

pub(crate) async fn measure() -> Result<()> {
    let [short, middle, long] = SPANS;
    tokio::try_join!(away(short), away(middle), away(long))?;
    Ok(())
}

async fn away((name, span, step): (&str, Duration, f64)) -> Result<()> {
    let mut hub = HubProcess::start();
    let talking = Pair::new(&hub).await;
    talking.open().await?;
    let apart = Pair::new(&hub).await;
    hub.kill();
    let end = Instant::now() + span;
    let waiting = say(&apart.ada, apart.bob.id(), "while the hub is away");
    let meanwhile = async {
        let mut slowest = Duration::ZERO;
        while Instant::now() < end {
            slowest = slowest.max(talking.both_say().await?);
            tokio::time::sleep(EVERY).await;
        }
        hub.start_again();
        anyhow::Ok((slowest, Instant::now()))
    };
    let (taken, meanwhile) = tokio::join!(waiting, meanwhile);
    taken?;
    let (slowest, back) = meanwhile?;
    let after = back.elapsed().as_secs_f64();
    let what = format!("hub killed for {name}");
    let slowest = millis(slowest);
    figure(
        &format!("{what}: slowest delivery between two who are connected, meanwhile"),
        slowest,
        "ms",
        Target::AtMost(1_000.0),
    );
    figure(
        &format!("{what}: a message between two who are not, after its return"),
        after,
        "s",
        Target::AtMost(step + MOMENT),
    );
    Ok(())
}
