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
    /// Frames that wait for the path to come back.
    pub stalled: Vec<String>,
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
            stalled: Vec::new(),
            unacknowledged: 0,
        }
    }

    /// A new description of this end; `random` makes it another one with each restart.
    pub fn describe(&mut self, random: u64) -> String {
        let Fingerprint(bytes) = self.fingerprint;
        let fingerprint = bytes.map(|byte| format!("{byte:02X}")).join(":");
        let sdp = format!("v=0\r\no=- {random} 0 IN IP4 0.0.0.0\r\na=fingerprint:sha-256 {fingerprint}\r\n");
        self.local = Some(sdp.clone());
        sdp
    }

    /// Whether each end has the other's latest description.
    pub fn fits(&self, other: &Self) -> bool {
        self.local.is_some()
            && self.local == other.remote
            && other.local.is_some()
            && other.local == self.remote
    }
}
