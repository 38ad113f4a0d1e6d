//! Pairs of the table, with the real binary: those that differ in what they take. `cargo xtask
//! natlab` has them all.

use tincan_natlab::{Condition, Enclosure, Outcome, Trial, Way, pairs};

/// Tries one pair, which must go this way.
fn check(test: &str, a: &str, b: &str, expected: Way) {
    if !Enclosure::is_free_for(&format!("conversations::{test}")) {
        return;
    }
    let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
    let pair = pairs().into_iter().find(|pair| (pair.a, pair.b) == (a, b)).unwrap();
    match Trial::run(pair, Condition::default()).outcome {
        Outcome::Right { way, .. } => assert_eq!(way, expected, "{pair}"),
        Outcome::Wrong(words) => panic!("{pair}: {words}"),
        Outcome::NotRun(words) => println!("SKIPPED: {pair}: {words}"),
    }
}

#[test]
fn public_hosts_meet() {
    check("public_hosts_meet", "open", "open", Way::Direct);
}

#[test]
fn two_narrow_routers_are_opened_from_inside() {
    check(
        "two_narrow_routers_are_opened_from_inside",
        "portrestricted",
        "portrestricted",
        Way::Direct,
    );
}

#[test]
fn the_port_of_a_symmetric_router_is_learnt_from_its_checks() {
    check(
        "the_port_of_a_symmetric_router_is_learnt_from_its_checks",
        "restricted",
        "symmetric",
        Way::Direct,
    );
}

#[test]
fn a_carriers_customers_meet_inside() {
    check("a_carriers_customers_meet_inside", "cgnat", "cgnat", Way::Direct);
}

#[test]
fn hosts_on_one_lan_stay_there() {
    check("hosts_on_one_lan_stay_there", "symmetric", "same", Way::Lan);
}

#[test]
fn ipv6_goes_around_two_symmetric_routers() {
    check("ipv6_goes_around_two_symmetric_routers", "symmetric+v6", "symmetric+v6", Way::Direct);
}

#[test]
fn a_host_without_ipv4_meets_one_that_has_both() {
    check(
        "a_host_without_ipv4_meets_one_that_has_both",
        "v6only",
        "portrestricted+v6",
        Way::Direct,
    );
}

#[test]
fn two_symmetric_routers_take_a_relay() {
    check("two_symmetric_routers_take_a_relay", "symmetric", "symmetric", Way::Relay);
}

#[test]
fn a_network_without_udp_takes_a_relay() {
    check("a_network_without_udp_takes_a_relay", "open", "udpblocked", Way::Relay);
}
