//! coturn in place of the hub's relay and Mosquitto in place of its broker, as
//! `docs/hosting-elsewhere.md` says.

use tincan_natlab::{
    Enclosure, Hosting, Meeting, Outcome, Pair, Reported, Side, Trial, Way, is_installed, pairs,
};

/// Whether it can be tried here.
fn is_free(test: &str, program: &str, package: &str) -> bool {
    if !Enclosure::is_free_for(&format!("hosting::{test}")) {
        return false;
    }
    let is_there = is_installed(program);
    if !is_there {
        println!("SKIPPED: hosting::{test}: there is no {program}; install {package}");
    }
    is_there
}

fn alike(kind: &str) -> Pair {
    let kind = kind.parse().unwrap();
    pairs().into_iter().find(|pair| (pair.a, pair.b) == (kind, kind)).unwrap()
}

fn check(pair: Pair, lab: &tincan_natlab::Lab, meeting: &mut Meeting, expected: Way) {
    match Trial::judge(pair, lab, meeting) {
        Outcome::Right { way, .. } => assert_eq!(way, expected, "{pair}"),
        Outcome::Wrong(words) | Outcome::NotRun(words) => panic!("{pair}: {words}"),
    }
}

#[test]
fn coturn_relays_in_place_of_the_hub() {
    if !is_free("coturn_relays_in_place_of_the_hub", "turnserver", "coturn") {
        return;
    }
    let (hosting, pair) = (Hosting::read().unwrap(), alike("symmetric"));
    let lab = Hosting::lab(pair.a, pair.b);
    let coturn = hosting.coturn(&lab).unwrap();
    let hub = hosting.hub_with_coturn(&lab).unwrap();
    let mut meeting = Meeting::at(hub, &lab).unwrap();
    check(pair, &lab, &mut meeting, Way::Relay);
    let path = Reported::of(&meeting.node(Side::A).peer()).unwrap();
    assert_eq!(path.relay(), Some(lab.further(0).1), "{path:?}, {}", coturn.said());
}

#[test]
fn mosquitto_carries_what_the_hubs_broker_would() {
    if !is_free("mosquitto_carries_what_the_hubs_broker_would", "mosquitto", "mosquitto") {
        return;
    }
    let (hosting, pair) = (Hosting::read().unwrap(), alike("portrestricted"));
    let lab = Hosting::lab(pair.a, pair.b);
    let mosquitto = hosting.mosquitto(&lab).unwrap();
    let hub = hosting.hub_with_mosquitto(&lab).unwrap();
    let flags = hosting.flags_for_mosquitto(&hub).unwrap();
    let flags = flags.each_ref().map(String::as_str);
    let mut meeting = Meeting::with(hub, &lab, |_| &flags).unwrap();
    check(pair, &lab, &mut meeting, Way::Direct);
    let clients = mosquitto.said().matches("u'tincan'").count();
    assert_eq!(clients, 2, "{}", mosquitto.said());
}
