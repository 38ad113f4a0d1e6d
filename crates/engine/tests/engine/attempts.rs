//! How often it is tried to connect, how long is waited between, and what ends the giving up.

use tincan_engine::{PeerState, Time};

use crate::world::{Forge, World, millis, secs};
use tincan_wire::Body;

/// WebRTC never gets through between the two.
fn dead() -> World {
    let mut world = World::pair();
    world.run_for(secs(10));
    world.webrtc_dead = true;
    world
}

fn offers_at(world: &World) -> Vec<Time> {
    world.published_at(0, "offer")
}

#[test]
fn an_attempt_has_15_s() {
    let mut world = dead();
    world.open_chat(0, 1);
    world.run_for(millis(14_900));
    assert_eq!(world.peer_state(0, 1), PeerState::Connecting);
    world.run_for(millis(200));
    assert_eq!(world.peer_state(0, 1), PeerState::New);
    let view = world.view(0, 1).peer;
    assert_eq!(view.reason.as_deref(), Some("no connection within 15 s"));
    assert_eq!(view.attempts, 1);
    assert!(view.retry_at.is_some());
}

#[test]
fn a_contact_that_does_not_answer_is_named_as_the_reason() {
    let mut world = dead();
    world.crash(1);
    world.open_chat(0, 1);
    world.run_for(secs(16));
    assert_eq!(world.view(0, 1).peer.reason.as_deref(), Some("no answer within 15 s"));
}

#[test]
fn the_waits_between_attempts_double() {
    let mut world = dead();
    world.crash(1);
    world.open_chat(0, 1);
    world.run_for(secs(200));
    let offers = offers_at(&world);
    for (pair, full) in offers.windows(2).zip([1, 2, 4, 8, 16]) {
        let wait = pair[1].since(pair[0]) - secs(15);
        let (low, high) = (secs(full) / 2, secs(full) + millis(2));
        assert!((low..=high).contains(&wait), "{wait:?} is not about {full} s");
    }
}

#[test]
fn six_attempts_that_come_to_nothing_are_enough() {
    let mut world = dead();
    world.crash(1);
    world.open_chat(0, 1);
    world.run_for(secs(3_600));
    assert_eq!(offers_at(&world).len(), 6);
    assert_eq!(world.peer_state(0, 1), PeerState::Failed);
}

#[test]
fn a_sign_of_life_revives_a_failed_contact() {
    let mut world = dead();
    world.crash(1);
    world.open_chat(0, 1);
    world.run_for(secs(600));
    world.webrtc_dead = false;
    world.start(1);
    world.run_until_within(secs(2), "connected", |world| world.are_connected(0, 1));
}

#[test]
fn an_offer_that_the_broker_lost_is_said_again_when_the_contact_is_there() {
    let mut world = World::pair();
    world.run_for(secs(60));
    // A broker that was started anew knows no session of whoever is not back yet.
    world.cut_off(1);
    world.send(0, 1, "Are you there?");
    world.run_until("an offer", |world| world.published_on(0, "offer") > 0);
    world.broker_forgets(1);
    world.run_until_within(secs(3), "delivered", |world| world.all_delivered(0, 1));
}

#[test]
fn an_offer_is_not_said_again_to_one_who_gives_no_sign() {
    let mut world = World::pair();
    world.run_for(secs(60));
    world.crash(1);
    world.send(0, 1, "Are you there?");
    world.run_for(secs(14));
    assert_eq!(world.published_on(0, "offer"), 1);
}

#[test]
fn a_person_who_opens_the_chat_revives_a_failed_contact() {
    let mut world = dead();
    world.send(0, 1, "m");
    world.crash(1);
    world.run_for(secs(290));
    assert_eq!(world.peer_state(0, 1), PeerState::Failed);
    let offers = offers_at(&world).len();
    world.open_chat(0, 1);
    world.run_for(millis(10));
    assert_eq!(world.peer_state(0, 1), PeerState::Connecting);
    assert_eq!(offers_at(&world).len(), offers + 1);
}

#[test]
fn a_new_message_revives_a_failed_contact() {
    let mut world = dead();
    world.send(0, 1, "m");
    world.crash(1);
    world.run_for(secs(290));
    let offers = offers_at(&world).len();
    world.send(0, 1, "n");
    world.run_for(millis(10));
    assert_eq!(offers_at(&world).len(), offers + 1);
}

#[test]
fn a_broker_that_comes_back_revives_a_failed_contact() {
    let mut world = dead();
    world.send(0, 1, "m");
    world.crash(1);
    world.run_for(secs(290));
    let offers = offers_at(&world).len();
    world.cut_off(0);
    world.run_for(secs(2));
    assert_eq!(offers_at(&world).len(), offers + 1);
}

#[test]
fn a_sign_of_life_does_not_cut_the_backoff_short() {
    let mut world = dead();
    world.crash(1);
    world.open_chat(0, 1);
    world.run_until("a wait", |world| world.view(0, 1).peer.attempts == 3);
    world.run_for(secs(1));
    let mut forge = Forge::by(1);
    let before = offers_at(&world).len();
    let wait = world.view(0, 1).peer.retry_at;
    assert!(wait.is_some());
    for n in 0..20 {
        forge.send(&mut world, 0, Body::Heartbeat { n, re: true });
    }
    assert_eq!(offers_at(&world).len(), before);
    assert_eq!(world.view(0, 1).peer.retry_at, wait);
}

#[test]
fn a_session_that_stood_for_30_s_resets_the_backoff() {
    for (stood, attempts) in [(20, 3), (31, 1)] {
        let mut world = dead();
        world.open_chat(0, 1);
        world.run_until("two failures", |world| world.view(0, 1).peer.attempts == 2);
        world.webrtc_dead = false;
        world.run_until("connected", |world| world.are_connected(0, 1));
        world.run_for(secs(stood));
        let sid = world.sid(0, 1).unwrap();
        let input = tincan_engine::PeerInput::Failed { reason: "gone".into() };
        world.handle(0, tincan_engine::Input::Peer { sid, input });
        assert_eq!(world.view(0, 1).peer.attempts, attempts, "after {stood} s");
    }
}

#[test]
fn nothing_is_tried_without_the_broker() {
    let mut world = dead();
    world.broker_down();
    world.open_chat(0, 1);
    world.run_for(secs(100));
    assert_eq!(world.peer_state(0, 1), PeerState::New);
    assert_eq!(world.view(0, 1).peer.attempts, 0);
}

#[test]
fn a_stale_offer_from_the_broker_merely_provokes_a_new_one() {
    let mut world = World::pair();
    world.crash(1);
    world.open_chat(0, 1);
    // The first attempt dies while its offer waits at the broker for node 1.
    world.run_for(millis(15_400));
    world.start(1);
    world.run_until_within(secs(3), "connected", |world| world.are_connected(0, 1));
}
