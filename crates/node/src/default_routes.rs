//! Which way leads out of this machine: the default routes, as the kernel lists them.
//!
//! A new one means that others see us at another address, although ours are the same.

use std::collections::BTreeSet;
use std::fs;

/// The most routes that are compared.
const MAX_ROUTES: usize = 16;

/// Interface and next hop of each default route, in an order of its own; empty where the system
/// does not list them like that.
pub(crate) fn default_routes() -> BTreeSet<String> {
    let v4 = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    default_v4(&v4).chain(default_v6(&v6)).take(MAX_ROUTES).collect()
}

/// Columns: interface, destination, gateway, flags, …, metric, mask (proc_net(5)).
fn default_v4(table: &str) -> impl Iterator<Item = String> {
    table.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [interface, "00000000", gateway, _, _, _, _, "00000000", ..] = columns.as_slice()
        else {
            return None;
        };
        Some(format!("{interface} {gateway}"))
    })
}

/// Columns: destination, its length, source, its length, next hop, metric, …, interface. The
/// kernel lists a route that refuses everything, too, on the loopback interface.
fn default_v6(table: &str) -> impl Iterator<Item = String> {
    table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, "00", _, "00", gateway, _, _, _, _, interface] = columns.as_slice() else {
            return None;
        };
        (*interface != "lo").then(|| format!("{interface} {gateway}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_of_ipv4_is_found_among_others() {
        let table = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
";
        assert_eq!(default_v4(table).collect::<Vec<_>>(), ["eth0 0101A8C0"]);
    }

    #[test]
    fn the_default_route_of_ipv6_is_found_among_others() {
        let zero = "0".repeat(32);
        let hop = "fe800000000000000000000000000001";
        let table = format!(
            "{zero} 00 {zero} 00 {hop} 00000400 00000001 00000000 00000003     eth0\n\
             20010db8000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 \
             00000001     eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        );
        assert_eq!(default_v6(&table).collect::<Vec<_>>(), [format!("eth0 {hop}")]);
    }

    #[test]
    fn other_texts_have_no_routes() {
        for text in ["", "\n", "a b c", "eth0 00000000", "00 00 00"] {
            assert_eq!(default_v4(text).chain(default_v6(text)).count(), 0, "{text}");
        }
    }
}
