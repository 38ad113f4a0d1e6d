//! How much of a process is in memory.

use std::fs;

/// The size of a flood.
pub(crate) const FLOOD_BYTES: usize = 100_000_000;

const KIB: usize = 1024;

/// The figures of one process during one flood.
pub(crate) struct Gauge {
    pid: u32,
    flood: &'static str,
    before: usize,
}

impl Gauge {
    /// Takes the figure before the flood.
    pub(crate) fn before(flood: &'static str, pid: u32) -> Self {
        // From here on the peak counts. Where the kernel does not allow that, the peak of the
        // whole run counts, which is no smaller.
        let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        Self { pid, flood, before: figure(pid, "VmRSS:") }
    }

    /// Takes the others, prints them, and sees that the flood took no more than `bound` bytes at
    /// any time.
    #[expect(clippy::print_stdout, reason = "whoever runs it wants to see the figures")]
    pub(crate) fn after(self, bound: usize) {
        let Self { pid, flood, before } = self;
        let (after, peak) = (figure(pid, "VmRSS:"), figure(pid, "VmHWM:"));
        let mb = |bytes: usize| bytes as f64 / 1e6;
        println!(
            "{flood}: before {:.1} MB, after {:.1} MB, peak {:.1} MB",
            mb(before),
            mb(after),
            mb(peak)
        );
        assert!(after <= before + bound, "{flood}: it keeps {:.1} MB", mb(after - before));
        assert!(peak <= before + bound, "{flood}: it took {:.1} MB", mb(peak - before));
    }
}

fn figure(pid: u32, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux has it");
    let kib: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib * KIB
}
