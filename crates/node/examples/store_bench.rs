//! How fast the store is, beside the limit of the disk below it.
//!
//! `cargo run --release -p tincan-node --example store_bench [DIRECTORY]`; the directory decides
//! which disk is measured, and is a fresh one under the system's temporary files by default.
#![expect(clippy::print_stdout, reason = "it prints what it has measured")]

use std::path::PathBuf;
use std::time::Duration;

use tincan_node::Home;
use tincan_node::store::measure::{StoreBench, raw_commits_per_second};

/// How long each figure of single commits is measured.
const SPAN: Duration = Duration::from_secs(2);

/// Messages of one run.
const MESSAGES: u32 = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let path = directory.join(format!("tincan-store-bench-{}", std::process::id()));
    let home = Home::open(&path)?;
    println!(
        "{:<44}{:>12.0} a second",
        "SQLite alone: commits",
        raw_commits_per_second(&path, SPAN)?
    );
    let mut bench = StoreBench::open(&home)?;
    println!(
        "{:<44}{:>12.0} a second",
        "store: messages, one at a time",
        bench.one_at_a_time(SPAN)?
    );
    for per_transaction in [1, 40, 1_000] {
        let (rate, commits) = bench.incoming(MESSAGES, per_transaction)?;
        let figure = format!("store: messages, {per_transaction} a transaction");
        println!("{figure:<44}{rate:>12.0} a second, {commits} commits");
    }
    bench.close();
    std::fs::remove_dir_all(&path)?;
    Ok(())
}
