//! A program that has ended is gone, whatever is read of it later.

use std::time::Duration;

use tincan_engine::{ContactStatus, Target};
use tincan_wire::{Body, ChatStatus, Description, DisplayName, Fingerprint, SessionId, SessionRef};

use crate::world::{Forge, World, millis, sdp, secs};

const DROPPED: &str = "of a run that has ended";

/// Heartbeats are slower than all else.
fn late_heartbeats(topic: &str) -> Duration {
    if topic.ends_with("heartbeat") { secs(5) } else { millis(20) }
}

fn left() -> Body {
    Body::ChatPresence { status: ChatStatus::Left }
}

fn offer() -> Body {
    let fp = Fingerprint([7; 32]);
    let description = Description { sdp: sdp(1, fp), fp, caps: vec![], pk: None };
    let session = SessionRef { sid: SessionId([7; 16]), generation: 0 };
    Body::Offer { session, description }
}

#[test]
fn a_heartbeat_that_the_farewell_has_overtaken_is_no_sign_of_life() {
    let mut world = World::pair();
    world.run_for(secs(10));
    world.delay = Some(late_heartbeats);
    // A new contact's first heartbeat is answered; the answer is on its way when they end.
    world.restart(0);
    world.run_until("the greeting", |world| world.published_on(1, "heartbeat") == 2);
    world.stop(1);
    assert!(!world.view(0, 1).online);
    world.run_for(secs(10));
    assert!(!world.view(0, 1).online);
    assert_eq!(world.dropped(0, DROPPED), 1);
}

#[test]
fn a_heartbeat_that_a_bye_has_overtaken_is_no_sign_of_life() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.delay = Some(late_heartbeats);
    let before = world.published_on(1, "heartbeat");
    world.run_until("a heartbeat", |world| world.published_on(1, "heartbeat") > before);
    world.stop(1);
    world.run_for(secs(10));
    assert!(!world.view(0, 1).online);
    assert_eq!(world.dropped(0, DROPPED), 1);
}

#[test]
fn a_chat_that_was_opened_before_the_farewell_is_not_open_after_it() {
    let mut world = World::pair();
    let mut forge = Forge::by(1);
    let opened = Body::ChatPresence { status: ChatStatus::Opened };
    forge.send(&mut world, 0, left());
    forge.send(&mut world, 0, opened);
    let view = world.view(0, 1);
    assert!(!view.online && !view.chat_open, "{view:?}");
}

#[test]
fn nobody_answers_the_offer_of_who_has_left() {
    let mut world = World::pair();
    world.run_for(secs(10));
    let mut forge = Forge::by(1);
    let late = forge.seal(&mut world, 0, offer());
    forge.seq += 1;
    forge.send(&mut world, 0, left());
    world.inject(0, &late.0, &late.1, false);
    world.run_for(secs(1));
    assert_eq!(world.dropped(0, DROPPED), 1);
    assert_eq!(world.sid(0, 1), None);
}

#[test]
fn an_offer_that_waits_for_the_disk_while_its_sender_leaves_is_not_answered() {
    let mut world = World::pair();
    world.run_for(secs(10));
    world.disk_latency = secs(1);
    let mut forge = Forge::by(1);
    forge.send(&mut world, 0, offer());
    forge.send(&mut world, 0, left());
    world.run_for(secs(5));
    assert_eq!(world.dropped(0, DROPPED), 1);
    assert_eq!(world.sid(0, 1), None);
}

#[test]
fn the_acceptance_of_who_has_left_counts() {
    let mut world = World::new(2, 1);
    world.start_all();
    world.run_for(secs(1));
    let invite = world.invite(1);
    world.crash(1);
    world.add(0, Target::Invite(invite)).unwrap();
    let mut forge = Forge::by(1);
    forge.send(&mut world, 0, left());
    let pk = None;
    let name = DisplayName::clean("Bob");
    forge.send(&mut world, 0, Body::ContactResponse { accepted: true, name, pk });
    world.run_for(secs(1));
    let view = world.view(0, 1);
    assert_eq!((view.status, view.name.as_str()), (ContactStatus::Accepted, "Bob"));
    assert!(!view.online);
}

#[test]
fn who_begins_another_run_is_there_again() {
    let mut world = World::pair();
    let mut forge = Forge::by(1);
    forge.send(&mut world, 0, left());
    assert!(!world.view(0, 1).online);
    let beat = |n| Body::Heartbeat { n, re: true };
    forge.send(&mut world, 0, beat(7));
    assert!(!world.view(0, 1).online);
    let mut again = Forge { ep: forge.ep + 1, ..Forge::by(1) };
    again.send(&mut world, 0, beat(1));
    assert!(world.view(0, 1).online);
    let mut elsewhere = Forge { dev: 9, ep: 1, ..Forge::by(1) };
    elsewhere.send(&mut world, 0, beat(1));
    assert_eq!(world.dropped(0, DROPPED), 1);
}
