//! Which address is whose. The documentation's networks (RFC 5737, RFC 3849) are the public
//! ones, so that a packet which escapes goes nowhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::kind::{Kind, Nat};

/// The public network: the first three bytes, and the first three groups.
pub(crate) const PUBLIC4: &str = "203.0.113";
pub(crate) const PUBLIC6: &str = "2001:db8:113:";

/// What the carrier's router is called outside, and the network below it.
pub(crate) const CARRIER: &str = "203.0.113.4";
pub(crate) const CARRIER_LAN: &str = "100.64.0";

/// Under this name the hub is found by everybody, at the server's first addresses.
pub(crate) const HUB_NAME: &str = "hub.test";

/// What the documents call it.
pub(crate) const DOCUMENTED_NAME: &str = "hub.example.org";

/// What the documents call the further servers, in their order.
const FURTHER_NAMES: [&str; 2] = ["relay.example.org", "broker.example.org"];

/// A place for a host and its router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The first host's.
    A,
    /// The second host's.
    B,
    /// Where the first host may move to.
    C,
}

impl Side {
    pub(crate) fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
            Self::C => 'c',
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
            Self::C => 3,
        }
    }

    /// The name of its router.
    pub(crate) fn router(self) -> String {
        format!("r{}", self.letter())
    }

    /// The LAN's IPv4 network, without its last byte.
    pub(crate) fn lan4(self, nat: Nat) -> String {
        match (nat.is_public(), self) {
            (false, _) => format!("192.168.{}", self.number()),
            (true, Self::A) => "198.51.100".to_owned(),
            (true, Self::B) => "192.0.2".to_owned(),
            (true, Self::C) => "198.18.3".to_owned(),
        }
    }

    /// The LAN's IPv6 network, ready for a last group.
    pub(crate) fn lan6(self) -> String {
        format!("2001:db8:{}:", self.letter())
    }

    /// The router's outside address, or the one on the carrier's LAN.
    pub(crate) fn wan4(self, nat: Nat) -> String {
        let last = self.number() + 1;
        if nat.has_carrier() {
            format!("{CARRIER_LAN}.{last}")
        } else {
            format!("{PUBLIC4}.{}", if self == Self::C { 5 } else { last })
        }
    }

    /// Another outside address, which its provider may give it one day.
    pub(crate) fn next_wan4(self) -> String {
        format!("{PUBLIC4}.{}", 20 + self.number())
    }

    pub(crate) fn wan6(self) -> String {
        format!("{PUBLIC6}:{}", self.number() + 1)
    }

    /// The last byte or group of its host.
    pub(crate) fn host(self) -> u8 {
        if self == Self::B { 20 } else { 10 }
    }

    /// The addresses of its host when the router is of this kind.
    pub(crate) fn host_addresses(self, kind: Kind, host: u8) -> Vec<IpAddr> {
        let v4 = (kind.nat != Nat::V6Only)
            .then(|| format!("{}.{host}", self.lan4(kind.nat)).parse::<Ipv4Addr>());
        let v6 = kind.v6.then(|| format!("{}:{host}", self.lan6()).parse::<Ipv6Addr>());
        let v4 = v4.map(|ip| IpAddr::V4(ip.expect("it is an address")));
        let v6 = v6.map(|ip| IpAddr::V6(ip.expect("it is an address")));
        v4.into_iter().chain(v6).collect()
    }
}

/// The server's addresses: two of each family, as a probe of filtering needs.
pub(crate) fn server4() -> [Ipv4Addr; 2] {
    [Ipv4Addr::new(203, 0, 113, 10), Ipv4Addr::new(203, 0, 113, 11)]
}

/// The last byte of the first further server's address, and how many there may be.
const FURTHER: u8 = 30;
const MAX_FURTHER: u8 = 10;

/// The address of a further server.
pub(crate) fn further4(nth: u8) -> Ipv4Addr {
    assert!(nth < MAX_FURTHER, "there are not so many addresses");
    Ipv4Addr::new(203, 0, 113, FURTHER + nth)
}

/// The server's IPv6 addresses.
pub(crate) fn server6() -> [Ipv6Addr; 2] {
    [0x10, 0x11].map(|host| Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, host))
}

/// What must be in a hosts file. Browsers ask for STUN servers as `name.`, so that nothing is
/// searched for.
pub(crate) fn hosts() -> String {
    let further = (0..).zip(FURTHER_NAMES).map(|(nth, name)| format!("{} {name}\n", further4(nth)));
    format!(
        "127.0.0.1 localhost\n::1 localhost\n{PUBLIC4}.10 {HUB_NAME} {HUB_NAME}. {DOCUMENTED_NAME}\n\
         {PUBLIC6}:10 {HUB_NAME} {HUB_NAME}.\n{}",
        further.collect::<String>()
    )
}

/// Whether an address is a server's.
pub fn is_server(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            server4().contains(&ip) || (0..MAX_FURTHER).any(|nth| further4(nth) == ip)
        }
        IpAddr::V6(ip) => server6().contains(&ip),
    }
}
