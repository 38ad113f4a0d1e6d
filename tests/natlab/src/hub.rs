//! `tincan hub` on the laboratory's server.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::binary::{bare, binary};
use crate::ice;
use crate::lab::{EVERYBODYS_PORT, Lab};
use crate::plan::{HUB_NAME, server4, server6};

/// A hub; stopped when dropped.
#[derive(Debug)]
pub struct Hub {
    process: Child,
    log: TempDir,
}

impl Hub {
    /// The one port that every kind of router lets out.
    pub(crate) const PORT: u16 = EVERYBODYS_PORT;

    /// Starts one that listens on all addresses of the server, in both families.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub fn start(lab: &Lab) -> Result<Self, String> {
        let log = TempDir::with_prefix("natlab-hub-").map_err(|error| error.to_string())?;
        let errors = File::create(log.path().join("stderr")).map_err(|error| error.to_string())?;
        let port = Self::PORT.to_string();
        let words = ["hub", "--json", "--bind", "::", "--port", &port, "--public-host", HUB_NAME];
        let others = [server4()[1].to_string(), server6()[1].to_string()].join(",");
        let process = bare(lab.server().command(binary()).args(words))
            .args(["--stun-address", &others])
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut hub = Self { process, log };
        let output = hub.process.stdout.as_mut().ok_or("its output is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        if line.contains("origin") { Ok(hub) } else { Err(hub.said()) }
    }

    /// Where everybody finds it.
    pub fn origin() -> String {
        format!("http://{HUB_NAME}:{}", Self::PORT)
    }

    /// Whether its `/ice` names a relay.
    ///
    /// # Errors
    /// When it does not answer as a hub does.
    pub fn has_relay(&self, lab: &Lab) -> Result<bool, String> {
        let urls = lab.server().enter(ice::urls)?;
        Ok(urls.iter().any(|url| url.starts_with("turn:") || url.starts_with("turns:")))
    }

    fn said(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = File::open(self.log.path().join("stderr")) {
            let _ = file.read_to_string(&mut text);
        }
        format!("the hub does not start: {}", text.trim())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
