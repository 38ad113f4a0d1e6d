//! Both sides call at the same instant.

use std::time::Instant;

use anyhow::Result;
use tincan_bench::{Target, figure, millis, quantile};
use tincan_e2e::HubProcess;
use tincan_node::engine::{Command, PeerState};

use crate::pair::{Pair, connected, state};

const RUNS: usize = 1_000;

pub(crate) async fn measure() -> Result<()> {
    let hub = HubProcess::start();
    let pair = Pair::new(&hub).await;
    let (a, b) = (pair.ada.id(), pair.bob.id());
    let (ada, bob) = (pair.ada.handle(), pair.bob.handle());
    let mut samples = Vec::new();
    for _ in 0..RUNS {
        let (mut at_ada, mut at_bob) = (ada.events().await, bob.events().await);
        let screens = (ada.screen(), bob.screen());
        let start = Instant::now();
        tokio::try_join!(
            ada.command(Command::OpenChat { contact: b, screen: screens.0 }),
            bob.command(Command::OpenChat { contact: a, screen: screens.1 }),
        )?;
        tokio::try_join!(connected(&mut at_ada, b), connected(&mut at_bob, a))?;
        samples.push(start.elapsed());
        // Blocking ends the session for both, and nobody looks who would call again at once: the
        // next run begins from nothing.
        ada.command(Command::CloseScreen { screen: screens.0 }).await?;
        bob.command(Command::CloseScreen { screen: screens.1 }).await?;
        ada.command(Command::BlockContact { contact: b }).await?;
        state(&mut at_bob, a, PeerState::Closed).await?;
        ada.command(Command::UnblockContact { contact: b }).await?;
    }
    let what = "both call at once, 1,000 times, until verified";
    let median = millis(quantile(&mut samples, 0.5));
    figure(&format!("{what}: median"), median, "ms", Target::None);
    let slowest = millis(quantile(&mut samples, 1.0));
    figure(&format!("{what}: slowest"), slowest, "ms", Target::AtMost(1_000.0));
    Ok(())
}
