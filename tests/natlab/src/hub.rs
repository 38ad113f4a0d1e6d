//! `tincan hub` on the laboratory's server.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::binary::{bare, binary};
use crate::ice;
use crate::lab::{EVERYBODYS_PORT, Lab};
use crate::plan::{DOCUMENTED_NAME, HUB_NAME, server4, server6};
use crate::service::Service;

/// What `tincan hub` takes if no port is said.
const DEFAULT_PORT: u16 = 8080;

/// What a page has that a browser keeps; without a page there is nothing to keep.
const PAGE: &str = "/sw.js";

/// A hub; stopped when dropped.
#[derive(Debug)]
pub struct Hub {
    _service: Service,
    place: String,
    authority: Option<PathBuf>,
}

impl Hub {
    /// The one port that every kind of router lets out.
    pub(crate) const PORT: u16 = EVERYBODYS_PORT;

    /// Starts one that listens on all addresses of the server, in both families.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub fn start(lab: &Lab) -> Result<Self, String> {
        Self::with(lab, &[] as &[&str])
    }

    /// The same with more flags.
    ///
    /// # Errors
    /// The same.
    pub fn with(lab: &Lab, flags: &[impl AsRef<OsStr>]) -> Result<Self, String> {
        let mut command = Self::command(lab);
        command.args(flags);
        Self::run(&mut command, Service::folder("hub")?, Self::origin())
    }

    /// Starts one that speaks TLS, with `fullchain.pem` and `privkey.pem` of this folder, which the
    /// authority of this file has signed.
    ///
    /// # Errors
    /// The same.
    pub fn over_tls(lab: &Lab, certificate: &Path, authority: &Path) -> Result<Self, String> {
        let mut command = Self::command(lab);
        command.arg("--tls-cert").arg(certificate.join("fullchain.pem"));
        command.arg("--tls-key").arg(certificate.join("privkey.pem"));
        let hub = Self::run(&mut command, Service::folder("hub")?, format!("https://{HUB_NAME}"))?;
        Ok(Self { authority: Some(authority.to_owned()), ..hub })
    }

    fn command(lab: &Lab) -> Command {
        let port = Self::PORT.to_string();
        let words = ["hub", "--json", "--bind", "::", "--port", &port, "--public-host", HUB_NAME];
        let others = [server4()[1].to_string(), server6()[1].to_string()].join(",");
        let mut command = lab.server().command(binary());
        bare(&mut command).args(words).args(["--stun-address", &others]);
        command
    }

    /// Starts one with these flags and no others, in a folder with what they speak of.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn documented(lab: &Lab, flags: &[String], folder: TempDir) -> Result<Self, String> {
        let mut command = lab.server().command(binary());
        bare(&mut command).arg("hub").args(flags).arg("--json").current_dir(folder.path());
        Self::run(&mut command, folder, format!("http://{DOCUMENTED_NAME}:{DEFAULT_PORT}"))
    }

    fn run(command: &mut Command, folder: TempDir, place: String) -> Result<Self, String> {
        let output = folder.path().join("stdout");
        let service = Service::start("the hub", command, folder, || is_open(&output))?;
        Ok(Self { _service: service, place, authority: None })
    }

    /// Whom to trust about its certificate, if it has one.
    pub(crate) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// Where everybody finds one that is started in the usual way.
    pub fn origin() -> String {
        format!("http://{HUB_NAME}:{}", Self::PORT)
    }

    /// Where everybody finds this one.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether its `/ice` names a relay.
    ///
    /// # Errors
    /// When it does not answer as a hub does.
    pub fn has_relay(&self, lab: &Lab) -> Result<bool, String> {
        let urls = lab.server().enter(ice::urls)?;
        Ok(urls.iter().any(|url| url.starts_with("turn:") || url.starts_with("turns:")))
    }

    /// Whether it has the page.
    ///
    /// # Errors
    /// When it does not answer as a hub does.
    pub(crate) fn has_page(&self, lab: &Lab) -> Result<bool, String> {
        lab.server().enter(|| ice::has(PAGE))
    }
}

/// A hub whose relay alone is of interest, on a further server.
#[derive(Debug)]
pub(crate) struct RelayHub {
    service: Service,
}

impl RelayHub {
    /// Starts one that takes credentials made from the secret in this file.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub(crate) fn start(lab: &Lab, nth: u8, secret: &Path) -> Result<Self, String> {
        let (machine, address) = lab.further(nth);
        let folder = Service::folder("relay")?;
        let output = folder.path().join("stdout");
        let mut command = machine.command(binary());
        bare(&mut command)
            .args(["hub", "--json", "--port", "0", "--mqtt-port", "0", "--ws-port", "0", "--bind"])
            .arg(address.to_string())
            .arg("--relay-secret-file")
            .arg(secret);
        let service = Service::start("a relay", &mut command, folder, || is_open(&output))?;
        Ok(Self { service })
    }

    /// Ends it without a word.
    ///
    /// # Errors
    /// When it had ended before.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        self.service.kill()
    }
}

/// Whether a hub has said where it is.
fn is_open(output: &Path) -> bool {
    fs::read_to_string(output).is_ok_and(|text| text.contains("origin"))
}
