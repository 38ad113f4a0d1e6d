//! Where the machine is in the network, and whether it is elsewhere now.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a way out may be missing before the addresses count without one.
const ROUTE_FOLLOWS: Duration = Duration::from_millis(500);

/// The addresses and the ways out, as they were when we last moved.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts {
    addresses: BTreeSet<IpAddr>,
    routes: BTreeSet<String>,
    /// Since when there has been no way out, where there was one.
    without_a_way: Option<Instant>,
}

impl Whereabouts {
    /// Takes what the system says now; `true` if we have moved. While one network is gone and the
    /// other is not complete, nobody can be told, and what was may be true again in a moment.
    pub(crate) fn update(
        &mut self,
        addresses: BTreeSet<IpAddr>,
        routes: BTreeSet<String>,
        now: Instant,
    ) -> bool {
        let another_way = !routes.is_empty() && routes != self.routes;
        let moved = addresses != self.addresses || another_way;
        if addresses.is_empty() || self.is_in_between(&addresses, &routes, now) || !moved {
            return false;
        }
        if another_way {
            self.routes = routes;
        }
        self.addresses = addresses;
        true
    }

    fn is_in_between(
        &mut self,
        addresses: &BTreeSet<IpAddr>,
        routes: &BTreeSet<String>,
        now: Instant,
    ) -> bool {
        if leads_out(&self.addresses) && !leads_out(addresses) {
            return true;
        }
        if !routes.is_empty() || self.routes.is_empty() {
            self.without_a_way = None;
            return false;
        }
        // Addresses come before the routes that lead out by them.
        let since = *self.without_a_way.get_or_insert(now);
        now.saturating_duration_since(since) < ROUTE_FOLLOWS
    }

    pub(crate) fn addresses(&self) -> &BTreeSet<IpAddr> {
        &self.addresses
    }
}

fn leads_out(addresses: &BTreeSet<IpAddr>) -> bool {
    addresses.iter().any(|ip| !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1";

    /// Looks in turn at what the system says so many milliseconds after the first look; whether
    /// each was a move.
    fn looks(all: &[(u64, &[&str], &[&str])]) -> Vec<bool> {
        let start = Instant::now();
        let mut whereabouts = Whereabouts::default();
        let look = |(after, addresses, routes): &(u64, &[&str], &[&str])| {
            let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
            let routes = routes.iter().map(|text| (*text).to_owned()).collect();
            whereabouts.update(addresses, routes, start + Duration::from_millis(*after))
        };
        all.iter().map(look).collect()
    }

    #[test]
    fn another_address_is_a_move_and_the_same_is_none() {
        let first: &[&str] = &[LOOPBACK, "10.0.0.2"];
        let second: &[&str] = &[LOOPBACK, "10.0.1.2"];
        let seen = looks(&[(0, first, &[]), (10, first, &[]), (20, second, &[]), (30, first, &[])]);
        assert_eq!(seen, [true, false, true, true]);
    }

    #[test]
    fn another_way_out_is_a_move() {
        let ours: &[&str] = &["10.0.0.2"];
        let seen = looks(&[(0, ours, &["a"]), (10, ours, &["b"]), (20, ours, &["b"])]);
        assert_eq!(seen, [true, true, false]);
    }

    #[test]
    fn no_network_at_all_is_no_move() {
        let ours: &[&str] = &["10.0.0.2"];
        let seen = looks(&[(0, ours, &["a"]), (10, &[LOOPBACK], &[]), (5_000, ours, &["a"])]);
        assert_eq!(seen, [true, false, false]);
        assert_eq!(looks(&[(0, ours, &[]), (10, &[], &[]), (20, ours, &[])]), [true, false, false]);
    }

    #[test]
    fn an_address_waits_for_the_way_out_that_follows_it() {
        let seen = looks(&[
            (0, &["10.0.0.2"], &["a"]),
            (10, &[LOOPBACK], &[]),
            (9_000, &["10.0.1.2"], &["b"]),
        ]);
        assert_eq!(seen, [true, false, true]);
        let seen = looks(&[
            (0, &["10.0.0.2"], &["a"]),
            (10, &["10.0.1.2"], &[]),
            (40, &["10.0.1.2"], &["b"]),
        ]);
        assert_eq!(seen, [true, false, true]);
    }

    #[test]
    fn an_address_without_a_way_out_counts_in_the_end() {
        let seen = looks(&[
            (0, &["10.0.0.2"], &["a"]),
            (10, &["10.0.1.2"], &[]),
            (509, &["10.0.1.2"], &[]),
            (510, &["10.0.1.2"], &[]),
        ]);
        assert_eq!(seen, [true, false, false, true]);
    }
}
