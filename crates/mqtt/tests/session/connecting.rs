//! From a transport to `Connected`, and every way in which that fails.

use crate::rig::{Got, Rig};
use tincan_mqtt::{CloseReason, Event, ProtocolError, Qos, Refusal, Version};

const V5_REFUSED_THE_OLD_WAY: [u8; 4] = [0x20, 2, 0, 1];

#[test]
fn connect_continues_the_session_and_names_the_user() {
    let mut rig = Rig::new();
    rig.open();
    let (client_id, username) = ("tin00".to_owned(), Some("u".to_owned()));
    assert_eq!(rig.got, [Got::Connect { version: 5, clean: false, client_id, username }]);
}

#[test]
fn connected_waits_for_the_subscriptions() {
    let mut rig = Rig::new();
    rig.session.subscribe("user/me/+", Qos::AtLeastOnce);
    rig.open();
    rig.accept(true);
    assert_eq!(rig.take_events(), []);
    assert_eq!(rig.got.last(), Some(&Got::Subscribe { id: 1, filters: vec!["user/me/+".into()] }));
    rig.grant();
    let connected = Event::Connected { session_present: true, version: Version::V5 };
    assert_eq!(rig.take_events(), [connected]);
}

#[test]
fn connected_comes_at_once_without_subscriptions() {
    let mut rig = Rig::new();
    rig.open();
    rig.accept(false);
    assert_eq!(
        rig.take_events(),
        [Event::Connected { session_present: false, version: Version::V5 }]
    );
}

#[test]
fn all_subscriptions_are_sent_again_on_every_connection() {
    let mut rig = Rig::connected(Version::V5);
    rig.session.subscribe("extra", Qos::AtMostOnce);
    rig.drain();
    rig.cut();
    rig.open();
    rig.take_got();
    rig.accept(true);
    let filters = vec!["user/me/+".to_owned(), "extra".to_owned()];
    assert!(
        matches!(&rig.got[..], [Got::Subscribe { filters: f, .. }] if *f == filters),
        "{:?}",
        rig.got
    );
}

#[test]
fn a_refused_subscription_is_an_event_and_no_obstacle() {
    let mut rig = Rig::new();
    rig.session.subscribe("secret", Qos::AtLeastOnce);
    rig.open();
    rig.accept(false);
    rig.suback(0x87);
    assert_eq!(
        rig.take_events(),
        [
            Event::SubscriptionRefused { filter: "secret".into(), code: 0x87 },
            Event::Connected { session_present: false, version: Version::V5 },
        ]
    );
}

#[test]
fn any_chunking_of_the_answers_connects() {
    for size in 1..6 {
        let mut rig = Rig::new();
        rig.session.subscribe("a", Qos::AtLeastOnce);
        rig.open();
        for chunk in [0x20, 3, 0, 0, 0, 0x90, 4, 0, 1, 0, 1].chunks(size) {
            rig.send(chunk);
        }
        assert!(rig.session.is_connected(), "chunks of {size}");
    }
}

fn check_fallback(answer: &[u8]) {
    let mut rig = Rig::new();
    rig.open();
    rig.send(answer);
    assert_eq!(rig.take_events().last(), Some(&Event::Retry { version: Version::V311 }));
    assert!(!rig.open, "a new transport is wanted");
    rig.take_got();
    rig.open();
    assert!(matches!(rig.got[..], [Got::Connect { version: 4, clean: false, .. }]));
    rig.accept(false);
    let connected = Event::Connected { session_present: false, version: Version::V311 };
    assert_eq!(rig.take_events(), [connected]);

    rig.cut();
    rig.take_got();
    rig.open();
    assert!(matches!(rig.got[..], [Got::Connect { version: 4, .. }]), "it is remembered");
}

#[test]
fn a_broker_without_mqtt_5_is_spoken_to_in_3_1_1() {
    check_fallback(&V5_REFUSED_THE_OLD_WAY);
    check_fallback(&[0x20, 3, 0, 0x84, 0]);
}

#[test]
fn an_answer_that_is_no_connack_falls_back() {
    check_fallback(&[0x20, 1, 0]);
    check_fallback(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    check_fallback(&[0xD0, 0]);
}

#[test]
fn neither_version_ends_in_a_refusal_and_begins_anew_with_5() {
    let mut rig = Rig::new();
    rig.open();
    rig.send(&V5_REFUSED_THE_OLD_WAY);
    rig.open();
    rig.send(&V5_REFUSED_THE_OLD_WAY);
    let events = rig.take_events();
    assert!(
        matches!(
            &events[..],
            [Event::Retry { .. }, Event::Refused { reason: Refusal::UnsupportedVersion, .. }]
        ),
        "{events:?}"
    );
    assert_eq!(rig.session.version(), Version::V5);
}

#[test]
fn no_broker_at_all_is_a_protocol_error() {
    let mut rig = Rig::new();
    rig.open();
    rig.send(b"SSH-2.0-OpenSSH_9.2\r\n");
    rig.open();
    rig.send(b"SSH-2.0-OpenSSH_9.2\r\n");
    let error = ProtocolError::Malformed;
    let unreadable = Event::Unreadable { error };
    assert_eq!(
        rig.take_events(),
        [
            unreadable.clone(),
            Event::Retry { version: Version::V311 },
            unreadable,
            Event::Closed { reason: CloseReason::ProtocolError(error) }
        ]
    );
}

fn check_refusal(version: Version, connack: &[u8], expected: Refusal) {
    let mut rig = Rig::new();
    rig.open();
    if version == Version::V311 {
        rig.send(&V5_REFUSED_THE_OLD_WAY);
        rig.open();
    }
    rig.take_events();
    rig.send(connack);
    let events = rig.take_events();
    assert!(
        matches!(&events[..], [Event::Refused { reason, text }] if *reason == expected && !text.is_empty()),
        "{connack:02x?}: {events:?}"
    );
    assert!(!rig.open);
}

#[test]
fn refusals_are_told_apart() {
    use Version::*;
    check_refusal(V5, &[0x20, 3, 0, 0x86, 0], Refusal::BadCredentials);
    check_refusal(V5, &[0x20, 3, 0, 0x87, 0], Refusal::NotAuthorized);
    check_refusal(V5, &[0x20, 3, 0, 0x88, 0], Refusal::ServerUnavailable);
    check_refusal(V5, &[0x20, 3, 0, 0x85, 0], Refusal::Other(0x85));
    check_refusal(V311, &[0x20, 2, 0, 4], Refusal::BadCredentials);
    check_refusal(V311, &[0x20, 2, 0, 5], Refusal::NotAuthorized);
    check_refusal(V311, &[0x20, 2, 0, 3], Refusal::ServerUnavailable);
    check_refusal(V311, &[0x20, 2, 0, 2], Refusal::Other(2));
    check_refusal(V311, &[0x20, 3, 0, 0x87, 0], Refusal::NotAuthorized);
}

#[test]
fn the_brokers_own_words_reach_the_user_cleaned() {
    let mut rig = Rig::new();
    rig.open();
    let mut packet = vec![0x20, 0, 0, 0x87, 0, 0x1F, 0, 0];
    packet.extend(b"go\x1b[31m away");
    let len = packet.len() as u8;
    (packet[1], packet[4], packet[7]) = (len - 2, len - 5, len - 8);
    rig.send(&packet);
    let text = "go[31m away".to_owned();
    assert_eq!(rig.take_events(), [Event::Refused { reason: Refusal::NotAuthorized, text }]);
}

#[test]
fn a_broker_that_says_nothing_is_given_up_after_ten_seconds() {
    let mut rig = Rig::new();
    rig.open();
    rig.advance(9_999);
    assert_eq!(rig.take_events(), []);
    rig.advance(1);
    assert_eq!(rig.take_events(), [Event::Closed { reason: CloseReason::ConnectTimeout }]);
    assert!(!rig.open);
}

#[test]
fn a_missing_suback_is_a_timeout_too() {
    let mut rig = Rig::new();
    rig.session.subscribe("a", Qos::AtLeastOnce);
    rig.open();
    rig.accept(false);
    rig.advance(10_000);
    assert_eq!(rig.take_events(), [Event::Closed { reason: CloseReason::ConnectTimeout }]);
}

#[test]
fn a_transport_that_breaks_while_connecting_is_closed_once() {
    let mut rig = Rig::new();
    rig.open();
    rig.cut();
    rig.cut();
    assert_eq!(rig.take_events(), [Event::Closed { reason: CloseReason::Transport }]);
    assert_eq!(rig.session.deadline(), None);
}

#[test]
fn credentials_beyond_mqtt_are_refused_here() {
    let mut rig = Rig::new();
    rig.open = true;
    let long = vec![b'x'; 70_000];
    rig.session.transport_connected(0, tincan_mqtt::Credentials::with_password("a", "b", long));
    rig.drain();
    assert!(matches!(
        rig.take_events()[..],
        [Event::Refused { reason: Refusal::BadCredentials, .. }]
    ));
    assert!(!rig.open);
}

#[test]
fn a_password_is_never_shown() {
    let credentials = tincan_mqtt::Credentials::with_password("tin00", "alice", "hunter2");
    let shown = format!("{credentials:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("alice"), "{shown}");
}
