//! The network of one of two is replaced by another while they talk.

use std::time::{Duration, Instant};

use anyhow::Result;
use tincan_bench::{Target, figure, quantile};

use crate::pair::Apart;

const RUNS: u8 = 11;

pub(crate) async fn measure() -> Result<()> {
    let Apart { ada, pair, .. } = &Apart::open().await?;
    let mut samples = Vec::new();
    for run in 1..=RUNS {
        pair.both_say().await?;
        // One by one, as a person walks from one network into another.
        ada.unplug(&format!("net{run}"));
        ada.plug(&format!("net{}", run + 1), run + 1);
        let there = Instant::now();
        pair.both_say().await?;
        samples.push(there.elapsed());
    }
    let seconds = |samples: &mut [Duration], share| quantile(samples, share).as_secs_f64();
    let what = "a new network under a live chat: the next message each way";
    figure(&format!("{what}: median of {RUNS}"), seconds(&mut samples, 0.5), "s", Target::None);
    let slowest = seconds(&mut samples, 1.0);
    figure(&format!("{what}: slowest"), slowest, "s", Target::AtMost(2.0));
    Ok(())
}
