//! `tincan doctor` on a host behind a router of each kind: what it says is what the router does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tincan_natlab::{Enclosure, Hub, Kind, Lab, Nat, Side, doctor};

/// What a person will wait for on a good network.
const QUICK: Duration = Duration::from_secs(5);

/// What is waited for at most, whatever the network swallows.
const PATIENT: Duration = Duration::from_secs(20);

/// Codes by what was looked at, with `relay` and `broker` as often as there are.
type Codes = BTreeMap<String, Vec<String>>;

struct Seen {
    codes: Codes,
    verdict: String,
    summary: String,
    took: Duration,
    succeeded: bool,
    value: Value,
}

impl Seen {
    /// What was found of one thing.
    fn of(&self, check: &str) -> &[String] {
        self.codes.get(check).map_or(&[], Vec::as_slice)
    }
}

fn look(kind: Kind) -> Seen {
    let lab = Lab::up(kind, Kind::of(Nat::Open));
    let _hub = Hub::start(&lab).unwrap();
    let began = Instant::now();
    let (value, succeeded) = doctor(&lab, Side::A).unwrap();
    let took = began.elapsed();
    let mut codes = Codes::new();
    for finding in value["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        codes.entry(text("check")).or_default().push(text("code"));
    }
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    Seen { codes, verdict: text("verdict"), summary: text("summary"), took, succeeded, value }
}

/// A kind of router, what must be found of it, and what that means.
struct Case {
    kind: Kind,
    mapping: Option<&'static str>,
    filtering: Option<&'static str>,
    hairpin: Option<&'static str>,
    summary: &'static str,
}

const NEARLY_EVERYBODY: &str = "A chat will work, directly with nearly everybody.";
const MOST: &str =
    "A chat will work, directly with most people, with the others through the relay.";
const SOME: &str =
    "A chat will work, directly with some people, with the others through the relay.";
const RELAY: &str = "A chat will work, through the relay.";

fn check(test: &str, cases: &[Case]) {
    if !Enclosure::is_free_for(&format!("doctor::{test}")) {
        return;
    }
    for case in cases {
        let seen = look(case.kind);
        let kind = case.kind;
        let all = &seen.value;
        assert_eq!(seen.of("mapping"), Vec::from_iter(case.mapping), "{kind}: {all:#}");
        assert_eq!(seen.of("filtering"), Vec::from_iter(case.filtering), "{kind}: {all:#}");
        assert_eq!(seen.of("hairpin"), Vec::from_iter(case.hairpin), "{kind}: {all:#}");
        assert_eq!(seen.summary, case.summary, "{kind}: {all:#}");
        assert_eq!(seen.verdict, "notice", "{kind}: {all:#}");
        assert!(seen.succeeded, "{kind}: a chat works there");
        assert!(seen.of("broker").contains(&"broker_reached".to_owned()), "{kind}: {all:#}");
        assert!(seen.of("relay").contains(&"relay_works".to_owned()), "{kind}: {all:#}");
        assert!(seen.took < PATIENT, "{kind}: {:?}", seen.took);
    }
}

fn case(
    nat: Nat,
    mapping: &'static str,
    filtering: &'static str,
    hairpin: Option<&'static str>,
    summary: &'static str,
) -> Case {
    let (mapping, filtering) = (Some(mapping), Some(filtering));
    Case { kind: Kind::of(nat), mapping, filtering, hairpin, summary }
}

#[test]
fn public_addresses_are_told_from_those_behind_a_firewall() {
    check(
        "public_addresses_are_told_from_those_behind_a_firewall",
        &[
            case(Nat::Open, "mapping_none", "filter_none", None, NEARLY_EVERYBODY),
            case(Nat::Firewall, "mapping_none", "filter_port", None, MOST),
        ],
    );
}

#[test]
fn cones_are_told_by_whom_they_let_in() {
    let works = Some("hairpin_works");
    check(
        "cones_are_told_by_whom_they_let_in",
        &[
            case(Nat::FullCone, "mapping_independent", "filter_none", works, NEARLY_EVERYBODY),
            case(Nat::Restricted, "mapping_independent", "filter_address", works, NEARLY_EVERYBODY),
            case(
                Nat::PortRestricted,
                "mapping_independent",
                "filter_port",
                Some("hairpin_missing"),
                MOST,
            ),
        ],
    );
}

#[test]
fn routers_with_a_port_for_each_contact_are_told() {
    let missing = Some("hairpin_missing");
    check(
        "routers_with_a_port_for_each_contact_are_told",
        &[
            case(Nat::Symmetric, "mapping_port_dependent", "filter_port", missing, SOME),
            case(Nat::CgnatSymmetric, "mapping_port_dependent", "filter_port", missing, SOME),
        ],
    );
}

#[test]
fn a_carriers_router_is_seen_behind_the_own_one() {
    check(
        "a_carriers_router_is_seen_behind_the_own_one",
        &[case(Nat::Cgnat, "mapping_independent", "filter_port", Some("second_router"), MOST)],
    );
}

#[test]
fn where_no_udp_gets_out_the_relay_over_tcp_is_the_way() {
    let name = "where_no_udp_gets_out_the_relay_over_tcp_is_the_way";
    let nothing = Case {
        kind: Kind::of(Nat::UdpBlocked),
        mapping: None,
        filtering: None,
        hairpin: None,
        summary: RELAY,
    };
    check(name, &[nothing]);
    if Enclosure::is_here() {
        let seen = look(Kind::of(Nat::UdpBlocked));
        assert_eq!(seen.of("udp"), ["udp_blocked"]);
        assert_eq!(seen.of("mtu"), [""; 0]);
    }
}

#[test]
fn ipv6_is_found_beside_a_router_and_alone() {
    let behind = Case {
        kind: Kind::with_v6(Nat::Symmetric),
        ..case(
            Nat::Symmetric,
            "mapping_port_dependent",
            "filter_port",
            Some("hairpin_missing"),
            SOME,
        )
    };
    let alone = Case {
        kind: Kind::of(Nat::V6Only),
        mapping: Some("no_ipv4"),
        filtering: None,
        hairpin: None,
        summary: SOME,
    };
    check("ipv6_is_found_beside_a_router_and_alone", &[behind, alone]);
    if Enclosure::is_here() {
        for kind in [Kind::with_v6(Nat::Symmetric), Kind::of(Nat::V6Only)] {
            assert_eq!(look(kind).of("ipv6"), ["ipv6_works"], "{kind}");
        }
        assert_eq!(look(Kind::of(Nat::Symmetric)).of("ipv6"), ["ipv6_missing"]);
    }
}

#[test]
fn on_a_good_network_all_of_it_is_found_in_five_seconds() {
    if !Enclosure::is_free_for("doctor::on_a_good_network_all_of_it_is_found_in_five_seconds") {
        return;
    }
    let seen = look(Kind::with_v6(Nat::Open));
    assert!(seen.took < QUICK, "{:?}", seen.took);
    assert_eq!(seen.verdict, "good", "{:#}", seen.value);
    assert_eq!(seen.of("relay"), ["relay_works"; 3]);
    assert_eq!(seen.of("broker"), ["broker_reached"; 3]);
    assert_eq!(seen.of("mdns"), ["mdns_works"]);
    assert_eq!(seen.of("mtu"), ["mtu_enough"]);
    assert_eq!(seen.of("clock"), ["clock_right"]);
    assert_eq!(seen.of("storage"), ["storage_works"]);
}
