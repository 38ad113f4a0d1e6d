//! ICE candidates as a browser writes them (RFC 8839 §5.1).

use std::net::{IpAddr, SocketAddr};

/// What is looked at of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: String,
    pub(super) is_udp: bool,
    /// `None` where it is hidden behind a name.
    pub(super) address: Option<SocketAddr>,
}

/// `candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ KIND …`
pub(super) fn parse(line: &str) -> Option<Found> {
    let mut words = line.strip_prefix("candidate:")?.split(' ');
    let transport = words.nth(2)?;
    let address: Option<IpAddr> = words.nth(1)?.parse().ok();
    let port: u16 = words.next()?.parse().ok()?;
    if words.next()? != "typ" {
        return None;
    }
    Some(Found {
        kind: words.next()?.to_owned(),
        is_udp: transport.eq_ignore_ascii_case("udp"),
        address: address.map(|ip| SocketAddr::new(ip, port)),
    })
}
