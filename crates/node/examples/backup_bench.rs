//! How long a backup takes: 100,000 messages of 200 bytes out of one home and into another.
//!
//! `cargo run --release -p tincan-node --example backup_bench [DIRECTORY]`
#![expect(clippy::print_stdout, reason = "it prints what it has measured")]

use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use tincan_node::store::measure::StoreBench;
use tincan_node::{Home, Passphrase, export, import};

/// Messages in the backup.
const MESSAGES: u32 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let path = directory.join(format!("tincan-backup-bench-{}", std::process::id()));
    let (from, to, backup) = (path.join("from"), path.join("to"), path.join("backup"));
    let mut bench = StoreBench::open(&Home::open(&from)?)?;
    bench.incoming(MESSAGES, 1_000)?;
    bench.close();
    let passphrase = Passphrase::new("five words of a bench")?;
    let start = Instant::now();
    let exported = export(&from, &passphrase, &mut File::create(&backup)?)?;
    let megabytes = exported.bytes as f64 / 1e6;
    println!("export of {} messages, {megabytes:.1} MB: {:?}", exported.messages, start.elapsed());
    for what in ["import", "the same again"] {
        let start = Instant::now();
        let imported = import(&to, &passphrase, &mut File::open(&backup)?)?;
        println!("{what}: {} new messages: {:?}", imported.messages, start.elapsed());
    }
    std::fs::remove_dir_all(&path)?;
    Ok(())
}
