//! A page over https in a network that lets out nothing but TCP to port 443: page, broker and relay
//! are TLS on that one port, and the browser trusts the certificate for its authority's sake.

use std::fs;

use tempfile::TempDir;
use tincan_e2e::Authority;
use tincan_natlab::{Browser, Enclosure, Outcome, Visit, Way, is_installed};

/// The hub's name in the laboratory.
const HUB: &str = "hub.test";

fn check(test: &str, browser: Browser) {
    if !Enclosure::is_free_for(&format!("tls::{test}")) {
        return;
    }
    if !is_installed("certutil") {
        println!("SKIPPED: tls::{test}: there is no certutil; install libnss3-tools");
        return;
    }
    let (folder, authority) = (TempDir::with_prefix("natlab-tls-").unwrap(), Authority::new());
    authority.issue(HUB, folder.path(), |_| {});
    let vouched = folder.path().join("authority.pem");
    fs::write(&vouched, authority.pem()).unwrap();
    let (page, node) = ("udpblocked".parse().unwrap(), "portrestricted".parse().unwrap());
    let pair = Visit::pairs().into_iter().find(|pair| (pair.a, pair.b) == (page, node)).unwrap();
    match Visit::over_tls(browser, pair, folder.path(), &vouched).outcome {
        Outcome::Right { way, .. } => assert_eq!(way, Way::Relay, "{pair}"),
        Outcome::Wrong(words) => panic!("{pair}: {words}"),
        Outcome::NotRun(words) => println!("SKIPPED: tls::{test}: {words}"),
    }
}

#[test]
fn a_page_in_chromium_takes_a_relay_over_tls_where_only_port_443_is_let_out() {
    check(
        "a_page_in_chromium_takes_a_relay_over_tls_where_only_port_443_is_let_out",
        Browser::Chromium,
    );
}

#[test]
fn a_page_in_firefox_takes_a_relay_over_tls_where_only_port_443_is_let_out() {
    check(
        "a_page_in_firefox_takes_a_relay_over_tls_where_only_port_443_is_let_out",
        Browser::Firefox,
    );
}
