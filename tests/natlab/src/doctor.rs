//! `tincan doctor` on one of the laboratory's hosts.

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{bare, binary};
use crate::hub::Hub;
use crate::lab::Lab;
use crate::plan::Side;

/// What it finds, and whether it says that a chat works.
///
/// # Errors
/// What it says instead.
pub fn doctor(lab: &Lab, side: Side) -> Result<(Value, bool), String> {
    let home = TempDir::with_prefix("natlab-").map_err(|error| error.to_string())?;
    let mut command = lab.host(side).command(binary());
    bare(&mut command).arg("--home").arg(home.path()).args([
        "--hub",
        &Hub::origin(),
        "doctor",
        "--json",
    ]);
    let output = command.output().map_err(|error| error.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    let value = serde_json::from_slice(&output.stdout).map_err(|_| said())?;
    Ok((value, output.status.success()))
}
