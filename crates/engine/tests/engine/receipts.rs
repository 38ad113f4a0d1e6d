//! Read receipts and typing.

use tincan_engine::{Command, Delivery, Event};

use crate::world::{World, millis, secs};

fn connected() -> World {
    let mut world = World::pair();
    world.connect(0, 1);
    world
}

/// Node 0 has sent "m" and node 1 holds it.
fn delivered() -> (World, tincan_wire::MessageId) {
    let mut world = connected();
    let id = world.send(0, 1, "m");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    (world, id)
}

fn mark_read(world: &mut World) {
    let contact = world.nodes[0].id;
    world.command(1, Command::MarkRead { contact }).unwrap();
    world.run_for(millis(100));
}

fn receipts(world: &World) -> usize {
    world.frames_of(1, "read").len()
}

fn typing(world: &mut World, on: bool) {
    let contact = world.nodes[1].id;
    world.command(0, Command::Typing { contact, on }).unwrap();
}

fn typing_told(world: &World) -> Vec<bool> {
    world.events(1, |event| match event {
        Event::Typing { on, .. } => Some(*on),
        _ => None,
    })
}

#[test]
fn a_message_that_was_shown_is_read_at_the_sender() {
    let (mut world, id) = delivered();
    assert_eq!(world.delivery(0, 1, id), Some(Delivery::Delivered));
    mark_read(&mut world);
    assert_eq!(world.delivery(0, 1, id), Some(Delivery::Read));
    let read = world.events(0, |event| match event {
        Event::Read { to, .. } => Some(*to),
        _ => None,
    });
    assert_eq!(read, [1]);
}

#[test]
fn all_screens_hear_that_one_of_them_has_shown_what_came() {
    let (mut world, _) = delivered();
    mark_read(&mut world);
    let sender = world.nodes[0].id;
    let told = world.events(1, |event| match event {
        Event::Message { .. } => Some(None),
        Event::ReadHere { contact } => Some(Some(*contact)),
        _ => None,
    });
    assert_eq!(told, [None, Some(sender)]);
}

#[test]
fn reading_again_tells_nothing_new() {
    let (mut world, _) = delivered();
    mark_read(&mut world);
    mark_read(&mut world);
    assert_eq!(receipts(&world), 1);
}

#[test]
fn no_receipt_is_sent_where_receipts_are_off() {
    for (config, contact_setting, sent) in
        [(true, None, 1), (false, None, 0), (true, Some(false), 0), (false, Some(true), 1)]
    {
        let mut world = World::new(2, 1);
        world.nodes[1].config.read_receipts = config;
        world.start_all();
        world.befriend(0, 1);
        let contact = world.nodes[0].id;
        let command = Command::SetReadReceipts { contact, on: contact_setting };
        world.command(1, command).unwrap();
        world.connect(0, 1);
        world.send(0, 1, "m");
        world.run_until("delivered", |world| world.all_delivered(0, 1));
        mark_read(&mut world);
        assert_eq!(receipts(&world), sent, "{config}, {contact_setting:?}");
    }
}

#[test]
fn the_general_setting_is_for_those_with_none_of_their_own() {
    for (default, contact_setting, sent) in
        [(true, None, 1), (false, None, 0), (false, Some(true), 1)]
    {
        let mut world = World::pair();
        let contact = world.nodes[0].id;
        world.command(1, Command::SetReadReceipts { contact, on: contact_setting }).unwrap();
        world.command(1, Command::SetDefaultReadReceipts { on: default }).unwrap();
        world.connect(0, 1);
        world.send(0, 1, "m");
        world.run_until("delivered", |world| world.all_delivered(0, 1));
        mark_read(&mut world);
        assert_eq!(receipts(&world), sent, "{default}, {contact_setting:?}");
    }
}

#[test]
fn the_setting_of_a_contact_is_on_disk() {
    let mut world = World::pair();
    let contact = world.nodes[0].id;
    assert_eq!(world.view(1, 0).read_receipts, None);
    world.command(1, Command::SetReadReceipts { contact, on: Some(false) }).unwrap();
    world.restart(1);
    assert_eq!(world.view(1, 0).read_receipts, Some(false));
    world.run_for(secs(1));
    world.connect(0, 1);
    world.send(0, 1, "m");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    mark_read(&mut world);
    assert_eq!(receipts(&world), 0);
}

#[test]
fn what_was_read_without_a_session_is_told_in_the_next() {
    let (mut world, id) = delivered();
    world.stop(0);
    mark_read(&mut world);
    world.start(0);
    world.run_for(secs(1));
    world.connect(0, 1);
    world.run_for(secs(1));
    assert_eq!(world.delivery(0, 1, id), Some(Delivery::Read));
}

#[test]
fn what_was_read_is_told_after_a_crash_too() {
    let (mut world, id) = delivered();
    world.stop(0);
    mark_read(&mut world);
    world.restart(1);
    world.start(0);
    world.run_for(secs(1));
    world.connect(0, 1);
    world.run_for(secs(1));
    assert_eq!(world.delivery(0, 1, id), Some(Delivery::Read));
}

#[test]
fn a_receipt_of_what_was_never_sent_moves_nothing() {
    let (mut world, id) = delivered();
    let sid = world.sid(0, 1).unwrap();
    let log = world.nodes[0].disk.lg;
    world.frame(0, sid, &format!(r#"{{"type":"read","lg":"{log}","to":99}}"#));
    world.run_for(millis(100));
    assert_eq!(world.delivery(0, 1, id), Some(Delivery::Read));
    let later = world.send(0, 1, "later");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    assert_eq!(world.delivery(0, 1, later), Some(Delivery::Delivered));
}

#[test]
fn a_receipt_of_another_log_is_dropped() {
    let (mut world, _) = delivered();
    let sid = world.sid(0, 1).unwrap();
    world.frame(0, sid, r#"{"type":"read","lg":"otherlog","to":1}"#);
    assert_eq!(world.dropped(0, "read of another log"), 1);
}

#[test]
fn typing_is_shown_and_ends() {
    let mut world = connected();
    typing(&mut world, true);
    world.run_for(millis(100));
    typing(&mut world, false);
    world.run_for(millis(100));
    assert_eq!(typing_told(&world), [true, false]);
}

#[test]
fn typing_goes_out_at_most_once_per_3_s() {
    let mut world = connected();
    for _ in 0..60 {
        typing(&mut world, true);
        world.run_for(millis(100));
    }
    assert_eq!(world.frames_of(0, "typing").len(), 2);
}

#[test]
fn typing_on_and_off_in_turn_goes_out_at_most_once_per_3_s() {
    let mut world = connected();
    for _ in 0..29 {
        typing(&mut world, true);
        typing(&mut world, false);
        world.run_for(millis(100));
    }
    let on = world.frames_of(0, "typing").iter().filter(|f| f.contains("true")).count();
    assert_eq!(on, 1);
}

#[test]
fn typing_that_is_not_repeated_expires() {
    let mut world = connected();
    typing(&mut world, true);
    world.run_for(millis(6_900));
    assert_eq!(typing_told(&world), [true]);
    world.run_for(millis(200));
    assert_eq!(typing_told(&world), [true, false]);
}

#[test]
fn typing_that_is_repeated_holds_without_flickering() {
    let mut world = connected();
    for _ in 0..20 {
        typing(&mut world, true);
        world.run_for(secs(1));
    }
    assert_eq!(typing_told(&world), [true]);
}

#[test]
fn a_message_ends_typing() {
    let mut world = connected();
    typing(&mut world, true);
    world.run_for(millis(100));
    world.send(0, 1, "m");
    world.run_for(millis(100));
    assert_eq!(typing_told(&world), [true, false]);
}

#[test]
fn a_lost_session_ends_typing() {
    let mut world = connected();
    typing(&mut world, true);
    world.run_for(millis(100));
    world.stop(0);
    assert_eq!(typing_told(&world), [true, false]);
}

#[test]
fn typing_without_a_session_goes_nowhere() {
    let mut world = World::pair();
    typing(&mut world, true);
    world.run_for(secs(1));
    assert!(world.frames_of(0, "typing").is_empty());
}
