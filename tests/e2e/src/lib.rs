//! Real processes of the product, for tests: hubs and nodes with homes of their own, each ended
//! when its test ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod hub;
mod node;
mod process;
pub mod texts;

pub use hub::HubProcess;
pub use node::{NodeProcess, befriend};
pub use process::{Finished, Process, binary, tincan, tincan_under};

use std::time::Duration;

/// How long anything may take that should happen at once, on a machine that is busy with other
/// tests. Only a defect takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);
