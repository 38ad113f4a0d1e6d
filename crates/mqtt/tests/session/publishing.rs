//! QoS 0 and 1, in both versions, with and without a connection.

use std::time::Duration;

use crate::rig::{Got, Rig};
use tincan_mqtt::{CloseReason, Config, DropReason, Event, Publish, Qos, QueueFull, Version};

const BOTH: [Version; 2] = [Version::V5, Version::V311];

fn acked(tokens: impl IntoIterator<Item = u64>) -> Vec<Event> {
    tokens.into_iter().map(|token| Event::Acked { token }).collect()
}

fn dropped(token: u64, reason: DropReason) -> Event {
    Event::Dropped { token, reason }
}

fn payloads(publishes: &[(String, u16, bool)]) -> Vec<&str> {
    publishes.iter().map(|(payload, ..)| payload.as_str()).collect()
}

fn sent(payload: &str, id: u16, dup: bool) -> (String, u16, bool) {
    (payload.to_owned(), id, dup)
}

#[test]
fn qos_1_is_acked_once() {
    for version in BOTH {
        let mut rig = Rig::connected(version);
        rig.publish(7);
        let [(payload, id, false)] = &rig.take_publishes()[..] else { panic!() };
        assert_eq!(payload, "7");
        rig.puback(*id);
        rig.puback(*id);
        assert_eq!(rig.take_events(), acked([7]));
    }
}

#[test]
fn qos_0_is_sent_without_an_event() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish_with(1, Qos::AtMostOnce, Some(Duration::from_millis(29_500)));
    let (topic, payload) = ("user/you/offer".to_owned(), b"1".to_vec());
    assert_eq!(
        rig.take_got(),
        [Got::Publish { topic, payload, id: None, dup: false, expiry: Some(30) }]
    );
    assert_eq!(rig.take_events(), []);
}

#[test]
fn qos_0_while_offline_is_dropped() {
    let mut rig = Rig::new();
    rig.publish_with(1, Qos::AtMostOnce, None);
    assert_eq!(rig.take_events(), [dropped(1, DropReason::Offline)]);
}

#[test]
fn qos_1_while_offline_is_sent_in_order_when_connected() {
    let mut rig = Rig::new();
    (1..=5).for_each(|token| rig.publish(token));
    rig.open();
    assert_eq!(rig.take_publishes(), []);
    rig.accept(false);
    let payloads: Vec<_> = rig.take_publishes().into_iter().map(|p| p.0).collect();
    assert_eq!(payloads, ["1", "2", "3", "4", "5"]);
}

#[test]
fn unacked_publishes_are_resent_as_duplicates_if_the_session_is_there() {
    for version in BOTH {
        let mut rig = Rig::connected(version);
        (1..=3).for_each(|token| rig.publish(token));
        let ids: Vec<_> = rig.take_publishes().into_iter().map(|p| p.1).collect();
        rig.puback(ids[1]);
        rig.cut();
        rig.publish(4);
        rig.open();
        rig.accept(true);
        let resent = rig.take_publishes();
        assert_eq!(resent[..2], [sent("1", ids[0], true), sent("3", ids[2], true)]);
        assert_eq!((resent[2].0.as_str(), resent[2].2), ("4", false));
        assert_eq!(resent.len(), 3);
        let closed = Event::Closed { reason: CloseReason::Transport };
        assert_eq!(rig.take_events(), [acked([2]), vec![closed]].concat());
        resent.iter().for_each(|p| rig.puback(p.1));
        assert_eq!(rig.take_events(), acked([1, 3, 4]));
    }
}

#[test]
fn unacked_publishes_are_new_to_a_broker_that_lost_the_session() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(1);
    rig.take_publishes();
    rig.cut();
    rig.open();
    rig.accept(false);
    assert!(matches!(&rig.take_publishes()[..], [(payload, _, false)] if payload == "1"));
}

#[test]
fn a_late_ack_of_a_lost_connection_is_ignored() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(1);
    let id = rig.take_publishes()[0].1;
    rig.cut();
    rig.take_events();
    rig.puback(id);
    assert_eq!(rig.take_events(), [], "bytes of a dead transport mean nothing");
    rig.open();
    rig.accept(true);
    rig.puback(id);
    assert_eq!(rig.take_events(), acked([1]));
}

#[test]
fn the_receive_maximum_is_respected() {
    let mut rig = Rig::new();
    (1..=10).for_each(|token| rig.publish(token));
    rig.open();
    rig.accept_with(false, &[0x21, 0, 3]);
    let first = rig.take_publishes();
    assert_eq!(first.len(), 3);
    rig.puback(first[0].1);
    assert_eq!(rig.take_publishes().len(), 1);
    rig.puback(first[1].1);
    rig.puback(first[2].1);
    let next = rig.take_publishes();
    assert_eq!(next.iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["5", "6"]);
}

#[test]
fn resending_respects_a_smaller_receive_maximum() {
    let mut rig = Rig::connected(Version::V5);
    (1..=5).for_each(|token| rig.publish(token));
    rig.take_publishes();
    rig.cut();
    rig.open();
    rig.accept_with(true, &[0x21, 0, 2]);
    let resent = rig.take_publishes();
    assert_eq!(
        resent.iter().map(|p| (p.0.as_str(), p.2)).collect::<Vec<_>>(),
        [("1", true), ("2", true)]
    );
    rig.puback(resent[0].1);
    assert!(matches!(&rig.take_publishes()[..], [(payload, _, true)] if payload == "3"));
}

#[test]
fn the_queue_is_bounded_and_recovers() {
    let mut rig = Rig::with(Config { max_queued: 2, ..Config::default() });
    rig.publish(1);
    rig.publish(2);
    let publish = Publish {
        topic: "t".into(),
        payload: vec![],
        qos: Qos::AtLeastOnce,
        expiry: None,
        token: 3,
    };
    assert_eq!(rig.session.publish(0, publish), Err(QueueFull { queued: 2 }));
    rig.open();
    rig.accept(false);
    let id = rig.take_publishes()[0].1;
    rig.puback(id);
    rig.publish(4);
}

#[test]
fn expiry_travels_and_shrinks_with_the_wait() {
    let mut rig = Rig::new();
    rig.publish_with(1, Qos::AtLeastOnce, Some(Duration::from_secs(30)));
    rig.advance(12_300);
    rig.open();
    rig.accept(false);
    assert!(matches!(rig.got.last(), Some(Got::Publish { expiry: Some(18), .. })), "{:?}", rig.got);
}

#[test]
fn an_expired_publish_is_dropped_on_time() {
    let mut rig = Rig::new();
    rig.publish_with(1, Qos::AtLeastOnce, Some(Duration::from_secs(30)));
    rig.publish(2);
    assert_eq!(rig.session.deadline(), Some(rig.now + 30_000));
    rig.advance(30_000);
    assert_eq!(rig.take_events(), [dropped(1, DropReason::Expired)]);
    rig.open();
    rig.accept(false);
    assert_eq!(rig.take_publishes().len(), 1);
}

#[test]
fn an_error_in_a_puback_drops_the_publish() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(1);
    let [high, low] = rig.take_publishes()[0].1.to_be_bytes();
    rig.send(&[0x40, 3, high, low, 0x87]);
    assert_eq!(rig.take_events(), [dropped(1, DropReason::Refused(0x87))]);
}

#[test]
fn a_puback_in_the_shape_of_5_is_understood_in_3_1_1() {
    let mut rig = Rig::connected(Version::V311);
    rig.publish(1);
    let [high, low] = rig.take_publishes()[0].1.to_be_bytes();
    rig.send(&[0x40, 4, high, low, 0x87, 0]);
    assert_eq!(rig.take_events(), [dropped(1, DropReason::Refused(0x87))]);
    assert!(rig.session.is_connected());
}

/// Opens connection after connection; none survives what is sent. It ends offline.
fn cut_until_it_is_suspected(rig: &mut Rig) {
    for _ in 0..4 {
        rig.cut();
        rig.open();
        rig.accept(true);
        rig.grant();
    }
    rig.cut();
    rig.take_publishes();
    rig.take_events();
}

#[test]
fn a_publish_that_no_connection_survives_is_kept_and_goes_after_all_others() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(1);
    cut_until_it_is_suspected(&mut rig);
    rig.publish(2);
    rig.publish(3);
    rig.open();
    rig.accept(true);
    let first = rig.take_publishes();
    assert_eq!(payloads(&first), ["2", "3"]);
    rig.puback(first[0].1);
    assert_eq!(rig.take_publishes(), [], "another one is still in flight");
    rig.puback(first[1].1);
    let last = rig.take_publishes();
    assert_eq!(payloads(&last), ["1"]);
    rig.take_events();
    rig.puback(last[0].1);
    assert_eq!(rig.take_events(), acked([1]));
}

#[test]
fn suspects_go_one_at_a_time_and_the_one_that_ends_the_connection_goes_to_the_end() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(1);
    rig.publish(2);
    cut_until_it_is_suspected(&mut rig);
    rig.open();
    rig.accept(true);
    assert_eq!(payloads(&rig.take_publishes()), ["1"]);
    rig.cut();
    rig.open();
    rig.accept(true);
    let second = rig.take_publishes();
    assert_eq!(payloads(&second), ["2"]);
    rig.puback(second[0].1);
    assert_eq!(payloads(&rig.take_publishes()), ["1"]);
}

#[test]
fn a_suspect_expires_like_any_other() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish_with(1, Qos::AtLeastOnce, Some(Duration::from_secs(60)));
    cut_until_it_is_suspected(&mut rig);
    rig.advance(60_000);
    assert_eq!(rig.take_events(), [dropped(1, DropReason::Expired)]);
}

#[test]
fn a_broker_that_pings_but_never_acks_is_left() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(1);
    for _ in 0..5 {
        rig.advance(11_000);
        rig.send(&[0xD0, 0]);
    }
    assert_eq!(rig.take_events(), []);
    rig.advance(5_000);
    assert_eq!(rig.take_events(), [Event::Closed { reason: CloseReason::AckTimeout }]);
}

#[test]
fn limits_of_the_broker_drop_what_exceeds_them() {
    let check = |properties: &[u8], qos, expected| {
        let mut rig = Rig::new();
        rig.open();
        rig.accept_with(false, properties);
        rig.take_events();
        rig.publish_with(1, qos, None);
        assert_eq!(rig.take_publishes(), []);
        assert_eq!(rig.take_events(), [dropped(1, expected)]);
    };
    check(&[0x27, 0, 0, 0, 10], Qos::AtLeastOnce, DropReason::TooLarge);
    check(&[0x27, 0, 0, 0, 10], Qos::AtMostOnce, DropReason::TooLarge);
    check(&[0x24, 0], Qos::AtLeastOnce, DropReason::QosUnsupported);
}

#[test]
fn a_topic_that_is_none_is_dropped() {
    for topic in ["", "a/+", "a/#", "a\0", &"x".repeat(70_000)] {
        let mut rig = Rig::connected(Version::V5);
        let qos = Qos::AtLeastOnce;
        let publish = Publish { topic: topic.into(), payload: vec![], qos, expiry: None, token: 9 };
        rig.session.publish(rig.now, publish).unwrap();
        rig.drain();
        assert_eq!(rig.take_events(), [dropped(9, DropReason::Invalid)]);
    }
}

#[test]
fn packet_ids_wrap_without_a_collision() {
    let mut rig = Rig::connected(Version::V5);
    rig.publish(0);
    let held = rig.take_publishes()[0].1;
    for token in 1..=66_000 {
        rig.publish(token);
        let id = rig.take_publishes()[0].1;
        assert!(id != 0 && id != held);
        rig.puback(id);
    }
    assert_eq!(rig.take_events(), acked(1..=66_000));
}

#[test]
fn many_publishes_leave_in_one_write() {
    let mut rig = Rig::new();
    (1..=100).for_each(|token| rig.publish(token));
    rig.open();
    rig.session.handle_bytes(rig.now, &[0x20, 3, 0, 0, 0]);
    let mut writes = 0;
    while let Some(output) = rig.session.poll() {
        writes += usize::from(matches!(output, tincan_mqtt::Output::Transmit(_)));
    }
    assert_eq!(writes, 1);
}
