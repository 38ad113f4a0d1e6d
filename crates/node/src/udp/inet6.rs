//! Which of an interface's IPv6 addresses are offered: not those that are not ready or not to be
//! used any more, and of one network the temporary ones (RFC 8981), which tell less of a machine,
//! rather than the one that it always has there (RFC 8835 §3.3).

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

/// `IFA_F_TEMPORARY` of `linux/if_addr.h`.
const TEMPORARY: u32 = 0x01;
/// `IFA_F_DADFAILED`, `IFA_F_DEPRECATED` and `IFA_F_TENTATIVE`.
const UNUSABLE: u32 = 0x08 | 0x20 | 0x40;

/// What the kernel says of each address; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inet6(BTreeMap<Ipv6Addr, u32>);

impl Inet6 {
    /// As it is now.
    pub(super) fn read() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default())
    }

    /// Columns: address, interface, length of the prefix, scope, flags, name; all but the name in
    /// hexadecimal.
    fn parse(table: &str) -> Self {
        let rows = table.lines().filter_map(|line| {
            let columns: Vec<&str> = line.split_ascii_whitespace().collect();
            let [address, _, _, _, flags, _] = columns.as_slice() else { return None };
            let address = u128::from_str_radix(address, 16).ok()?;
            Some((Ipv6Addr::from(address), u32::from_str_radix(flags, 16).ok()?))
        });
        Self(rows.collect())
    }

    /// Whether it is to be offered. What the kernel does not know is.
    pub(super) fn offers(&self, address: Ipv6Addr) -> bool {
        let Some(flags) = self.0.get(&address) else { return true };
        let is_usable = |flags: u32| flags & UNUSABLE == 0;
        let network = |address: &Ipv6Addr| u128::from(*address) >> 64;
        let has_temporary = || {
            self.0.iter().any(|(other, flags)| {
                network(other) == network(&address) && flags & TEMPORARY != 0 && is_usable(*flags)
            })
        };
        is_usable(*flags) && (flags & TEMPORARY != 0 || !has_temporary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
20010db8000000010000000000000010 02 40 00 80     eth0
20010db80000000100000000000abcde 02 40 00 01     eth0
20010db80000000100000000000abcdd 02 40 00 21     eth0
20010db8000000020000000000000010 03 40 00 80    wlan0
20010db8000000020000000000000011 03 40 00 61    wlan0
20010db8000000030000000000000010 03 40 00 c0    wlan0
";

    fn check(address: &str, offered: bool) {
        assert_eq!(Inet6::parse(TABLE).offers(address.parse().unwrap()), offered, "{address}");
    }

    #[test]
    fn a_temporary_address_is_offered_instead_of_the_lasting_one() {
        check("2001:db8:0:1::10", false);
        check("2001:db8:0:1::a:bcde", true);
    }

    #[test]
    fn what_is_deprecated_or_not_ready_is_not_offered_and_replaces_nothing() {
        check("2001:db8:0:1::a:bcdd", false);
        check("2001:db8:0:2::11", false);
        check("2001:db8:0:2::10", true);
        check("2001:db8:0:3::10", false);
    }

    #[test]
    fn what_the_kernel_does_not_list_is_offered() {
        check("2001:db8:0:9::1", true);
        for table in ["", "\n", "x y", "2001 a b c d e", "zz 1 1 1 1 e"] {
            assert!(Inet6::parse(table).offers(Ipv6Addr::LOCALHOST), "{table}");
        }
    }
}
