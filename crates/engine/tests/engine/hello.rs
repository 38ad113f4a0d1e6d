//! Nothing is said before both ends have proved who they are.

use tincan_engine::{Alarm, Input, PeerInput, PeerState};

use crate::world::{World, millis, secs};

/// Frames of `node` that hold `pattern` are changed by `change`.
fn tamper(
    world: &mut World,
    node: usize,
    pattern: &'static str,
    change: fn(String) -> Option<String>,
) {
    world.tamper = Some(Box::new(move |from, text| match from == node && text.contains(pattern) {
        true => change(text),
        false => Some(text),
    }));
}

fn other_signature(text: String) -> Option<String> {
    let at = text.find("\"sig\":\"").unwrap() + 7;
    let swapped = if &text[at..=at] == "A" { "B" } else { "A" };
    Some(format!("{}{swapped}{}", &text[..at], &text[at + 1..]))
}

fn check_alarmed(world: &mut World, node: usize, other: usize) {
    world.open_chat(0, 1);
    world.run_until_within(secs(1), "an alarm", |world| !world.alarms(node).is_empty());
    assert!(matches!(world.alarms(node)[..], [Alarm::HelloFailed { .. }]));
    assert_eq!(world.peer_state(node, other), PeerState::Closed);
    assert_eq!(world.sid(node, other), None);
    assert_eq!(world.dropped(node, "hello failed"), 1);
    let states = world.peer_states(node, other);
    assert!(!states.contains(&PeerState::Connected), "{states:?}");
}

#[test]
fn a_tampered_hello_is_alarmed_and_closed_at_either_end() {
    for (node, other) in [(0, 1), (1, 0)] {
        let mut world = World::pair();
        tamper(&mut world, other, "\"type\":\"hello\"", other_signature);
        check_alarmed(&mut world, node, other);
    }
}

#[test]
fn a_hello_of_another_session_is_alarmed() {
    let mut world = World::pair();
    tamper(&mut world, 0, "\"type\":\"hello\"", |text| {
        let at = text.find("\"sid\":\"").unwrap() + 7;
        let swapped = if &text[at..=at] == "0" { "1" } else { "0" };
        Some(format!("{}{swapped}{}", &text[..at], &text[at + 1..]))
    });
    check_alarmed(&mut world, 1, 0);
}

#[test]
fn another_certificate_than_the_announced_one_is_alarmed() {
    let mut world = World::pair();
    world.open_chat(0, 1);
    world.run_until("an answer", |world| world.published_on(1, "answer") == 1);
    let (sid, input) = (world.sid(0, 1).unwrap(), PeerInput::OtherCertificate);
    world.handle(0, Input::Peer { sid, input });
    assert!(matches!(world.alarms(0)[..], [Alarm::HelloFailed { .. }]));
    assert_eq!(world.dropped(0, "other certificate"), 1);
    assert_eq!(world.peer_state(0, 1), PeerState::Closed);
    assert_eq!(world.sid(0, 1), None);
}

#[test]
fn our_own_hello_sent_back_to_us_is_no_proof() {
    let mut world = World::pair();
    world.open_chat(0, 1);
    world.run_until("a hello", |world| !world.frames_of(0, "hello").is_empty());
    let hello = world.frames_of(0, "hello")[0].clone();
    let sid = world.sid(0, 1).unwrap();
    world.frame(0, sid, &hello);
    assert!(matches!(world.alarms(0)[..], [Alarm::HelloFailed { .. }]));
}

#[test]
fn no_message_is_taken_before_hello() {
    let mut world = World::pair();
    world.connect(1, 0);
    world.send(0, 1, "secret");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    let message = world.frames_of(0, "text")[0].clone();
    let mut world = World::pair();
    tamper(&mut world, 0, "\"type\":\"hello\"", |_| None);
    world.open_chat(0, 1);
    world.run_until("verifying", |world| world.peer_state(1, 0) == PeerState::Verifying);
    let sid = world.sid(1, 0).unwrap();
    for frame in [
        &message,
        r#"{"type":"sync","have":{},"sent":{}}"#,
        r#"{"type":"typing","on":true}"#,
        r#"{"type":"bye","why":"closed"}"#,
    ] {
        world.frame(1, sid, frame);
    }
    world.run_for(secs(1));
    assert_eq!(world.dropped(1, "frame before hello"), 5, "and the sync of the other side");
    assert!(world.received(1, 0).is_empty());
    assert_eq!(world.sid(1, 0), Some(sid));
}

#[test]
fn no_message_is_sent_before_hello() {
    let mut world = World::pair();
    tamper(&mut world, 1, "\"type\":\"hello\"", |_| None);
    world.send(0, 1, "secret");
    world.run_for(secs(9));
    assert_eq!(world.peer_state(0, 1), PeerState::Verifying);
    assert!(world.frames_of(0, "text").is_empty() && world.frames_of(0, "sync").is_empty());
}

#[test]
fn hello_must_come_within_10_s() {
    let mut world = World::pair();
    tamper(&mut world, 1, "\"type\":\"hello\"", |_| None);
    world.open_chat(0, 1);
    world.run_until("verifying", |world| world.peer_state(0, 1) == PeerState::Verifying);
    let sid = world.sid(0, 1);
    world.run_for(millis(9_900));
    assert_eq!(world.sid(0, 1), sid);
    world.run_for(millis(200));
    assert_ne!(world.sid(0, 1), sid);
    assert!(world.alarms(0).is_empty(), "late is not false");
    world.tamper = None;
    world.run_until_within(secs(20), "connected", |world| world.are_connected(0, 1));
}

#[test]
fn a_second_hello_is_dropped() {
    let mut world = World::pair();
    world.connect(0, 1);
    let hello = world.frames_of(0, "hello")[0].clone();
    let sid = world.sid(1, 0).unwrap();
    world.frame(1, sid, &hello);
    assert_eq!(world.dropped(1, "second hello"), 1);
    assert!(world.are_connected(0, 1));
}

#[test]
fn a_hello_that_overtakes_the_news_of_the_channel_verifies() {
    let mut world = World::pair();
    // Frames are faster than the shell's news that the channel is open.
    world.open_chat(0, 1);
    world.run_until("a hello", |world| !world.frames_of(0, "hello").is_empty());
    let (early, late) = (world.frames_of(0, "hello")[0].clone(), world.sid(1, 0).unwrap());
    let mut world = World::pair();
    world.open_chat(0, 1);
    world.run_until("an answer", |world| world.published_on(1, "answer") == 1);
    world.run_for(millis(12));
    assert_eq!(world.sid(1, 0), Some(late), "the same world");
    assert_eq!(world.peer_state(1, 0), PeerState::Connecting);
    world.frame(1, late, &early);
    assert_eq!(world.peer_state(1, 0), PeerState::Connected);
    world.run_for(secs(30));
    assert!(world.are_connected(0, 1));
    assert_eq!(world.sid(1, 0), Some(late), "it never fell back");
    world.send(1, 0, "m");
    world.run_until_within(secs(1), "delivered", |world| world.all_delivered(1, 0));
}

#[test]
fn a_swapped_fingerprint_breaks_the_seal() {
    // What a broker can do to an offer is to change bytes of its envelope, and no byte of it may
    // be changed.
    let mut world = World::pair();
    world.lose = Some(Box::new(|topic| topic.ends_with("offer")));
    world.open_chat(0, 1);
    world.run_for(secs(1));
    let letter = world.letters_on(0, "offer")[0].clone();
    for at in (0..letter.payload.len()).step_by(41) {
        let mut letter = letter.clone();
        letter.payload[at] ^= 1;
        world.replay(&letter);
    }
    world.run_for(secs(1));
    assert_eq!(world.published_on(1, "answer"), 0);
    world.replay(&letter);
    world.run_for(secs(1));
    assert_eq!(world.published_on(1, "answer"), 1, "the untouched one is answered");
}
