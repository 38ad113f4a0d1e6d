//! From opening a chat to verified, and how fast the smallest command is.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tincan_bench::{Target, figure, millis, quantile};
use tincan_node::engine::{self, PeerState};

use crate::rig::{Rig, befriend, state};

const RUNS: usize = 30;

pub(crate) async fn measure() -> Result<()> {
    let rig = Rig::new().await?;
    let (a, b) = (rig.node("a").await?, rig.node("b").await?);
    let (id_a, id_b) = befriend(&rig, &a.handle(), &b.handle()).await?;
    let mut samples = Vec::new();
    for _ in 0..RUNS {
        let (mut at_a, mut at_b) = (a.handle().events().await, b.handle().events().await);
        let screen = a.handle().screen();
        let start = Instant::now();
        a.handle().command(engine::Command::OpenChat { contact: id_b, screen }).await?;
        state(&mut at_a, id_b, PeerState::Connected).await?;
        state(&mut at_b, id_a, PeerState::Connected).await?;
        samples.push(start.elapsed());
        // Blocking ends the session for both; the next run begins from nothing.
        a.handle().command(engine::Command::BlockContact { contact: id_b }).await?;
        state(&mut at_b, id_a, PeerState::Closed).await?;
        a.handle().command(engine::Command::CloseScreen { screen }).await?;
        a.handle().command(engine::Command::UnblockContact { contact: id_b }).await?;
    }
    let median = millis(quantile(&mut samples, 0.5));
    figure("chat opened → both verified, median of 30", median, "ms", Target::AtMost(40.0));
    a.close().await;
    b.close().await;
    rig.end().await;
    Ok(())
}

/// `tincan id`, the whole process, over a home that exists.
pub(crate) fn measure_id() -> Result<()> {
    let own = std::env::current_exe()?;
    let binary = own.parent().context("the folder of this program")?.join("tincan");
    ensure!(binary.is_file(), "build tincan first: cargo build --release -p tincan");
    let folder = tempfile::tempdir_in(".")?;
    let mut samples: Vec<Duration> = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        let status = Command::new(&binary)
            .arg("--home")
            .arg(folder.path().join("home"))
            .arg("id")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        samples.push(start.elapsed());
        ensure!(status.success(), "tincan id failed");
    }
    // The first made the home.
    let median = millis(quantile(samples.get_mut(1..).unwrap_or_default(), 0.5));
    figure("`tincan id`, whole process, median of 20", median, "ms", Target::AtMost(30.0));
    Ok(())
}
