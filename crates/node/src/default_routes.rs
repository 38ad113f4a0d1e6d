//! Which way leads out of this machine: the default routes, as the kernel lists them.
//!
//! A new one means that others see us at another address, although ours are the same.

use std::fs;

/// Interface and next hop of the default route that the kernel prefers, of each family; `None`
/// where there is none, or where the system does not list them like that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DefaultRoutes {
    pub(crate) v4: Option<String>,
    pub(crate) v6: Option<String>,
}

impl DefaultRoutes {
    /// As they are now.
    pub(crate) fn read() -> Self {
        let v4 = fs::read_to_string("/proc/net/route").unwrap_or_default();
        let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
        Self { v4: default_v4(&v4), v6: default_v6(&v6) }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.v4.is_none() && self.v6.is_none()
    }
}

/// Columns: interface, destination, gateway, flags, counter, counter, metric, mask
/// (proc_net(5)).
fn default_v4(table: &str) -> Option<String> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [interface, "00000000", gateway, _, _, _, metric, "00000000", ..] = columns.as_slice()
        else {
            return None;
        };
        let metric: u32 = metric.parse().ok()?;
        Some((metric, format!("{interface} {gateway}")))
    });
    preferred(routes)
}

/// Columns: destination, its length, source, its length, next hop, metric, …, interface. The
/// kernel lists a route that refuses everything, too, on the loopback interface.
fn default_v6(table: &str) -> Option<String> {
    let routes = table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, "00", _, "00", gateway, metric, _, _, _, interface] = columns.as_slice() else {
            return None;
        };
        let metric = u32::from_str_radix(metric, 16).ok()?;
        (*interface != "lo").then(|| (metric, format!("{interface} {gateway}")))
    });
    preferred(routes)
}

/// The one with the smallest metric; among equals the first, as the kernel lists them.
fn preferred(routes: impl Iterator<Item = (u32, String)>) -> Option<String> {
    routes.min_by_key(|(metric, _)| *metric).map(|(_, route)| route)
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
        assert_eq!(default_v4(table).as_deref(), Some("eth0 0101A8C0"));
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
        assert_eq!(default_v6(&table), Some(format!("eth0 {hop}")));
    }

    #[test]
    fn of_several_the_one_with_the_smallest_metric_is_taken() {
        let table = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
";
        assert_eq!(default_v4(table).as_deref(), Some("eth0 0102A8C0"));
        let zero = "0".repeat(32);
        let line = |metric: &str, interface: &str| {
            format!("{zero} 00 {zero} 00 {zero} {metric} 00000001 00000000 00000003 {interface}\n")
        };
        let table = line("00000258", "wlan0") + &line("00000064", "eth0");
        assert_eq!(default_v6(&table), Some(format!("eth0 {zero}")));
    }

    #[test]
    fn other_texts_have_no_routes() {
        for text in ["", "\n", "a b c", "eth0 00000000", "00 00 00"] {
            assert_eq!((default_v4(text), default_v6(text)), (None, None), "{text}");
        }
    }
}
