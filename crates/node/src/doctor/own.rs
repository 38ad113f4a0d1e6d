//! This machine's own addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::udp::{Choice, local_addresses};

/// What it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Own {
    /// An IPv4 address, that of loopback only if people are met on this machine.
    pub(super) v4: Option<Ipv4Addr>,
    /// Whether there is an IPv6 address beyond the machine itself.
    pub(super) has_v6: bool,
    /// Whether people are met on this machine.
    pub(super) is_loopback: bool,
}

impl Own {
    pub(super) fn look(is_loopback: bool) -> Self {
        let mut v4 = None;
        let mut has_v6 = false;
        for address in local_addresses(&Choice::Sensible { loopback: is_loopback }) {
            match address {
                IpAddr::V4(ip) if is_loopback || !ip.is_loopback() => v4 = v4.or(Some(ip)),
                IpAddr::V4(_) => {}
                IpAddr::V6(ip) => has_v6 |= !ip.is_loopback(),
            }
        }
        Self { v4, has_v6, is_loopback }
    }
}

/// The address from which the kernel would speak to that one. Nothing is sent.
pub(super) fn towards(far: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match far {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(far).ok()?;
    socket.local_addr().ok().map(|at| at.ip())
}
