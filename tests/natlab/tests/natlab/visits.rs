//! The page in a browser and a node, behind routers that differ in what they take. `cargo xtask
//! natlab` has all pairs, and Firefox.

use tincan_natlab::{Browser, Enclosure, Outcome, Visit, Way};

/// Tries one pair, the page's host first, which must go this way.
fn check(test: &str, page: &str, node: &str, expected: Way) {
    if !Enclosure::is_free_for(&format!("visits::{test}")) {
        return;
    }
    let (a, b) = (page.parse().unwrap(), node.parse().unwrap());
    let pair = Visit::pairs().into_iter().find(|pair| (pair.a, pair.b) == (a, b)).unwrap();
    match Visit::run(Browser::Chromium, pair).outcome {
        Outcome::Right { way, .. } => assert_eq!(way, expected, "{pair}"),
        Outcome::Wrong(words) => panic!("{pair}: {words}"),
        Outcome::NotRun(words) => println!("SKIPPED: visits::{test}: {words}"),
    }
}

#[test]
fn a_page_behind_a_narrow_router_meets_a_node_behind_another() {
    check(
        "a_page_behind_a_narrow_router_meets_a_node_behind_another",
        "portrestricted",
        "portrestricted",
        Way::Direct,
    );
}

#[test]
fn a_page_and_a_node_behind_symmetric_routers_take_a_relay() {
    check(
        "a_page_and_a_node_behind_symmetric_routers_take_a_relay",
        "symmetric",
        "symmetric",
        Way::Relay,
    );
}

#[test]
fn a_page_in_a_network_without_udp_takes_a_relay() {
    check("a_page_in_a_network_without_udp_takes_a_relay", "udpblocked", "open", Way::Relay);
}
