//! A node in a process of its own, which can be killed.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tincan_node::Handle;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::broker::HostileBroker;
use crate::person::{PATIENCE, Watched};

/// Somebody whose node is another process.
pub struct CrashingNode {
    child: Child,
    home: TempDir,
    watched: Watched,
}

impl std::ops::Deref for CrashingNode {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}

impl CrashingNode {
    /// Starts `program`, which is `hostile-node`, in a new home.
    pub async fn start(program: &Path, broker: &HostileBroker) -> Result<Self> {
        Self::at(tempfile::tempdir()?, program, broker).await
    }

    /// Kills the process with SIGKILL, and starts another in its home.
    pub async fn crash(mut self, program: &Path, broker: &HostileBroker) -> Result<Self> {
        timeout(PATIENCE, self.child.kill()).await??;
        Self::at(self.home, program, broker).await
    }

    async fn at(home: TempDir, program: &Path, broker: &HostileBroker) -> Result<Self> {
        let mut child = Command::new(program)
            .arg(home.path())
            .args([broker.origin(), broker.url()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("its output")?;
        let mut lines = BufReader::new(output).lines();
        let said = timeout(PATIENCE, lines.next_line()).await??;
        ensure!(said.as_deref() == Some("started"), "the node said {said:?}");
        let watched = Watched::new(Handle::connect(home.path()).await?).await?;
        watched.connected().await?;
        Ok(Self { child, home, watched })
    }
}
