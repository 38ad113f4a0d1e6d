//! The addresses of this machine: where a hub inside a chat listens, and by which its invites
//! name it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use if_addrs::Interface;

/// A connection within the machine is there at once, or never.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The address on which whoever listens is reached at all others: of both families, if one
/// socket can have both here.
pub(crate) fn all() -> IpAddr {
    let both = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if hears_ipv4(both) { both } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
}

/// Whether who listens there is reached by IPv4, too: a setting of the system decides, and a
/// connection tells.
fn hears_ipv4(bind: IpAddr) -> bool {
    let reached = || -> io::Result<()> {
        let listener = TcpListener::bind((bind, 0))?;
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr()?.port()));
        TcpStream::connect_timeout(&here, AT_ONCE).map(drop)
    };
    reached().is_ok()
}

/// The one by which others reach what listens on `all` addresses of this machine: that of the
/// default route, else of an interface, IPv4 before IPv6; loopback if there is nothing else.
pub(crate) fn best(all: IpAddr) -> IpAddr {
    // TEST-NET-1 (RFC 5737) and the addresses of documentation (RFC 3849), which nobody has.
    let routes = [
        routed(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        routed(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let others = interfaces.iter().filter(|one| one.is_oper_up() && !one.is_link_local());
    choose(all, routes, others.map(Interface::ip))
}

fn choose(
    all: IpAddr,
    routes: [Option<IpAddr>; 2],
    others: impl Iterator<Item = IpAddr>,
) -> IpAddr {
    let mut others: Vec<IpAddr> = others.collect();
    others.sort_by_key(IpAddr::is_ipv6);
    let mut found = routes.into_iter().flatten().chain(others);
    let is_heard = |ip: &IpAddr| all.is_ipv6() || ip.is_ipv4();
    let is_outside = |ip: &IpAddr| !ip.is_unspecified() && !ip.is_loopback();
    found.find(|ip| is_heard(ip) && is_outside(ip)).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// The address from which packets to `there` leave. Connecting a UDP socket picks the route and
/// sends nothing.
fn routed(any: IpAddr, there: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((there, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn check(routes: [Option<&str>; 2], others: &[&str], expected: &str) {
        let others = others.iter().map(|text| ip(text));
        let found = choose(ip("::"), routes.map(|route| route.map(ip)), others);
        assert_eq!(found, ip(expected), "{routes:?}");
    }

    #[test]
    fn the_default_route_decides_and_ipv4_comes_first() {
        check([Some("198.51.100.1"), Some("fd00::1")], &["10.0.0.1"], "198.51.100.1");
        check([None, Some("fd00::1")], &["127.0.0.1", "::1"], "fd00::1");
    }

    #[test]
    fn without_a_route_an_interface_decides() {
        check([None, None], &["127.0.0.1", "fd00::1", "10.0.0.1"], "10.0.0.1");
        check([None, None], &["::1", "fd00::1"], "fd00::1");
    }

    #[test]
    fn who_listens_on_ipv4_alone_is_not_named_by_ipv6() {
        let found =
            choose(ip("0.0.0.0"), [None, Some(ip("fd00::1"))], [ip("10.0.0.1")].into_iter());
        assert_eq!(found, ip("10.0.0.1"));
    }

    #[test]
    fn loopback_is_named_where_there_is_nothing_else() {
        check([None, None], &["127.0.0.1", "::1"], "127.0.0.1");
        check([Some("0.0.0.0"), None], &[], "127.0.0.1");
    }
}
