//! From the sender's disk to the receiver's, whatever crashes and whatever refuses: once, in
//! order, and shown as it is.

use tincan_engine::store::Op;
use tincan_engine::{Alarm, CommandError, Delivery};
use tincan_wire::MessageId;

use crate::world::{World, millis, secs};

fn words(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

fn send_all(world: &mut World, texts: &[String]) -> Vec<MessageId> {
    texts.iter().map(|text| world.send(0, 1, text)).collect()
}

/// Everything has arrived once and in order, and both histories agree.
pub fn check_arrived(world: &World, expected: &[String]) {
    assert_eq!(world.received(1, 0), expected);
    let sent: Vec<_> = world
        .history(0, 1)
        .into_iter()
        .filter(|m| m.outgoing && matches!(m.state, Delivery::Delivered | Delivery::Read))
        .map(|m| m.content)
        .collect();
    assert_eq!(sent, expected);
}

pub fn until_delivered(world: &mut World) {
    world.run_until("delivered", |world| world.all_delivered(0, 1));
}

fn crash_and_start(world: &mut World, node: usize) {
    world.crash(node);
    world.start(node);
}

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
    assert_eq!(world.view(0, 1).waiting, 0, "what was refused does not wait");
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
fn a_message_that_is_stored_after_another_was_refused_leaves_no_gap() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.nodes[1].disk_delay = Some(millis(300));
    world.nodes[1].refuses = Some(|ops| {
        ops.iter().any(|op| matches!(op, Op::Append(message) if message.content == "m0"))
    });
    // Both are under way to the disk at the same time.
    let texts = words("m", 600);
    send_all(&mut world, &texts[..1]);
    world.run_for(millis(100));
    send_all(&mut world, &texts[1..2]);
    world.run_for(secs(1));
    world.nodes[1].refuses = None;
    send_all(&mut world, &texts[2..]);
    world.run_until_within(secs(60), "delivered", |world| world.all_delivered(0, 1));
    check_arrived(&world, &texts);
}

#[test]
fn a_page_that_the_disk_refuses_is_asked_for_again() {
    let mut world = World::pair();
    world.stop(1);
    send_all(&mut world, &words("m", 5));
    world.crash(0);
    world.nodes[0].pages_fail = true;
    world.start(0);
    world.run_for(secs(60));
    let asked = world.nodes[0].pages_asked;
    assert!((3..10).contains(&asked), "again and again, but not in a busy loop: {asked}");
    world.nodes[0].pages_fail = false;
    world.start(1);
    world.run_until_within(secs(60), "delivered", |world| world.all_delivered(0, 1));
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
