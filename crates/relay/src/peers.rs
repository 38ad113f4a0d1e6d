//! Which peers may be reached: the Internet, and not what only this machine can see of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::Config;

/// What becomes of data from and to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is relayed.
    Allowed,
    /// It is an address of this machine, where the port decides.
    Own,
    /// It is refused with 403.
    Forbidden,
}

/// The rules, with this machine's addresses.
#[derive(Debug)]
pub(crate) struct Peers {
    own_addresses: Vec<IpAddr>,
    listening_ports: Vec<u16>,
    allow_private: bool,
}

impl Peers {
    pub(crate) fn new(config: &Config) -> Self {
        let own = config.own_addresses.iter();
        Self {
            own_addresses: own.map(IpAddr::to_canonical).collect(),
            listening_ports: config.listening_ports.clone(),
            allow_private: config.allow_private_peers,
        }
    }

    pub(crate) fn judge(&self, ip: IpAddr) -> Verdict {
        let reached: &[IpAddr] = &[ip];
        let embedded = match ip {
            IpAddr::V4(_) => Embedded::Nothing,
            IpAddr::V6(v6) => embedded(v6),
        };
        match embedded {
            Embedded::Nothing => self.judge_all(reached),
            Embedded::Never => Verdict::Forbidden,
            Embedded::Local if self.allow_private => self.judge_all(reached),
            Embedded::Local => Verdict::Forbidden,
            Embedded::V4(inner) => self.judge_all(&[ip, inner.into()]),
            Embedded::Two(one, other) => self.judge_all(&[ip, one.into(), other.into()]),
        }
    }

    /// Whether an own address may be reached at this port. `is_relay` says whether it is a
    /// relayed address of this server.
    pub(crate) fn own_port_is_open(&self, peer: SocketAddr, is_relay: bool) -> bool {
        is_relay || self.allow_private && !self.listening_ports.contains(&peer.port())
    }

    /// The strictest of the verdicts.
    fn judge_all(&self, ips: &[IpAddr]) -> Verdict {
        let is_own = |ip: &IpAddr| self.own_addresses.contains(ip) || ip.is_loopback();
        let is_refused = |ip: &IpAddr| match *ip {
            IpAddr::V4(v4) => is_nobody_v4(v4) || !self.allow_private && is_special_v4(v4),
            IpAddr::V6(v6) => is_nobody_v6(v6) || !self.allow_private && is_special_v6(v6),
        };
        if ips.iter().any(is_refused) {
            Verdict::Forbidden
        } else if ips.iter().any(is_own) {
            Verdict::Own
        } else {
            Verdict::Allowed
        }
    }
}

/// Addresses that stand for no single machine; nobody may reach them, not even in a laboratory.
fn is_nobody_v4(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    first == 0 || ip.is_multicast() || ip.is_broadcast()
}

/// Special-purpose addresses (RFC 6890) that are not of the Internet. Those for documentation
/// lead nowhere, except in laboratories that use them as their Internet, and do no harm.
fn is_special_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || matches!((a, b, c), (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) | (240.., _, _))
}

fn is_nobody_v6(ip: Ipv6Addr) -> bool {
    ip.is_unspecified() || ip.is_multicast()
}

fn is_special_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, ..] = ip.segments();
    let is_site_local = a & 0xFFC0 == 0xFEC0;
    let is_discarded = (a, b, c, d) == (0x0100, 0, 0, 0);
    ip.is_loopback()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
        || is_site_local
        || is_discarded
}

/// The IPv4 addresses that an IPv6 address leads to.
enum Embedded {
    Nothing,
    V4(Ipv4Addr),
    /// Teredo has its server's address and the client's.
    Two(Ipv4Addr, Ipv4Addr),
    /// A translation prefix that a network sets up for itself, in a form that it chooses.
    Local,
    /// A way to write an IPv4 address that has no place on the wire.
    Never,
}

fn embedded(ip: Ipv6Addr) -> Embedded {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = ip.segments();
    match [s0, s1, s2, s3, s4, s5] {
        _ if ip.is_loopback() || ip.is_unspecified() => Embedded::Nothing,
        // IPv4-compatible, IPv4-mapped and IPv4-translated (RFC 4291 §2.5.5, RFC 2765).
        [0, 0, 0, 0, 0, 0 | 0xFFFF] | [0, 0, 0, 0, 0xFFFF, 0] => Embedded::Never,
        // NAT64 (RFC 6052).
        [0x64, 0xFF9B, 0, 0, 0, 0] => Embedded::V4(v4(s6, s7)),
        // NAT64 of a network's own (RFC 8215).
        [0x64, 0xFF9B, 1, ..] => Embedded::Local,
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Embedded::V4(v4(high, low)),
        // Teredo (RFC 4380 §4).
        [0x2001, 0, high, low, ..] => Embedded::Two(v4(high, low), v4(!s6, !s7)),
        _ => Embedded::Nothing,
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(allow_private_peers: bool) -> Peers {
        Peers::new(&Config {
            own_addresses: vec!["203.0.114.1".parse().unwrap(), "2a00::1".parse().unwrap()],
            listening_ports: vec![3478],
            allow_private_peers,
            ..Config::default()
        })
    }

    fn check(on_internet: Verdict, in_laboratory: Verdict, ips: &[&str]) {
        for ip in ips {
            let address = ip.parse().unwrap();
            assert_eq!(peers(false).judge(address), on_internet, "{ip}");
            assert_eq!(peers(true).judge(address), in_laboratory, "{ip} in a laboratory");
        }
    }

    #[test]
    fn the_internet_is_reached() {
        check(
            Verdict::Allowed,
            Verdict::Allowed,
            &[
                "8.8.8.8",
                "100.63.255.255",
                "100.128.0.0",
                "172.15.0.1",
                "172.32.0.1",
                "192.0.1.1",
                "198.17.0.1",
                "198.20.0.1",
                "203.0.113.1",
                "223.255.255.255",
                "2001:db8::1",
                "2a00::2",
                "2600::",
                // Forms of a public IPv4 address.
                "64:ff9b::8.8.8.8",
                "2002:808:808::1",
                "2001:0:808:808::f7f7:f7f7",
            ],
        );
    }

    #[test]
    fn private_networks_are_reached_in_laboratories_only() {
        check(
            Verdict::Forbidden,
            Verdict::Allowed,
            &[
                "10.0.0.1",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.0.1",
                "169.254.169.254",
                "100.64.0.1",
                "100.127.255.255",
                "192.0.0.1",
                "198.18.0.1",
                "198.19.255.255",
                "240.0.0.1",
                "fc00::1",
                "fd12::1",
                "fe80::1",
                "fec0::1",
                "100::1",
                // Forms of 10.0.0.1, and what a network translates as it likes.
                "64:ff9b::10.0.0.1",
                "64:ff9b:1::8.8.8.8",
                "2002:a00:1::1",
                "2001:0:a00:1::f7f7:f7f7",
                "2001:0:808:808::f5ff:fffe",
            ],
        );
    }

    #[test]
    fn what_is_no_single_machine_is_never_reached() {
        check(
            Verdict::Forbidden,
            Verdict::Forbidden,
            &[
                "0.0.0.0",
                "0.1.2.3",
                "224.0.0.1",
                "239.255.255.255",
                "255.255.255.255",
                "::",
                "ff02::1",
                "::ffff:8.8.8.8",
                "::ffff:127.0.0.1",
                "::ffff:10.0.0.1",
                "::8.8.8.8",
                "::127.0.0.1",
                "::ffff:0:127.0.0.1",
                "64:ff9b::224.0.0.1",
                "64:ff9b::0.0.0.0",
                "2002:e000:1::1",
            ],
        );
    }

    #[test]
    fn this_machine_is_a_case_of_its_own() {
        check(Verdict::Own, Verdict::Own, &["203.0.114.1", "2a00::1", "64:ff9b::203.0.114.1"]);
        check(
            Verdict::Forbidden,
            Verdict::Own,
            &["127.0.0.1", "127.255.0.1", "::1", "64:ff9b::127.0.0.1", "2002:7f00:1::"],
        );
    }

    #[test]
    fn of_this_machine_only_relayed_addresses_are_open() {
        let check = |allow_private, port, is_relay, expected| {
            let peer = SocketAddr::from(([203, 0, 114, 1], port));
            assert_eq!(peers(allow_private).own_port_is_open(peer, is_relay), expected);
        };
        check(false, 50_000, true, true);
        check(false, 50_000, false, false);
        check(true, 50_000, false, true);
        check(true, 3478, false, false);
    }
}
