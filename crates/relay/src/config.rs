//! What a server may be told, with the cost of each choice.

use std::net::IpAddr;

use crate::address::Family;
use crate::bucket::Rate;

/// Which families of relayed addresses there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// Whether the shell can open sockets of IPv4.
    pub v4: bool,
    /// Whether the shell can open sockets of IPv6.
    pub v6: bool,
}

impl Families {
    pub(crate) fn has(self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

/// Settings of one [`Server`](crate::Server). `Config::default()` suits a team's hub that
/// anybody on the Internet can reach; `own_addresses` and `listening_ports` are the shell's to
/// fill.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the server is called in long-term credentials. Default `tincan`. Each answer to a
    /// stranger carries it.
    pub realm: String,
    /// Which families are relayed. Default both.
    pub families: Families,
    /// Addresses of this machine, as peers would see or reach it, those before a NAT included.
    /// Default none. Peers at these addresses are refused, except relayed addresses of this
    /// server, so that two of its clients reach each other.
    pub own_addresses: Vec<IpAddr>,
    /// Ports of this machine that the server itself listens at. Default none. Nothing is relayed
    /// to them, whatever else is allowed.
    pub listening_ports: Vec<u16>,
    /// Whether private, link-local, loopback and other special addresses may be peers. Default
    /// no. For laboratories and LANs: on a machine that sees an inner network it opens that
    /// network to all users.
    pub allow_private_peers: bool,
    /// Allocations in all. Default 10,000. Each costs a socket or two of the shell's, and some
    /// 1.2 KB here, up to 8 KB with all its permissions and channels.
    pub allocations: usize,
    /// Allocations of one user, by the random part of the name. Default 64: a browser makes one
    /// for each interface and transport.
    pub allocations_per_credential: u32,
    /// Allocations of one address (IPv4, or /64 of IPv6). Default 256, as offices share one.
    pub allocations_per_address: u32,
    /// Permissions of one allocation. Default 64; an ICE agent has one for each candidate of the
    /// other side.
    pub permissions: usize,
    /// Channels of one allocation. Default 64.
    pub channels: usize,
    /// Bytes that one user may have relayed, both directions together, with 28 bytes on top of
    /// each datagram for its headers. Default 4 MB a second with bursts of 2 s.
    pub rate_per_credential: Rate,
    /// The same for one address. Default 16 MB a second with bursts of 2 s.
    pub rate_per_address: Rate,
    /// Answers over UDP to an address that has not authenticated. Default 100 a second with
    /// bursts of 2 s: each allocation takes one.
    pub stranger_answers: Rate,
    /// How long a nonce is good, in milliseconds. Default 600,000. After that a client takes one
    /// round trip more.
    pub nonce_life_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            realm: "tincan".to_owned(),
            families: Families { v4: true, v6: true },
            own_addresses: Vec::new(),
            listening_ports: Vec::new(),
            allow_private_peers: false,
            allocations: 10_000,
            allocations_per_credential: 64,
            allocations_per_address: 256,
            permissions: 64,
            channels: 64,
            rate_per_credential: Rate::with_bursts(4_000_000, 2),
            rate_per_address: Rate::with_bursts(16_000_000, 2),
            stranger_answers: Rate::with_bursts(100, 2),
            nonce_life_ms: 600_000,
        }
    }
}
