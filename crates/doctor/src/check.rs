//! What is looked at.

use serde::Serialize;

/// What a finding is about, in the order in which findings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The disk with identity and history.
    Storage,
    /// Another `tincan` on the same home.
    Running,
    /// The hub over HTTP.
    Hub,
    /// This machine's clock beside the hub's.
    Clock,
    /// One address of the broker.
    Broker,
    /// The certificate of one server.
    Certificate,
    /// Whether UDP gets out and back, and what STUN says.
    Udp,
    /// How the router makes outside ports of inside ones.
    Mapping,
    /// Whom the router lets in.
    Filtering,
    /// Whether two behind the router meet at its outside addresses.
    Hairpin,
    /// IPv6.
    Ipv6,
    /// A relay over one transport.
    Relay,
    /// How large datagrams may be.
    Mtu,
    /// Multicast DNS.
    Mdns,
}

impl Check {
    /// The word before its findings.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Running => "node",
            Self::Hub => "hub",
            Self::Clock => "clock",
            Self::Broker => "broker",
            Self::Certificate => "certificate",
            Self::Udp => "UDP",
            Self::Mapping => "router",
            Self::Filtering => "filter",
            Self::Hairpin => "hairpin",
            Self::Ipv6 => "IPv6",
            Self::Relay => "relay",
            Self::Mtu => "MTU",
            Self::Mdns => "mDNS",
        }
    }
}
