//! What the operator of a hub chooses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

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
    /// The certificate with which the hub speaks TLS. Default none: it speaks in the clear, for
    /// networks that trust each other and for a proxy before it that ends TLS.
    pub tls: Option<TlsConfig>,
    /// The relay for those who reach each other in no other way.
    pub relay: RelayConfig,
    /// More addresses of this machine, at which STUN answers too, one of each family. Default
    /// none. With one of them `tincan doctor` tells all kinds of routers apart.
    pub stun_addresses: Vec<RelayAddress>,
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
            tls: None,
            relay: RelayConfig::default(),
            stun_addresses: Vec::new(),
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

/// A certificate and its key, as an ACME client leaves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificates in PEM form: the hub's own, then those that lead to an authority.
    pub certificate: PathBuf,
    /// The private key of the first of them, in PEM form and without a passphrase.
    pub key: PathBuf,
    /// How often it is looked whether the two files have been replaced. Default one minute; a look
    /// asks the system for two dates.
    pub look_every: Duration,
}

impl TlsConfig {
    /// These files, looked at once a minute.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let look_every = Duration::from_secs(60);
        Self { certificate: certificate.into(), key: key.into(), look_every }
    }
}

/// How a hub relays (TURN), or who does it instead.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayConfig {
    /// Whether clients are given a relay at all. Default yes.
    pub enabled: bool,
    /// Where relayed data arrives, one address of each family. Default: those from which this
    /// machine speaks to others, or the one that the hub listens on. Name them where the machine
    /// is behind a NAT.
    pub addresses: Vec<RelayAddress>,
    /// What passwords are made from. Default: random, and replaced every 12 hours. Name it where
    /// relays elsewhere or other hubs are to take the same credentials; coturn calls it
    /// `static-auth-secret`.
    pub secret: Option<String>,
    /// The URLs of relays that clients are sent to instead, such as `turn:relay.example:3478`.
    /// Default none. They need the `secret`, and this hub relays nothing then.
    pub elsewhere: Vec<String>,
    /// Whether private, link-local and loopback addresses may be reached through the relay.
    /// Default no: it would open the network behind the hub to all users. For laboratories and
    /// networks that have nothing else.
    pub allow_private_peers: bool,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            addresses: Vec::new(),
            secret: None,
            elsewhere: Vec::new(),
            allow_private_peers: false,
        }
    }
}

/// Without the secret.
impl fmt::Debug for RelayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConfig")
            .field("enabled", &self.enabled)
            .field("addresses", &self.addresses)
            .field("elsewhere", &self.elsewhere)
            .field("allow_private_peers", &self.allow_private_peers)
            .finish_non_exhaustive()
    }
}

/// An address at which relayed data arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    /// What peers are told.
    pub public: IpAddr,
    /// What the relay's sockets are bound to, behind a NAT that passes `public` on to it. Default
    /// the same.
    pub local: Option<IpAddr>,
}

/// The ports of a hub; 0 takes any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The site, HTTP over TCP, and TURN over TCP; with a certificate HTTPS, and TURN over TLS.
    /// Default 8080.
    pub http: u16,
    /// MQTT over TCP, and over TLS where there is a certificate. Default 1883.
    pub mqtt: u16,
    /// MQTT over WebSocket, path `/mqtt`, on a TCP port of its own. Default 8083.
    pub websocket: u16,
    /// STUN and TURN over UDP, and TURN over TCP. Default 3478.
    pub stun: u16,
    /// STUN over UDP once more, by which `tincan doctor` tells what a router does. Default 3479;
    /// if it is taken, the hub goes without.
    pub second_stun: u16,
    /// TURN over TLS on a port of its own, where there is a certificate. Default 5349.
    pub turns: u16,
}

impl Ports {
    /// Any free ports.
    pub const ANY: Self =
        Self { http: 0, mqtt: 0, websocket: 0, stun: 0, second_stun: 0, turns: 0 };
}

impl Default for Ports {
    fn default() -> Self {
        Self { http: 8080, mqtt: 1883, websocket: 8083, stun: 3478, second_stun: 3479, turns: 5349 }
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
    /// TLS handshakes a second of one address, with bursts of twenty times that. Default 50; each
    /// takes up to a millisecond of a core.
    pub handshakes_per_second: u32,
    /// STUN answers a second to one address, with bursts of four times that. Default 10.
    pub stun_answers_per_second: u32,
    /// Allocations on the relay in all. Default 10,000, at about 3 KB and one or two sockets each.
    pub allocations: usize,
    /// Allocations of one user. Default 64: a browser makes one for each interface and transport.
    pub allocations_per_user: u32,
    /// Allocations of one address. Default 256.
    pub allocations_per_address: u32,
    /// Bytes a second relayed for one user, both directions together. Default 4,000,000.
    pub relay_bytes_per_second_and_user: u64,
    /// Bytes a second relayed for one address. Default 16,000,000.
    pub relay_bytes_per_second_and_address: u64,
    /// Messages a second that clients of the relay over TCP and TLS without an allocation send from
    /// one address, with bursts of twenty times that; faster ones are slowed down. Default 50; an
    /// allocation takes two.
    pub relay_requests_per_second: u32,
    /// Clients of the relay over TCP and TLS at once. Default 2,048.
    pub relay_connections: usize,
    /// The same from one address. Default 256.
    pub relay_connections_per_address: usize,
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
            handshakes_per_second: 50,
            stun_answers_per_second: 10,
            allocations: 10_000,
            allocations_per_user: 64,
            allocations_per_address: 256,
            relay_bytes_per_second_and_user: 4_000_000,
            relay_bytes_per_second_and_address: 16_000_000,
            relay_requests_per_second: 50,
            relay_connections: 2_048,
            relay_connections_per_address: 256,
        }
    }
}
