//! Where the machine is in the network, and whether it is elsewhere now.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::default_routes::DefaultRoutes;

/// How long a way out may be missing before the addresses count without one.
const ROUTE_FOLLOWS: Duration = Duration::from_millis(500);

/// The addresses and the ways out, as they were when something of them changed last.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts {
    addresses: BTreeSet<IpAddr>,
    routes: DefaultRoutes,
    /// Since when there has been no way out, where there was one.
    without_a_way: Option<Instant>,
}

/// What has become of the machine's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing, or nothing yet.
    None,
    /// There is more than before, and all that was is there.
    Gained,
    /// What was in use may lead nowhere now.
    Moved,
}

impl Whereabouts {
    /// Takes what the system says now. While one network is gone and the other is not complete,
    /// nobody can be told, and what was may be true again in a moment.
    pub(crate) fn update(
        &mut self,
        addresses: BTreeSet<IpAddr>,
        routes: &DefaultRoutes,
        now: Instant,
    ) -> Change {
        if addresses.is_empty() || self.is_in_between(&addresses, routes, now) {
            return Change::None;
        }
        let first_way = self.routes.is_none() && !routes.is_none();
        let another_way = first_way
            | is_replaced(&mut self.routes.v4, routes.v4.as_ref())
            | is_replaced(&mut self.routes.v6, routes.v6.as_ref());
        let change = if another_way || !addresses.is_superset(&self.addresses) {
            Change::Moved
        } else if addresses != self.addresses {
            Change::Gained
        } else {
            Change::None
        };
        self.addresses = addresses;
        change
    }

    fn is_in_between(
        &mut self,
        addresses: &BTreeSet<IpAddr>,
        routes: &DefaultRoutes,
        now: Instant,
    ) -> bool {
        if leads_out(&self.addresses) && !leads_out(addresses) {
            return true;
        }
        if !routes.is_none() || self.routes.is_none() {
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

/// Takes the way of a family; `true` if another was known. One that is missing may come back.
fn is_replaced(known: &mut Option<String>, now: Option<&String>) -> bool {
    let Some(now) = now else { return false };
    let before = known.replace(now.clone());
    before.is_some_and(|before| before != *now)
}

fn leads_out(addresses: &BTreeSet<IpAddr>) -> bool {
    addresses.iter().any(|ip| !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1";

    /// When, in milliseconds after the first look, with which addresses and with which way out of
    /// each family.
    type Look<'a> = (u64, &'a [&'a str], [Option<&'a str>; 2]);

    fn looks(all: &[Look<'_>]) -> Vec<Change> {
        let start = Instant::now();
        let mut whereabouts = Whereabouts::default();
        let look = |(after, addresses, [v4, v6]): &Look<'_>| {
            let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
            let routes =
                DefaultRoutes { v4: v4.map(ToOwned::to_owned), v6: v6.map(ToOwned::to_owned) };
            whereabouts.update(addresses, &routes, start + Duration::from_millis(*after))
        };
        all.iter().map(look).collect()
    }

    const NONE: [Option<&str>; 2] = [None, None];
    const A: [Option<&str>; 2] = [Some("a"), None];
    const B: [Option<&str>; 2] = [Some("b"), None];

    #[test]
    fn an_address_that_is_gone_is_a_move_and_one_more_is_a_gain() {
        let one: &[&str] = &[LOOPBACK, "10.0.0.2"];
        let two: &[&str] = &[LOOPBACK, "10.0.0.2", "2001:db8::2"];
        let other: &[&str] = &[LOOPBACK, "10.0.1.2"];
        let seen = looks(&[(0, one, NONE), (1, one, NONE), (2, two, NONE), (3, other, NONE)]);
        assert_eq!(seen, [Change::Gained, Change::None, Change::Gained, Change::Moved]);
    }

    #[test]
    fn another_way_out_is_a_move() {
        let ours: &[&str] = &["10.0.0.2"];
        let seen = looks(&[(0, ours, A), (10, ours, B), (20, ours, B)]);
        assert_eq!(seen, [Change::Moved, Change::Moved, Change::None]);
    }

    #[test]
    fn the_first_way_out_is_a_move() {
        let ours: &[&str] = &["10.0.0.2"];
        let seen = looks(&[(0, ours, NONE), (10, ours, A)]);
        assert_eq!(seen, [Change::Gained, Change::Moved]);
    }

    #[test]
    fn a_way_of_the_other_family_is_no_move() {
        let ours: &[&str] = &["10.0.0.2"];
        let both = [Some("a"), Some("six")];
        let seen = looks(&[(0, ours, A), (10, ours, both), (20, ours, A), (30, ours, both)]);
        assert_eq!(seen[1..], [Change::None; 3]);
        let seen = looks(&[(0, ours, both), (10, ours, [Some("a"), Some("other")])]);
        assert_eq!(seen[1], Change::Moved);
    }

    #[test]
    fn no_network_at_all_is_no_move() {
        let ours: &[&str] = &["10.0.0.2"];
        let seen = looks(&[(0, ours, A), (10, &[LOOPBACK], NONE), (5_000, ours, A)]);
        assert_eq!(seen[1..], [Change::None; 2]);
        let seen = looks(&[(0, ours, NONE), (10, &[], NONE), (20, ours, NONE)]);
        assert_eq!(seen[1..], [Change::None; 2]);
    }

    #[test]
    fn an_address_waits_for_the_way_out_that_follows_it() {
        let (old, new): (&[&str], &[&str]) = (&["10.0.0.2"], &["10.0.1.2"]);
        let seen = looks(&[(0, old, A), (10, &[LOOPBACK], NONE), (9_000, new, B)]);
        assert_eq!(seen[1..], [Change::None, Change::Moved]);
        let seen = looks(&[(0, old, A), (10, new, NONE), (40, new, B)]);
        assert_eq!(seen[1..], [Change::None, Change::Moved]);
    }

    #[test]
    fn an_address_without_a_way_out_counts_in_the_end() {
        let (old, new): (&[&str], &[&str]) = (&["10.0.0.2"], &["10.0.1.2"]);
        let seen = looks(&[(0, old, A), (10, new, NONE), (509, new, NONE), (510, new, NONE)]);
        assert_eq!(seen[1..], [Change::None, Change::None, Change::Moved]);
    }
}
