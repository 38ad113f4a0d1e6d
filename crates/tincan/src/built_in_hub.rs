//! The hub that a chat brings along where none is configured: on this machine's address, with
//! ports that are remembered in the home, so that contacts find it again after a restart.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tincan_hub::{Config, Hub, Ports};

use crate::failure::Failure;
use crate::output::complain;
use crate::own_address;

/// Where the ports are remembered, in the home.
const FILE: &str = "hub.json";

/// A hub inside this process.
#[derive(Debug)]
pub(crate) struct BuiltInHub {
    hub: Hub,
    origin: String,
}

/// What is remembered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Remembered {
    http: u16,
    mqtt: u16,
    websocket: u16,
    stun: u16,
    /// The address it was told to listen on; without one, all of this machine's.
    bind: Option<IpAddr>,
}

impl BuiltInHub {
    /// Whether one ran in this home before.
    pub(crate) fn is_remembered(home: &Path) -> bool {
        remembered(home).is_some()
    }

    /// From now on this home brings no hub.
    pub(crate) fn forget(home: &Path) {
        // A file that stays means one more hub that nobody visits.
        let _ = fs::remove_file(file(home));
    }

    /// Starts the hub that ran in this home before, if one did.
    pub(crate) async fn restart(home: &Path) -> Result<Option<Self>, Failure> {
        match remembered(home) {
            Some(before) => Self::run(home, before).await.map(Some),
            None => Ok(None),
        }
    }

    /// Starts a hub, at the ports it had in this home before or else at free ones.
    pub(crate) async fn start(
        home: &Path,
        port: Option<u16>,
        bind: Option<IpAddr>,
    ) -> Result<Self, Failure> {
        let free = Remembered { http: 0, mqtt: 0, websocket: 0, stun: 0, bind: None };
        let before = remembered(home).unwrap_or(free);
        let wanted =
            Remembered { http: port.unwrap_or(before.http), bind: bind.or(before.bind), ..before };
        Self::run(home, wanted).await
    }

    async fn run(home: &Path, wanted: Remembered) -> Result<Self, Failure> {
        let bind = wanted.bind.unwrap_or_else(own_address::all);
        let ports = Ports {
            http: wanted.http,
            mqtt: wanted.mqtt,
            websocket: wanted.websocket,
            stun: wanted.stun,
            // It has no certificate.
            turns: 0,
        };
        let fault =
            |error| Failure::Failed(format!("the hub inside this chat cannot start: {error}"));
        let hub = match Hub::start(Config { ports, ..Config::on(bind) }).await {
            Ok(hub) => hub,
            Err(error) if ports != Ports::ANY => {
                complain(&format!(
                    "the hub inside this chat moves to other ports ({error}); contacts who know \
                     the old ones need a new invite"
                ));
                Hub::start(Config::on(bind)).await.map_err(fault)?
            }
            Err(error) => return Err(fault(error)),
        };
        let addresses = hub.addresses();
        let now = Remembered {
            http: addresses.http.port(),
            mqtt: addresses.mqtt.port(),
            websocket: addresses.websocket.port(),
            stun: addresses.stun.port(),
            bind: wanted.bind,
        };
        remember(home, now)?;
        let host = if bind.is_unspecified() { own_address::best(bind) } else { bind };
        let origin = format!("http://{}", SocketAddr::new(host, now.http));
        Ok(Self { hub, origin })
    }

    /// Where it is reached.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Ends it.
    pub(crate) async fn stop(self) {
        self.hub.shutdown().await;
    }
}

fn file(home: &Path) -> PathBuf {
    home.join(FILE)
}

/// What is remembered; a file that cannot be read is as good as none.
fn remembered(home: &Path) -> Option<Remembered> {
    serde_json::from_slice(&fs::read(file(home)).ok()?).ok()
}

fn remember(home: &Path, ports: Remembered) -> Result<(), Failure> {
    let fault = |error: io::Error| {
        Failure::Failed(format!("cannot keep the hub's ports in {}: {error}", home.display()))
    };
    // The node makes the home the same way; the hub is there first.
    DirBuilder::new().recursive(true).mode(0o700).create(home).map_err(fault)?;
    let text = serde_json::to_vec(&ports)?;
    fs::write(file(home), text).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_remembered_and_nonsense_is_forgotten() {
        let home = tempfile::tempdir().expect("a directory");
        assert!(remembered(home.path()).is_none());
        let ports = Remembered { http: 1, mqtt: 2, websocket: 3, stun: 4, bind: None };
        remember(home.path(), ports).expect("it is ours");
        assert_eq!(remembered(home.path()).map(|ports| ports.websocket), Some(3));
        fs::write(file(home.path()), "{").expect("it is ours");
        assert!(remembered(home.path()).is_none());
    }
}
