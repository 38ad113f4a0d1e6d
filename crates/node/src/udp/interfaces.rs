//! Which addresses of this machine are offered to peers as host candidates.

use std::collections::BTreeSet;
use std::net::IpAddr;

use if_addrs::Interface;

use super::inet6::Inet6;

/// The most addresses offered: each costs every peer a check a pair.
const MAX_ADDRESSES: usize = 8;

/// Interfaces that containers and virtual machines make on this machine: nobody outside is
/// reached through them.
const BRIDGES: [&str; 9] =
    ["docker", "br-", "veth", "virbr", "vboxnet", "vmnet", "lxc", "cni", "podman"];

/// What to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Every interface's that is up, but no bridge's; loopback only if there is nothing else, or
    /// if `loopback` says that peers may be on this machine.
    Sensible { loopback: bool },
    /// Exactly these, whether or not an interface has them.
    Only(BTreeSet<IpAddr>),
}

impl Choice {
    /// Whether a new way out of the machine changes what peers can reach.
    pub(crate) fn follows_routes(&self) -> bool {
        matches!(self, Self::Sensible { .. })
    }
}

/// The addresses as they are now. Empty where the system does not tell.
pub(crate) fn local_addresses(choice: &Choice) -> BTreeSet<IpAddr> {
    match choice {
        Choice::Only(addresses) => addresses.clone(),
        Choice::Sensible { loopback } => {
            let mut interfaces = if_addrs::get_if_addrs().unwrap_or_default();
            let inet6 = Inet6::read();
            interfaces.retain(|interface| match interface.ip() {
                IpAddr::V4(_) => true,
                IpAddr::V6(address) => inet6.offers(address),
            });
            sensible(&interfaces, *loopback)
        }
    }
}

fn sensible(interfaces: &[Interface], loopback: bool) -> BTreeSet<IpAddr> {
    let up =
        || interfaces.iter().filter(|interface| interface.is_oper_up() || interface.is_loopback());
    let outside: BTreeSet<IpAddr> = up()
        .filter(|i| !i.is_loopback() && !i.is_link_local() && !is_bridge(&i.name))
        .map(Interface::ip)
        .take(MAX_ADDRESSES)
        .collect();
    let inside = up().filter(|i| i.is_loopback()).map(Interface::ip);
    if loopback || outside.is_empty() {
        outside.into_iter().chain(inside).collect()
    } else {
        outside
    }
}

fn is_bridge(name: &str) -> bool {
    BRIDGES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr};

    use super::*;

    fn interface(name: &str, ip: [u8; 4], up: bool) -> Interface {
        Interface {
            name: name.to_owned(),
            addr: IfAddr::V4(Ifv4Addr {
                ip: ip.into(),
                netmask: [255, 255, 255, 0].into(),
                prefixlen: 24,
                broadcast: None,
            }),
            index: None,
            oper_status: if up { IfOperStatus::Up } else { IfOperStatus::Down },
            is_p2p: false,
        }
    }

    fn check(interfaces: &[Interface], loopback: bool, expected: &[[u8; 4]]) {
        let expected = expected.iter().map(|ip| IpAddr::from(*ip)).collect();
        assert_eq!(sensible(interfaces, loopback), expected);
    }

    #[test]
    fn bridges_and_what_is_down_or_link_local_are_left_out() {
        let all = [
            interface("lo", [127, 0, 0, 1], true),
            interface("eth0", [192, 0, 2, 1], true),
            interface("wlan0", [198, 51, 100, 1], false),
            interface("docker0", [172, 17, 0, 1], true),
            interface("br-12ab", [172, 18, 0, 1], true),
            interface("eth1", [169, 254, 0, 1], true),
        ];
        check(&all, false, &[[192, 0, 2, 1]]);
        check(&all, true, &[[127, 0, 0, 1], [192, 0, 2, 1]]);
    }

    #[test]
    fn loopback_is_offered_where_there_is_nothing_else() {
        check(&[interface("lo", [127, 0, 0, 1], true)], false, &[[127, 0, 0, 1]]);
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let many: Vec<Interface> =
            (1..100).map(|n| interface("eth0", [192, 0, 2, n], true)).collect();
        assert_eq!(sensible(&many, false).len(), MAX_ADDRESSES);
    }
}
