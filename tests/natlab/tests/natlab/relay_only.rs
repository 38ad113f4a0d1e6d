//! "Relay only" on the wire: who hides sends to nobody but the server, and is sent nothing by
//! anybody else, although both hosts could reach each other.

use std::time::Duration;

use tincan_natlab::{Enclosure, Flow, FlowCounter, Hub, Lab, Meeting, Reported, Side, is_server};

const PATIENCE: Duration = Duration::from_secs(20);

/// Meets with these sides hidden, and gives all flows of both hosts and both reports.
fn meet(hidden: &[Side]) -> ([Vec<Flow>; 2], [Reported; 2]) {
    let lab = Lab::up("open".parse().unwrap(), "open".parse().unwrap());
    let hub = Hub::start(&lab).unwrap();
    let counters = [Side::A, Side::B].map(|side| FlowCounter::start(lab.host(side), None));
    let flags = |side| if hidden.contains(&side) { ["--relay-only"].as_slice() } else { &[] };
    let mut meeting = Meeting::with(hub, &lab, flags).unwrap();
    meeting.open(PATIENCE).unwrap();
    // Longer than the first checks of either end.
    for _ in 0..10 {
        meeting.exchange("words", PATIENCE).unwrap();
    }
    let reported = [Side::A, Side::B].map(|side| Reported::of(&meeting.node(side).peer()).unwrap());
    (counters.each_ref().map(FlowCounter::read), reported)
}

fn is_with_the_server(flow: &Flow) -> bool {
    is_server(if flow.sent { flow.to.ip() } else { flow.from.ip() })
}

fn check(test: &str, hidden: &[Side]) {
    if !Enclosure::is_free_for(&format!("relay_only::{test}")) {
        return;
    }
    let (flows, [a, b]) = meet(hidden);
    for side in hidden {
        let flows = &flows[usize::from(*side == Side::B)];
        let strange: Vec<_> = flows.iter().filter(|flow| !is_with_the_server(flow)).collect();
        assert!(flows.iter().any(|flow| flow.sent && flow.udp), "nothing was counted");
        assert!(strange.is_empty(), "{side:?} is hidden, but: {strange:?}");
        let (own, other) = if *side == Side::A { (&a, &b) } else { (&b, &a) };
        assert_eq!((own.local.as_str(), other.remote.as_str()), ("relay", "relay"));
        assert!(is_server(other.remote_address.ip()), "{other:?}");
    }
}

#[test]
fn who_calls_and_hides_speaks_with_the_server_only() {
    check("who_calls_and_hides_speaks_with_the_server_only", &[Side::A]);
}

#[test]
fn who_is_called_and_hides_speaks_with_the_server_only() {
    check("who_is_called_and_hides_speaks_with_the_server_only", &[Side::B]);
}

#[test]
fn two_who_hide_meet_at_the_server() {
    check("two_who_hide_meet_at_the_server", &[Side::A, Side::B]);
}
