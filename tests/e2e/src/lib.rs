//! Real processes of the product, for tests: hubs and nodes with homes of their own, each ended
//! when its test ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod certificate;
mod fake_hub;
mod hub;
pub mod lan;
mod namespace;
mod node;
mod picture;
mod process;
mod skipped;
pub mod texts;
mod tls_door;
mod window;

pub use certificate::{Authority, Certificate};
pub use fake_hub::fake_hub;
pub use hub::HubProcess;
pub use namespace::Namespace;
pub use node::{NodeProcess, befriend};
pub use picture::Picture;
pub use process::{Finished, Process, binary, example, object, tincan, tincan_under};
pub use skipped::skipped;
pub use tls_door::TlsDoor;
pub use window::Window;

use std::time::Duration;

/// How long anything may take that should happen at once, on a machine that is busy with other
/// tests. Only a defect takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);
