//! What arrives on a connection, how connections end, and bytes that no broker should send.

use crate::rig::{Got, Rig};
use proptest::prelude::*;
use tincan_mqtt::{CloseReason, Config, Event, ProtocolError, Qos, Version};

const BOTH: [Version; 2] = [Version::V5, Version::V311];

/// How it ends, after what could not be read.
fn closed(reason: CloseReason) -> Vec<Event> {
    let unreadable = match reason {
        CloseReason::ProtocolError(error) => Some(Event::Unreadable { error }),
        _ => None,
    };
    unreadable.into_iter().chain([Event::Closed { reason }]).collect()
}

#[test]
fn messages_arrive_and_qos_1_is_acknowledged() {
    for version in BOTH {
        let mut rig = Rig::connected(version);
        rig.message("user/me/offer", b"one", Some(9));
        rig.message("user/me/heartbeat", b"two", None);
        assert_eq!(rig.take_got(), [Got::PubAck(9)]);
        let message = |leaf: &str, payload: &[u8], qos| Event::Message {
            topic: format!("user/me/{leaf}"),
            payload: payload.to_vec(),
            retain: false,
            qos,
        };
        assert_eq!(
            rig.take_events(),
            [
                message("offer", b"one", Qos::AtLeastOnce),
                message("heartbeat", b"two", Qos::AtMostOnce)
            ]
        );
    }
}

#[test]
fn the_retain_flag_is_handed_on() {
    let mut rig = Rig::connected(Version::V311);
    rig.send(&[0x31, 4, 0, 1, b't', b'x']);
    assert!(matches!(rig.take_events()[..], [Event::Message { retain: true, .. }]));
}

#[test]
fn a_message_as_large_as_allowed_arrives_in_small_chunks() {
    let mut rig = Rig::connected(Version::V311);
    let payload = vec![7; 20_000];
    let mut packet = vec![0x30, 0xA3, 0x9C, 1, 0, 1, b't'];
    packet.extend(&payload);
    for chunk in packet.chunks(777) {
        rig.send(chunk);
    }
    assert!(matches!(&rig.take_events()[..], [Event::Message { payload: p, .. }] if *p == payload));
}

#[test]
fn messages_before_the_suback_are_not_lost() {
    let mut rig = Rig::connected(Version::V5);
    rig.cut();
    rig.open();
    rig.take_events();
    rig.accept(true);
    rig.message("user/me/offer", b"kept", Some(1));
    rig.grant();
    let events = rig.take_events();
    assert!(matches!(events[..], [Event::Message { .. }, Event::Connected { .. }]), "{events:?}");
}

#[test]
fn silence_brings_a_ping_and_then_the_end() {
    for version in BOTH {
        let mut rig = Rig::connected(version);
        rig.advance(30_000);
        assert_eq!(rig.take_got(), [Got::Ping]);
        rig.send(&[0xD0, 0]);
        rig.advance(30_000);
        assert_eq!(rig.take_got(), [Got::Ping]);
        rig.advance(10_000);
        assert_eq!(rig.take_events(), closed(CloseReason::PingTimeout));
        assert!(!rig.open);
    }
}

#[test]
fn a_broker_may_ask_for_more_pings() {
    let mut rig = Rig::new();
    rig.open();
    rig.accept_with(false, &[0x13, 0, 5]);
    rig.take_got();
    rig.advance(5_000);
    assert_eq!(rig.take_got(), [Got::Ping]);
}

#[test]
fn good_byes_of_the_broker_are_told_apart() {
    let check = |version, packet: &[u8], expected| {
        let mut rig = Rig::connected(version);
        rig.send(packet);
        assert_eq!(rig.take_events(), closed(expected), "{packet:02x?}");
        assert!(!rig.open);
    };
    check(Version::V5, &[0xE0, 1, 0x8E], CloseReason::TakenOver);
    check(Version::V5, &[0xE0, 2, 0x8B, 0], CloseReason::ServerDisconnect(0x8B));
    check(Version::V5, &[0xE0, 0], CloseReason::ServerDisconnect(0));
    check(Version::V311, &[0xE0, 1, 0x8E], CloseReason::TakenOver);
}

#[test]
fn disconnect_says_good_bye_and_keeps_what_is_unacked() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(1);
    rig.take_got();
    rig.session.disconnect(rig.now);
    rig.drain();
    assert_eq!(rig.take_got(), [Got::Disconnect]);
    assert_eq!(rig.take_events(), []);
    assert!(!rig.open);
    rig.cut();
    assert_eq!(rig.take_events(), [], "the end of that transport is no news");
    rig.open();
    rig.accept(true);
    assert_eq!(rig.take_publishes().len(), 1);
}

#[test]
fn disconnect_while_connecting_only_closes() {
    let mut rig = Rig::new();
    rig.open();
    rig.take_got();
    rig.session.disconnect(rig.now);
    rig.drain();
    assert_eq!(rig.take_got(), []);
    assert!(!rig.open);
}

fn check_protocol_error(version: Version, packet: &[u8], expected: ProtocolError) {
    let mut rig = Rig::connected(version);
    rig.send(packet);
    let events = rig.take_events();
    assert_eq!(events, closed(CloseReason::ProtocolError(expected)), "{packet:02x?}");
    assert!(!rig.open);
}

#[test]
fn what_a_broker_must_not_send_closes() {
    use ProtocolError::*;
    for version in BOTH {
        // CONNACK again, CONNECT, SUBSCRIBE, PINGREQ, PUBREC, PUBREL, UNSUBACK, type 0.
        check_protocol_error(version, &[0x10, 0], Unexpected(1));
        check_protocol_error(version, &[0xC0, 0], Unexpected(12));
        check_protocol_error(version, &[0x50, 2, 0, 1], Unexpected(5));
        check_protocol_error(version, &[0xB0, 2, 0, 1], Unexpected(11));
        check_protocol_error(version, &[0x00, 0], Unexpected(0));
        check_protocol_error(version, &[0xF0, 0], Unexpected(15));
        // Reserved flags; QoS 3; QoS 1 with packet id 0; QoS 2; a wildcard; no topic.
        check_protocol_error(version, &[0x62, 2, 0, 1], Malformed);
        check_protocol_error(version, &[0x36, 6, 0, 1, b't', 0, 1, 0], Malformed);
        check_protocol_error(version, &[0x32, 6, 0, 1, b't', 0, 0, 0], Malformed);
        check_protocol_error(version, &[0x34, 6, 0, 1, b't', 0, 1, 0], Unexpected(3));
        check_protocol_error(version, &[0x30, 4, 0, 1, b'#', 0], Malformed);
        check_protocol_error(version, &[0x30, 3, 0, 0, 0], Malformed);
        // A topic that is not UTF-8, one beyond the packet, an empty PUBLISH, a PUBACK of id 0.
        check_protocol_error(version, &[0x30, 4, 0, 1, 0xFF, 0], Malformed);
        check_protocol_error(version, &[0x30, 3, 0, 9, b't'], Malformed);
        check_protocol_error(version, &[0x30, 0], Malformed);
        check_protocol_error(version, &[0x40, 2, 0, 0], Malformed);
        // A length of five bytes; a packet beyond the bound.
        check_protocol_error(version, &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1], Malformed);
        check_protocol_error(version, &[0x30, 0xFF, 0xFF, 0xFF, 0x7F], TooLarge);
        check_protocol_error(version, &[0x30, 0x80, 0x80, 0x02], TooLarge);
    }
    check_protocol_error(Version::V5, &[0x20, 3, 0, 0, 0], Unexpected(2));
    check_protocol_error(Version::V311, &[0x20, 2, 0, 0], Unexpected(2));
    // A topic alias, though none was offered.
    check_protocol_error(Version::V5, &[0x30, 7, 0, 1, b't', 3, 0x23, 0, 1], Malformed);
    check_protocol_error(Version::V5, &[0x30, 6, 0, 0, 3, 0x23, 0, 1], Malformed);
}

#[test]
fn nothing_after_an_error_is_read() {
    let mut rig = Rig::connected(Version::V311);
    rig.send(&[0x00, 0, 0x30, 4, 0, 1, b't', b'x']);
    assert_eq!(rig.take_events(), closed(CloseReason::ProtocolError(ProtocolError::Unexpected(0))));
}

/// Packets that are nearly right: a header of a packet a client may get, and a body that begins
/// like one.
fn packetish() -> impl Strategy<Value = Vec<u8>> {
    let head = prop::sample::select(vec![
        0x20u8, 0x30, 0x31, 0x32, 0x34, 0x3A, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, 0xE0, 0xF0,
    ]);
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(0u8..6, 0..20),
        (prop::collection::vec(any::<u8>(), 0..30)).prop_map(|tail| [
            &[0, 1, b't', 0, 1][..],
            &tail
        ]
        .concat()),
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..30)).prop_map(|(code, tail)| [
            &[0, code, tail.len() as u8][..],
            &tail
        ]
        .concat()),
    ];
    (head, body, -1i8..=1).prop_map(|(head, body, skew)| {
        let len = (body.len() as u8).saturating_add_signed(skew);
        [&[head, len][..], &body].concat()
    })
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Open,
    Cut,
    Publish(u64),
    Advance(u64),
    Disconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Step::Bytes),
        8 => packetish().prop_map(Step::Bytes),
        4 => prop::sample::select(vec![
            vec![0x20, 3, 1, 0, 0], vec![0x20, 2, 0, 0], vec![0x20, 2, 0, 1],
            vec![0x20, 6, 1, 0, 3, 0x21, 0, 2], vec![0x90, 4, 0, 1, 0, 1], vec![0x90, 3, 0, 1, 1],
            vec![0x40, 2, 0, 1], vec![0x40, 2, 0, 2], vec![0x40, 2, 0, 3],
        ]).prop_map(Step::Bytes),
        4 => Just(Step::Open),
        1 => Just(Step::Cut),
        3 => (0u64..20).prop_map(Step::Publish),
        2 => (0u64..40_000).prop_map(Step::Advance),
        1 => Just(Step::Disconnect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever a broker sends, the session goes on, sends nothing without a transport, says
    /// `Acked` or `Dropped` at most once for a publish, and always has a deadline while online.
    #[test]
    fn no_broker_breaks_a_session(steps in prop::collection::vec(step(), 0..40)) {
        let mut rig = Rig::with(Config { max_queued: 8, ..Config::default() });
        rig.session.subscribe("user/me/+", Qos::AtLeastOnce);
        rig.drain();
        let (mut token, mut taken, mut settled) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Bytes(bytes) => rig.send(&bytes),
                Step::Open => rig.open(),
                Step::Cut => rig.cut(),
                Step::Publish(n) => {
                    token += 1;
                    let publish = tincan_mqtt::Publish {
                        topic: "t".into(),
                        payload: vec![0; n as usize],
                        qos: if n % 4 == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce },
                        expiry: (n % 3 == 0).then(|| std::time::Duration::from_secs(n)),
                        token,
                    };
                    taken += usize::from(rig.session.publish(rig.now, publish).is_ok());
                    rig.drain();
                }
                Step::Advance(ms) => rig.advance(ms),
                Step::Disconnect => {
                    rig.session.disconnect(rig.now);
                    rig.drain();
                }
            }
            prop_assert!(!rig.open || rig.session.deadline().is_some());
            let events = rig.take_events();
            settled += events
                .iter()
                .filter(|e| matches!(e, Event::Acked { .. } | Event::Dropped { .. }))
                .count();
            prop_assert!(settled <= taken);
            rig.got.clear();
        }
    }
}
