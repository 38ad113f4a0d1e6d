//! At which addresses relayed data arrives.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::config::RelayAddress;

/// How often a port is taken that is to be even: half of them are.
const PORTS_TRIED: usize = 32;

/// One address of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What peers are told.
    pub(super) public: IpAddr,
    /// What the sockets are bound to.
    pub(super) local: IpAddr,
}

impl Place {
    /// The configured ones, else those at which this machine speaks to others, one of each family.
    pub(super) fn all(configured: &[RelayAddress], bind: IpAddr) -> Vec<Self> {
        let given = configured.iter().map(|address| Self {
            public: address.public,
            local: address.local.unwrap_or(address.public),
        });
        let found = || {
            let mut addresses = Vec::new();
            if bind.is_unspecified() {
                addresses.extend(towards(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9))));
                let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
                addresses.extend(towards(SocketAddr::from((far, 9))));
            } else {
                addresses.push(bind);
            }
            addresses
        };
        let all: Vec<Self> = if configured.is_empty() {
            found().into_iter().map(|address| Self { public: address, local: address }).collect()
        } else {
            given.collect()
        };
        let first = |v4: bool| all.iter().copied().find(|place| place.public.is_ipv4() == v4);
        [first(true), first(false)].into_iter().flatten().collect()
    }

    /// A socket here, and its port.
    pub(super) fn bind(&self, even_port: bool) -> io::Result<(UdpSocket, u16)> {
        // Those with odd ports are kept until the end, so that the system offers others.
        let mut odd = Vec::new();
        while odd.len() < PORTS_TRIED {
            let socket = UdpSocket::bind((self.local, 0))?;
            let port = socket.local_addr()?.port();
            if !even_port || port.is_multiple_of(2) {
                return Ok((socket, port));
            }
            odd.push(socket);
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

/// The address of ours from which the kernel would speak to that one. Nothing is sent.
fn towards(far: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if far.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(far).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn given(public: &str, local: Option<&str>) -> RelayAddress {
        RelayAddress { public: ip(public), local: local.map(ip) }
    }

    #[test]
    fn one_configured_address_of_each_family_is_taken() {
        let configured = [
            given("203.0.113.1", Some("10.0.0.1")),
            given("203.0.113.2", None),
            given("2001:db8::1", None),
        ];
        let places = Place::all(&configured, ip("0.0.0.0"));
        let expected = [
            Place { public: ip("203.0.113.1"), local: ip("10.0.0.1") },
            Place { public: ip("2001:db8::1"), local: ip("2001:db8::1") },
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn a_port_is_even_where_it_has_to_be() {
        let place = Place { public: ip("203.0.113.1"), local: ip("127.0.0.1") };
        let ports: Vec<u16> = (0..20).map(|_| place.bind(true).unwrap().1).collect();
        assert!(ports.iter().all(|port| port % 2 == 0), "{ports:?}");
    }

    #[test]
    fn a_hub_that_listens_on_one_address_relays_there() {
        let places = Place::all(&[], ip("127.0.0.1"));
        assert_eq!(places, [Place { public: ip("127.0.0.1"), local: ip("127.0.0.1") }]);
    }
}
