//! A program that serves on one of the laboratory's machines.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long one may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// What there is no event for is looked at so often.
const LOOK: Duration = Duration::from_millis(5);

/// A running program with a folder of its own; killed when dropped.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    process: Child,
    folder: TempDir,
}

impl Service {
    /// An empty folder for one that is to be started.
    pub(crate) fn folder(name: &str) -> Result<TempDir, String> {
        TempDir::with_prefix(format!("natlab-{name}-")).map_err(|error| error.to_string())
    }

    /// Starts it, and waits until `is_ready` says so. What it prints goes to files in its folder.
    ///
    /// # Errors
    /// What it said when it does not come to that.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        folder: TempDir,
        is_ready: impl Fn() -> bool,
    ) -> Result<Self, String> {
        let file = |name: &str| File::create(folder.path().join(name)).map_err(|e| e.to_string());
        command.stdout(file("stdout")?).stderr(file("stderr")?);
        let process = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let mut service = Self { name, process, folder };
        let end = Instant::now() + PATIENCE;
        while !is_ready() {
            let is_running = matches!(service.process.try_wait(), Ok(None));
            if !is_running || Instant::now() > end {
                return Err(format!("{name} does not start: {}", service.said()));
            }
            thread::sleep(LOOK);
        }
        Ok(service)
    }

    /// A file in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All that it has printed and logged.
    pub fn said(&self) -> String {
        let texts = ["stdout", "stderr", "log"].map(|name| fs::read_to_string(self.file(name)));
        texts.into_iter().flatten().collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// Ends it without a word, as `kill -9` does.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(&mut self) -> Result<(), String> {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return Err(format!("{} has ended already: {}", self.name, self.said()));
        }
        self.process.kill().map_err(|error| error.to_string())?;
        self.process.wait().map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
