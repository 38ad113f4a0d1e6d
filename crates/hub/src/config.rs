//! What the operator of a hub chooses.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// How a hub runs. The defaults suit a team on one machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hub's name, which access tokens are made out to (`aud`, protocol §9), 1 to 256 bytes.
    /// Default `tincan`. Give every hub its own: a token for one is good at another of that name.
    pub name: String,
    /// The address to listen on. Default 0.0.0.0, all of IPv4; `::` is both families on most
    /// systems.
    pub bind: IpAddr,
    /// The ports to listen on.
    pub ports: Ports,
    /// The host name or address that clients use. Default: whatever a client used to reach
    /// `/config.json`. Set it behind a proxy that rewrites the `Host` header.
    pub public_host: Option<String>,
    /// Where the broker keeps the sessions of absent clients. Default: only in memory, so that a
    /// restart forgets waiting contact requests (clients repeat them daily).
    pub data_dir: Option<PathBuf>,
    /// Bounds on what clients may do.
    pub limits: Limits,
    /// Whether user ids and addresses appear in the log. Default no.
    pub log_ids: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "tincan".to_owned(),
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ports: Ports::default(),
            public_host: None,
            data_dir: None,
            limits: Limits::default(),
            log_ids: false,
        }
    }
}

impl Config {
    /// A hub on any free ports of one address, as an embedded or tested one is.
    pub fn on(bind: IpAddr) -> Self {
        Self { bind, ports: Ports::ANY, ..Self::default() }
    }
}

/// The ports of a hub; 0 takes any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The site, HTTP over TCP. Default 8080.
    pub http: u16,
    /// MQTT over TCP. Default 1883.
    pub mqtt: u16,
    /// MQTT over WebSocket, path `/mqtt`, on a TCP port of its own. Default 8083.
    pub websocket: u16,
    /// STUN over UDP. Default 3478.
    pub stun: u16,
}

impl Ports {
    /// Any free ports.
    pub const ANY: Self = Self { http: 0, mqtt: 0, websocket: 0, stun: 0 };
}

impl Default for Ports {
    fn default() -> Self {
        Self { http: 8080, mqtt: 1883, websocket: 8083, stun: 3478 }
    }
}

/// Bounds on what clients may do. An address counts as one for IPv4 and per /64 for IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// MQTT connections at once. Default 10,000, at about 30 KB each.
    pub connections: usize,
    /// MQTT connections at once from one address. Default 512, for offices behind one address.
    /// Behind a proxy everybody has the proxy's: raise the limits per address there.
    pub connections_per_address: usize,
    /// MQTT connections a second from one address, with bursts of twenty times that. Default 20:
    /// each costs the hub a signature check, and after a restart an office returns at once.
    pub connects_per_second: u32,
    /// MQTT sessions, connected or kept for someone who is away. Default 50,000.
    pub sessions: usize,
    /// Publishes a second of one client; faster ones are slowed down. Default 50.
    pub publishes_per_second: u32,
    /// Publishes at once of one client before the rate counts. Default 500: on
    /// connecting, a client greets all its contacts within 5 s (protocol §4).
    pub publish_burst: u32,
    /// Contact requests an hour of one user. Default 5 (protocol §7).
    pub contact_requests_per_user: u32,
    /// Contact requests an hour from one address. Default 20 (protocol §7).
    pub contact_requests_per_address: u32,
    /// HTTP connections at once. Default 512.
    pub http_connections: usize,
    /// HTTP requests a second from one address, with bursts of twenty times that. Default 50; a
    /// client makes three when it connects.
    pub http_requests_per_second: u32,
    /// STUN answers a second to one address, with bursts of four times that. Default 10.
    pub stun_answers_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 512,
            connects_per_second: 20,
            sessions: 50_000,
            publishes_per_second: 50,
            publish_burst: 500,
            contact_requests_per_user: 5,
            contact_requests_per_address: 20,
            http_connections: 512,
            http_requests_per_second: 50,
            stun_answers_per_second: 10,
        }
    }
}
