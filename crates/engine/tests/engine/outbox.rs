//! From the sender's disk to the receiver's, whatever crashes and whatever refuses: once, in
//! order, and shown as it is.

use tincan_engine::store::Op;
use tincan_engine::{Alarm, Command, CommandError, Delivery, Reply};
use tincan_wire::{Frame, FrameCodec, Kind, Message, MessageId, Position};

use crate::world::{DAY, World, millis, secs};

fn words(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

fn send_all(world: &mut World, texts: &[String]) -> Vec<MessageId> {
    texts.iter().map(|text| world.send(0, 1, text)).collect()
}

/// Everything has arrived once and in order, and both histories agree.
fn check_arrived(world: &World, expected: &[String]) {
    assert_eq!(world.received(1, 0), expected);
    let sent: Vec<_> = world
        .history(0, 1)
        .into_iter()
        .filter(|m| m.outgoing && matches!(m.state, Delivery::Delivered | Delivery::Read))
        .map(|m| m.content)
        .collect();
    assert_eq!(sent, expected);
}

fn until_delivered(world: &mut World) {
    world.run_until("delivered", |world| world.all_delivered(0, 1));
}

fn crash_and_start(world: &mut World, node: usize) {
    world.crash(node);
    world.start(node);
}

/// A frame that carries messages of node 0, as its engine would write it.
fn frame_of(world: &World, messages: Vec<Message>) -> String {
    FrameCodec::new(world.nodes[0].id, world.nodes[1].id).encode(&Frame::Batch(messages)).unwrap()
}

fn message(random: u8, content: &str, position: Option<(&str, u64)>) -> Message {
    Message {
        id: MessageId::new(1_763_792_787_000, [random; 10]),
        content: content.into(),
        timestamp: 1_763_792_787_000,
        kind: Kind::Text { reply: None },
        position: position.map(|(lg, s)| Position { lg: lg.parse().unwrap(), s, h: 5 }),
    }
}

const THEIR_LOG: &str = "theirlog";

#[test]
fn what_is_sent_while_the_contact_is_away_arrives_when_they_are_back() {
    let mut world = World::pair();
    world.stop(1);
    let texts = words("m", 30);
    send_all(&mut world, &texts);
    world.run_for(secs(600));
    world.start(1);
    world.run_until_within(secs(10), "delivered", |world| world.all_delivered(0, 1));
    check_arrived(&world, &texts);
}

#[test]
fn what_is_sent_while_the_broker_is_away_arrives_when_it_is_back() {
    let mut world = World::pair();
    world.broker_down();
    let texts = words("m", 30);
    send_all(&mut world, &texts);
    world.run_for(secs(600));
    world.broker_up();
    world.run_until_within(secs(40), "delivered", |world| world.all_delivered(0, 1));
    check_arrived(&world, &texts);
}

#[test]
fn nothing_is_sent_before_it_is_on_our_disk() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.disk_latency = secs(2);
    world.post_message(0, 1, "Hello");
    world.run_for(millis(1_900));
    assert!(world.frames_of(0, "text").is_empty());
    world.disk_latency = millis(1);
    until_delivered(&mut world);
}

#[test]
fn nothing_is_acknowledged_before_it_is_on_their_disk() {
    let mut world = World::pair();
    world.connect(0, 1);
    let id = world.send(0, 1, "Hello");
    world.disk_latency = secs(2);
    world.run_for(millis(1_900));
    assert_eq!(world.deliveries(0, id), [Delivery::Sent]);
    assert!(world.shown(1, 0).is_empty() && world.frames_of(1, "ack").is_empty());
    world.disk_latency = millis(1);
    until_delivered(&mut world);
}

#[test]
fn a_crash_of_the_sender_at_any_moment_loses_and_doubles_nothing() {
    for step in 0..36 {
        let mut world = World::pair();
        let texts = words("m", 3);
        send_all(&mut world, &texts);
        world.run_for(millis(step * 5));
        crash_and_start(&mut world, 0);
        until_delivered(&mut world);
        check_arrived(&world, &texts);
        assert_eq!(world.shown(1, 0), texts, "crash after {} ms", step * 5);
    }
}

#[test]
fn a_crash_of_the_receiver_at_any_moment_loses_and_doubles_nothing() {
    for step in 0..36 {
        let mut world = World::pair();
        let texts = words("m", 3);
        send_all(&mut world, &texts);
        world.run_for(millis(step * 5));
        crash_and_start(&mut world, 1);
        until_delivered(&mut world);
        check_arrived(&world, &texts);
    }
}

#[test]
fn a_crash_before_the_message_is_on_disk_leaves_nothing_of_it() {
    let mut world = World::pair();
    world.post_message(0, 1, "lost");
    crash_and_start(&mut world, 0);
    world.send(0, 1, "kept");
    until_delivered(&mut world);
    check_arrived(&world, &["kept".into()]);
}

#[test]
fn a_full_disk_at_the_sender_refuses_the_message() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.nodes[0].disk_fails = true;
    let command = world.saying(1, "Hello");
    let reason = "the disk is full".to_owned();
    assert_eq!(world.command(0, command), Err(CommandError::NotStored { reason: reason.clone() }));
    assert_eq!(world.alarms(0), [Alarm::StorageFailed { reason }]);
    world.run_for(secs(60));
    assert!(world.received(1, 0).is_empty());
}

#[test]
fn after_a_full_disk_the_next_messages_arrive() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.send(0, 1, "before");
    world.nodes[0].disk_fails = true;
    world.post_message(0, 1, "never");
    world.run_for(secs(1));
    world.nodes[0].disk_fails = false;
    world.send(0, 1, "after");
    until_delivered(&mut world);
    check_arrived(&world, &["before".into(), "after".into()]);
}

#[test]
fn a_hole_between_messages_is_told_as_gone() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.nodes[0].refuses = Some(|ops| {
        ops.iter().any(|op| matches!(op, Op::Append(message) if message.content == "never"))
    });
    for text in ["before", "never", "after"] {
        world.post_message(0, 1, text);
    }
    world.run_for(secs(2));
    until_delivered(&mut world);
    check_arrived(&world, &["before".into(), "after".into()]);
    assert_eq!(world.frames_of(0, "gone").len(), 1);
    assert_eq!(world.view(0, 1).waiting, 0);
}

#[test]
fn a_position_that_was_not_saved_never_swallows_a_later_message() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.nodes[0].disk_fails = true;
    world.post_message(0, 1, "never");
    world.run_for(secs(30));
    // The disk never heard of that position: after the crash the next message gets it.
    world.crash(0);
    world.nodes[0].disk_fails = false;
    world.start(0);
    world.send(0, 1, "after");
    until_delivered(&mut world);
    check_arrived(&world, &["after".into()]);
}

#[test]
fn a_full_disk_at_the_receiver_acknowledges_nothing_and_all_arrives_later() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.nodes[1].disk_fails = true;
    let texts = words("m", 10);
    send_all(&mut world, &texts);
    world.run_for(secs(30));
    assert!(!world.all_delivered(0, 1) && world.shown(1, 0).is_empty());
    world.nodes[1].disk_fails = false;
    world.run_until_within(secs(21), "delivered", |world| world.all_delivered(0, 1));
    check_arrived(&world, &texts);
    assert_eq!(world.shown(1, 0), texts);
}

#[test]
fn a_disk_that_refuses_now_and_then_loses_and_doubles_nothing() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.nodes[1].refuses = Some(|ops| {
        let of = |op: &Op| matches!(op, Op::Append(m) if m.timestamp % 3 == 0);
        ops.iter().any(of) && ops.len() % 2 == 0
    });
    let texts = words("m", 100);
    for text in &texts {
        world.post_message(0, 1, text);
        world.run_for(millis(7));
    }
    world.run_for(secs(30));
    world.nodes[1].refuses = None;
    until_delivered(&mut world);
    check_arrived(&world, &texts);
    let mut shown = world.shown(1, 0);
    shown.sort_by_key(|text| text[1..].parse::<usize>().unwrap());
    assert_eq!(shown, texts, "each is shown once");
}

#[test]
fn a_page_that_the_disk_refuses_is_asked_for_again() {
    let mut world = World::pair();
    world.stop(1);
    send_all(&mut world, &words("m", 5));
    world.crash(0);
    world.start(1);
    world.nodes[0].refuses = Some(|_| false);
    world.start(0);
    world.nodes[0].disk_fails = true;
    world.run_for(millis(500));
    world.nodes[0].disk_fails = false;
    let asked = world.nodes[0].pages_asked;
    world.run_until_within(secs(60), "delivered", |world| world.all_delivered(0, 1));
    assert!(world.nodes[0].pages_asked - asked <= 3, "and not in a busy loop");
    check_arrived(&world, &words("m", 5));
}

#[test]
fn twenty_thousand_messages_queued_offline_all_arrive_in_order() {
    let mut world = World::pair();
    world.stop(1);
    let texts = words("m", 20_000);
    for chunk in texts.chunks(1_000) {
        chunk.iter().for_each(|text| {
            world.post_message(0, 1, text);
        });
        world.run_for(millis(10));
    }
    assert_eq!(world.view(0, 1).waiting, 20_000);
    world.start(1);
    while !world.all_delivered(0, 1) {
        world.run_for(secs(1));
        assert!(world.now.since(crate::world::START) < secs(120));
    }
    check_arrived(&world, &texts);
    assert_eq!(world.shown(1, 0), texts);
}

#[test]
fn a_window_that_overflows_while_it_is_emptied_keeps_the_order() {
    let mut world = World::new(2, 1);
    world.nodes[0].config.window_messages = 16;
    world.start_all();
    world.befriend(0, 1);
    world.connect(0, 1);
    let texts = words("m", 500);
    for text in &texts {
        world.post_message(0, 1, text);
        let wait = world.random(4);
        world.run_for(millis(wait));
    }
    until_delivered(&mut world);
    check_arrived(&world, &texts);
    assert_eq!(world.shown(1, 0), texts);
}

#[test]
fn a_tiny_window_survives_a_crash_and_a_full_disk() {
    let mut world = World::new(2, 1);
    world.nodes[0].config.window_messages = 8;
    world.start_all();
    world.befriend(0, 1);
    world.stop(1);
    let texts = words("m", 100);
    for text in &texts[..50] {
        world.post_message(0, 1, text);
    }
    world.run_for(secs(1));
    world.nodes[0].disk_fails = true;
    world.post_message(0, 1, "never");
    world.run_for(secs(1));
    world.nodes[0].disk_fails = false;
    crash_and_start(&mut world, 0);
    for text in &texts[50..] {
        world.post_message(0, 1, text);
    }
    world.run_for(secs(1));
    let asked = world.nodes[0].pages_asked;
    world.run_for(secs(60));
    assert!(world.nodes[0].pages_asked - asked < 10, "a busy loop");
    world.start(1);
    until_delivered(&mut world);
    check_arrived(&world, &texts);
}

#[test]
fn a_message_can_be_cancelled_while_it_waits() {
    let mut world = World::pair();
    world.stop(1);
    let ids = send_all(&mut world, &words("m", 3));
    let contact = world.nodes[1].id;
    let cancel = Command::CancelMessage { contact, id: ids[1] };
    assert_eq!(world.command(0, cancel.clone()), Ok(Reply::Done));
    assert_eq!(world.deliveries(0, ids[1]), [Delivery::Failed]);
    world.start(1);
    until_delivered(&mut world);
    check_arrived(&world, &["m0".into(), "m2".into()]);
    assert_eq!(world.delivery(0, 1, ids[1]), Some(Delivery::Failed));
    assert_eq!(world.command(0, cancel), Err(CommandError::UnknownMessage));
    assert_eq!(world.view(0, 1).waiting, 0);
}

#[test]
fn a_cancelled_message_stays_failed_after_a_crash_at_any_moment() {
    for step in 0..30 {
        let mut world = World::pair();
        world.stop(1);
        let ids = send_all(&mut world, &words("m", 3));
        world.start(1);
        world.run_for(millis(step * 4));
        let contact = world.nodes[1].id;
        world.post(0, Command::CancelMessage { contact, id: ids[1] });
        world.run_for(millis(step % 3));
        crash_and_start(&mut world, 0);
        until_delivered(&mut world);
        world.run_for(secs(20));
        let arrived = world.received(1, 0).contains(&"m1".to_owned());
        let state = world.delivery(0, 1, ids[1]).unwrap();
        let fits = arrived || state == Delivery::Failed;
        assert!(fits, "{state:?}, and not at the receiver; step {step}");
    }
}

#[test]
fn a_cancellation_that_the_disk_refuses_changes_nothing() {
    let mut world = World::pair();
    world.stop(1);
    let id = world.send(0, 1, "m");
    world.nodes[0].disk_fails = true;
    let contact = world.nodes[1].id;
    let result = world.command(0, Command::CancelMessage { contact, id });
    assert!(matches!(result, Err(CommandError::NotStored { .. })));
    assert!(world.deliveries(0, id).is_empty());
    world.nodes[0].disk_fails = false;
    world.start(1);
    until_delivered(&mut world);
    check_arrived(&world, &["m".into()]);
}

#[test]
fn a_delivered_message_cannot_be_cancelled() {
    let mut world = World::pair();
    let id = world.send(0, 1, "m");
    until_delivered(&mut world);
    let contact = world.nodes[1].id;
    let result = world.command(0, Command::CancelMessage { contact, id });
    assert_eq!(result, Err(CommandError::UnknownMessage));
}

#[test]
fn a_message_that_nobody_took_for_30_days_fails_and_later_ones_arrive() {
    let mut world = World::pair();
    world.nodes[0].config.message_lifetime = DAY;
    crash_and_start(&mut world, 0);
    world.stop(1);
    world.command(0, Command::Disconnect).unwrap();
    let old = world.send(0, 1, "old");
    world.run_for(DAY - secs(3_600));
    let young = world.send(0, 1, "young");
    assert_eq!(world.delivery(0, 1, old), Some(Delivery::Queued));
    world.run_for(secs(2 * 3_600));
    assert_eq!(world.delivery(0, 1, old), Some(Delivery::Failed));
    assert_eq!(world.deliveries(0, old), [Delivery::Failed]);
    assert_eq!(world.delivery(0, 1, young), Some(Delivery::Queued));
    world.start(1);
    world.command(0, Command::Connect).unwrap();
    until_delivered(&mut world);
    check_arrived(&world, &["young".into()]);
}

#[test]
fn the_default_lifetime_is_30_days() {
    assert_eq!(tincan_engine::Config::default().message_lifetime, DAY * 30);
}

#[test]
fn a_lost_acknowledgement_is_asked_for_after_10_s_and_nothing_is_resent_blindly() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.run_for(secs(1));
    let mut lost = 0;
    world.tamper = Some(Box::new(move |node, text| {
        let lose = node == 1 && text.contains("\"type\":\"ack\"") && lost == 0;
        lost += u32::from(lose);
        (!lose).then_some(text)
    }));
    let syncs = world.frames_of(0, "sync").len();
    let id = world.send(0, 1, "m");
    world.run_for(millis(9_900));
    assert_eq!(world.deliveries(0, id), [Delivery::Sent]);
    world.run_for(millis(200));
    assert_eq!(world.deliveries(0, id), [Delivery::Sent, Delivery::Delivered]);
    assert_eq!(world.frames_of(0, "sync").len(), syncs + 1);
    assert_eq!(world.frames_of(0, "text").len(), 1, "sent once");
}

#[test]
fn a_lost_message_is_found_by_sync_and_sent_again() {
    let mut world = World::pair();
    world.connect(0, 1);
    let mut lost = 0;
    world.tamper = Some(Box::new(move |node, text| {
        let lose = node == 0 && text.contains("\"m1\"") && lost == 0;
        lost += u32::from(lose);
        (!lose).then_some(text)
    }));
    let texts = words("m", 3);
    for text in &texts {
        world.send(0, 1, text);
        world.run_for(secs(1));
    }
    world.run_until_within(secs(12), "delivered", |world| world.all_delivered(0, 1));
    check_arrived(&world, &texts);
    assert_eq!(world.shown(1, 0).len(), 3);
}

#[test]
fn a_frame_that_comes_twice_is_shown_once() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.send(0, 1, "m");
    until_delivered(&mut world);
    let frame = world.frames_of(0, "text")[0].clone();
    let sid = world.sid(1, 0).unwrap();
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0), ["m"]);
    assert_eq!(world.dropped(1, "message known already"), 1);
}

#[test]
fn the_same_id_at_two_positions_with_the_same_content_is_shown_once() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    let twice = [1, 2].map(|s| message(7, "m", Some((THEIR_LOG, s))));
    let frame = frame_of(&world, twice.to_vec());
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0), ["m"]);
    assert!(world.alarms(1).is_empty());
}

#[test]
fn the_same_id_with_other_content_is_kept_out_and_alarmed() {
    for apart in [false, true] {
        let mut world = World::pair();
        world.connect(0, 1);
        let sid = world.sid(1, 0).unwrap();
        let first = message(7, "I owe you 10", Some((THEIR_LOG, 1)));
        let other = message(7, "You owe me 10", Some((THEIR_LOG, 2)));
        let id = first.id;
        let frames = match apart {
            true => vec![vec![first], vec![other]],
            false => vec![vec![first, other]],
        };
        for messages in frames {
            let frame = frame_of(&world, messages);
            world.frame(1, sid, &frame);
            world.run_for(secs(1));
        }
        assert_eq!(world.received(1, 0), ["I owe you 10"]);
        assert_eq!(world.shown(1, 0), ["I owe you 10"]);
        assert_eq!(world.alarms(1), [Alarm::MessageIdReused { id }]);
    }
}

#[test]
fn a_plain_client_without_positions_is_understood() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    for (random, text) in [(1, "one"), (2, "two"), (1, "one")] {
        let frame = frame_of(&world, vec![message(random, text, None)]);
        world.frame(1, sid, &frame);
        world.run_for(millis(100));
    }
    assert_eq!(world.shown(1, 0), ["one", "two"]);
}

#[test]
fn messages_far_ahead_of_a_gap_are_bounded_and_the_gap_still_fills() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    for s in (2..400).rev() {
        let mut one = message(0, "m", Some((THEIR_LOG, s)));
        one.id = MessageId::new(s, [1; 10]);
        let frame = frame_of(&world, vec![one]);
        world.frame(1, sid, &frame);
    }
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0).len(), 256);
    assert_eq!(world.dropped(1, "too far ahead of a gap"), 398 - 256);
    let frame = frame_of(&world, vec![message(9, "first", Some((THEIR_LOG, 1)))]);
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0).len(), 257);
}

#[test]
fn content_has_bounds() {
    let mut world = World::pair();
    let command = world.saying(1, "");
    assert_eq!(world.command(0, command), Err(CommandError::EmptyMessage));
    let command = world.saying(1, &"x".repeat(16 * 1024 + 1));
    let result = world.command(0, command);
    assert!(matches!(result, Err(CommandError::MessageTooLong { .. })));
}

#[test]
fn the_longest_message_arrives() {
    let mut world = World::pair();
    let text = "é".repeat(8 * 1024);
    world.send(0, 1, &text);
    until_delivered(&mut world);
    assert_eq!(world.received(1, 0), [text]);
}

#[test]
fn what_fits_into_no_frame_is_refused_where_it_is_typed() {
    let mut world = World::pair();
    let command = world.saying(1, &"\u{1}".repeat(16 * 1024));
    let result = world.command(0, command);
    assert!(matches!(result, Err(CommandError::MessageTooLong { .. })), "{result:?}");
    let text = "\u{1}".repeat(10 * 1024);
    world.send(0, 1, &text);
    until_delivered(&mut world);
    assert_eq!(world.received(1, 0), [text]);
}

#[test]
fn a_contact_that_claims_the_highest_place_does_not_stop_us() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    let mut last = message(1, "I am last", Some((THEIR_LOG, 1)));
    if let Some(position) = &mut last.position {
        position.h = (1 << 53) - (1 << 32);
    }
    let frame = frame_of(&world, vec![last]);
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    world.send(1, 0, "No");
    world.run_until_within(secs(5), "delivered", |world| world.all_delivered(1, 0));
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_dropped() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(0, 1).unwrap();
    let log = world.nodes[0].disk.lg;
    world.frame(0, sid, &format!(r#"{{"type":"ack","lg":"{log}","to":1,"sel":[]}}"#));
    assert_eq!(world.dropped(0, "ack of what was never sent"), 1);
    world.send(0, 1, "m");
    until_delivered(&mut world);
    check_arrived(&world, &["m".into()]);
}

#[test]
fn an_acknowledgement_of_another_log_is_dropped() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(0, 1).unwrap();
    world.frame(0, sid, r#"{"type":"ack","lg":"otherlog","to":1,"sel":[]}"#);
    assert_eq!(world.dropped(0, "ack of another log"), 1);
}

#[test]
fn a_message_that_crossed_the_bye_of_an_idle_contact_is_sent_again() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.close_chat(0, 1);
    world.send(0, 1, "m");
    let sid = world.sid(0, 1).unwrap();
    // It is on its way; their bye comes first.
    world.tamper = Some(Box::new(|node, text| (node != 0).then_some(text)));
    world.frame(0, sid, r#"{"type":"bye","why":"idle"}"#);
    world.tamper = None;
    world.run_until_within(secs(3), "delivered", |world| world.all_delivered(0, 1));
}
