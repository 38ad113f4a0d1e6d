//! Who runs on which core: what a program starts inherits its core.

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of the servers.
pub(crate) const SERVERS: usize = 0;

/// The core of what asks them.
pub(crate) const LOAD: usize = 1;

/// From now on this thread, and what it starts, runs on this core alone.
pub(crate) fn to_core(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("this takes two cores, not {core}"))
}

/// Lets this program and what it starts open as many sockets as the system grants.
pub(crate) fn raise_file_limit() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(())
}
