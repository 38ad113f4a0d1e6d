//! Why relays could not be used: the last reason of each, for a person who looks at the status.

use std::collections::BTreeMap;
use std::time::Instant;

use tincan_relay::Transport;

use super::place;
use crate::ice_servers::TurnServer;
use crate::request::RelayFailure;

/// Relays of which a reason is kept, whatever the hub lists in the course of time.
const MAX_FAILURES: usize = 16;

/// The last reasons, by the relay's URL.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<String, (Instant, String)>);

impl Failures {
    /// It could not be used. `reason` is a sentence.
    pub(super) fn note(&mut self, server: &TurnServer, reason: String, now: Instant) {
        let url = url(server);
        if self.0.len() >= MAX_FAILURES && !self.0.contains_key(&url) {
            let oldest = self.0.iter().min_by_key(|(_, (at, _))| *at).map(|(url, _)| url.clone());
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(url, (now, reason));
    }

    /// It works.
    pub(super) fn forget(&mut self, server: &TurnServer) {
        self.0.remove(&url(server));
    }

    /// Only these are asked from now on.
    pub(super) fn keep(&mut self, servers: &[TurnServer]) {
        self.0.retain(|known, _| servers.iter().any(|server| url(server) == *known));
    }

    pub(super) fn list(&self, now: Instant) -> Vec<RelayFailure> {
        let failure = |(url, (at, reason)): (&String, &(Instant, String))| RelayFailure {
            url: url.clone(),
            reason: reason.clone(),
            secs_ago: now.saturating_duration_since(*at).as_secs(),
        };
        self.0.iter().map(failure).collect()
    }
}

/// RFC 7065 §3.1.
fn url(server: &TurnServer) -> String {
    let (transport, host, port) = place(server);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match transport {
        Transport::Udp => format!("turn:{host}:{port}"),
        Transport::Tcp => format!("turn:{host}:{port}?transport=tcp"),
        Transport::Tls => format!("turns:{host}:{port}"),
    }
}
