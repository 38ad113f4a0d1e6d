//! A WebRTC connection as the engine sees one: descriptions that must fit each other, ordered
//! frames with a delay, and a path that can break.

use tincan_wire::Fingerprint;

/// One end.
#[derive(Clone, Debug)]
pub struct Connection {
    pub fingerprint: Fingerprint,
    pub local: Option<String>,
    pub remote: Option<String>,
    pub opened: bool,
    pub broken: bool,
    /// The engine knows that it is broken.
    pub noticed: bool,
    /// Frames that wait for the path to come back.
    pub stalled: Vec<String>,
    /// Frames that have come while the engine did not read.
    pub unread: Vec<String>,
    pub unacknowledged: usize,
}

impl Connection {
    pub fn new(random: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&random.to_be_bytes());
        Self {
            fingerprint: Fingerprint(bytes),
            local: None,
            remote: None,
            opened: false,
            broken: false,
            noticed: false,
            stalled: Vec::new(),
            unread: Vec::new(),
            unacknowledged: 0,
        }
    }

    /// A new description of this end; `random` makes it another one with each restart.
    pub fn describe(&mut self, random: u64) -> String {
        let sdp = sdp(random, self.fingerprint);
        self.local = Some(sdp.clone());
        sdp
    }

    /// Whether both have been connected: what they had then is kept during a restart.
    pub fn had_path_to(&self, other: &Self) -> bool {
        self.opened && other.opened
    }

    /// Whether each end has the other's latest description.
    pub fn fits(&self, other: &Self) -> bool {
        self.local.is_some()
            && self.local == other.remote
            && other.local.is_some()
            && other.local == self.remote
    }
}

/// A description with this fingerprint.
pub fn sdp(random: u64, fingerprint: Fingerprint) -> String {
    let hex = fingerprint.0.map(|byte| format!("{byte:02X}")).join(":");
    format!("v=0\r\no=- {random} 0 IN IP4 0.0.0.0\r\na=fingerprint:sha-256 {hex}\r\n")
}
