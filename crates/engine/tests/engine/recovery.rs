//! What follows a broken path, a new network, a contact that crashed or went.

use tincan_engine::{Input, PeerState};
use tincan_wire::{Body, Description, Fingerprint, SessionId, SessionRef};

use crate::world::{Forge, World, millis, sdp, secs};

/// Node 0 has offered, both are connected, and the beginning is long past.
fn connected() -> World {
    let mut world = World::pair();
    world.connect(0, 1);
    world.run_for(secs(60));
    world
}

/// The path breaks, and ICE notices at once.
fn lose_path(world: &mut World) {
    world.notice = millis(0);
    world.path_down();
    world.run_for(millis(1));
    assert_eq!(world.peer_state(0, 1), PeerState::Disconnected);
}

fn generations(world: &World) -> Vec<u32> {
    world.offers(0).iter().map(|(session, _)| session.generation).collect()
}

#[test]
fn a_path_that_comes_back_within_a_second_needs_no_restart() {
    let mut world = connected();
    let sid = world.sid(0, 1);
    lose_path(&mut world);
    world.run_for(secs(1));
    world.path_back(true);
    world.run_until_within(millis(100), "back", |world| world.are_connected(0, 1));
    world.run_for(secs(30));
    assert_eq!(world.sid(0, 1), sid);
    assert_eq!(generations(&world), [0]);
}

#[test]
fn five_seconds_after_the_loss_the_offerer_restarts_ice() {
    let mut world = connected();
    lose_path(&mut world);
    world.run_for(millis(4_900));
    assert_eq!(generations(&world), [0]);
    world.run_for(millis(200));
    let offers = world.offers(0);
    let [(first, old), (second, new)] = offers[..] else { panic!("{offers:?}") };
    assert_eq!((first.sid, second.generation), (second.sid, 1));
    assert_eq!(old, new, "the same certificate");
    assert!(world.offers(1).is_empty(), "the answerer waits");
}

#[test]
fn an_ice_restart_finds_a_new_path_and_keeps_the_session() {
    let mut world = connected();
    let sid = world.sid(0, 1);
    lose_path(&mut world);
    world.path_back(false);
    world.run_until_within(secs(6), "back", |world| world.are_connected(0, 1));
    assert_eq!(world.sid(0, 1), sid);
    assert_eq!(world.peer_states(0, 1).iter().filter(|s| **s == PeerState::Verifying).count(), 1);
}

#[test]
fn messages_of_the_time_without_a_path_arrive_once_and_in_order() {
    let mut world = connected();
    lose_path(&mut world);
    let texts: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    for text in &texts {
        world.send(0, 1, text);
        world.send(1, 0, text);
    }
    world.run_for(secs(30));
    world.path_back(false);
    world.run_until_within(secs(60), "delivered", |world| {
        world.all_delivered(0, 1) && world.all_delivered(1, 0)
    });
    assert_eq!(world.shown(1, 0), texts);
    assert_eq!(world.shown(0, 1), texts);
}

#[test]
fn a_restart_that_brings_nothing_is_followed_by_a_new_session() {
    let mut world = connected();
    let sid = world.sid(0, 1);
    lose_path(&mut world);
    world.run_for(millis(19_900));
    assert_eq!(world.sid(0, 1), sid);
    world.run_for(millis(300));
    assert_ne!(world.sid(0, 1), sid);
    assert_eq!(generations(&world), [0, 1, 0]);
    world.path_back(false);
    world.run_until_within(secs(40), "back", |world| world.are_connected(0, 1));
}

#[test]
fn a_lost_restart_offer_is_no_disaster() {
    let mut world = connected();
    lose_path(&mut world);
    world.path_back(false);
    world.lose = Some(Box::new(|topic| topic.ends_with("offer")));
    world.run_for(secs(10));
    world.lose = None;
    world.run_until_within(secs(60), "back", |world| world.are_connected(0, 1));
}

#[test]
fn without_a_broker_the_path_may_still_come_back_by_itself() {
    let mut world = connected();
    let sid = world.sid(0, 1);
    world.broker_down();
    lose_path(&mut world);
    world.run_for(secs(120));
    assert_eq!(world.peer_state(0, 1), PeerState::Disconnected);
    world.path_back(true);
    world.run_until_within(millis(100), "back", |world| world.are_connected(0, 1));
    assert_eq!(world.sid(0, 1), sid);
}

#[test]
fn without_a_broker_and_a_path_it_is_closed_after_5_min() {
    let mut world = connected();
    world.broker_down();
    lose_path(&mut world);
    world.run_for(secs(299));
    assert_eq!(world.peer_state(0, 1), PeerState::Disconnected);
    world.run_for(secs(2));
    assert_eq!(world.peer_state(0, 1), PeerState::Closed);
    assert_eq!(world.sid(0, 1), None);
    world.path_back(false);
    world.broker_up();
    world.run_until_within(secs(40), "back", |world| world.are_connected(0, 1));
}

#[test]
fn a_broker_that_comes_back_ends_the_waiting_for_a_path() {
    let mut world = connected();
    world.broker_down();
    lose_path(&mut world);
    world.run_for(secs(60));
    world.path_back(false);
    world.broker_up();
    world.run_until_within(secs(35), "back", |world| world.are_connected(0, 1));
}

#[test]
fn without_a_broker_the_restart_goes_over_the_live_channel() {
    let mut world = connected();
    let sid = world.sid(0, 1);
    world.broker_down();
    world.handle(0, Input::NetworkChanged);
    world.run_for(secs(60));
    assert!(world.frames_of(0, "signal").iter().any(|f| f.contains("\"gen\":1")));
    assert!(world.frames_of(1, "signal").iter().any(|f| f.contains("\"t\":\"answer\"")));
    assert_eq!(world.sid(0, 1), sid);
    assert!(world.are_connected(0, 1));
}

#[test]
fn a_new_network_restarts_at_once() {
    let mut world = connected();
    let sid = world.sid(0, 1);
    world.handle(0, Input::NetworkChanged);
    world.run_for(secs(3));
    assert_eq!(generations(&world).last(), Some(&1));
    assert!(world.are_connected(0, 1));
    assert_eq!(world.sid(0, 1), sid);
}

#[test]
fn a_new_network_without_the_old_path_restarts_at_once() {
    let mut world = connected();
    world.path_down();
    world.path_back(false);
    world.handle(0, Input::NetworkChanged);
    world.send(0, 1, "Hello from the train");
    world.run_until_within(secs(3), "delivered", |world| world.all_delivered(0, 1));
}

#[test]
fn candidates_that_a_dead_channel_swallowed_are_said_again_over_the_broker() {
    let mut world = connected();
    let candidates_told = |world: &World| {
        let letters = world.letters_on(0, "iceCandidate");
        let of_the_restart = letters.iter().filter_map(|letter| match world.read(letter).body {
            Body::IceCandidate { session, candidates, .. } => {
                (session.generation == 1).then_some(candidates.len())
            }
            _ => None,
        });
        of_the_restart.sum::<usize>()
    };
    // Nobody has noticed yet that the path is dead, and the broker's link is being made anew.
    world.path_down();
    world.broker_down();
    world.handle(0, Input::NetworkChanged);
    world.run_for(secs(1));
    assert_eq!(candidates_told(&world), 0);
    assert!(world.frames_of(0, "signal").iter().any(|frame| frame.contains("iceCandidate")));
    world.broker_up();
    world.path_back(false);
    world.run_until_within(secs(60), "told", |world| candidates_told(world) > 0);
    world.run_until_within(secs(10), "back", |world| world.are_connected(0, 1));
    assert_eq!(generations(&world), [0, 1]);
}

#[test]
fn a_new_network_of_the_answerer_makes_a_new_session_at_once() {
    let mut world = connected();
    world.open_chat(1, 0);
    let sid = world.sid(0, 1);
    world.path_down();
    world.path_back(false);
    world.handle(1, Input::NetworkChanged);
    world.run_until_within(secs(3), "back", |world| {
        world.are_connected(0, 1) && world.sid(0, 1) != sid
    });
}

#[test]
fn a_new_network_during_an_attempt_starts_it_anew() {
    let mut world = World::pair();
    world.webrtc_dead = true;
    world.open_chat(0, 1);
    world.run_for(secs(5));
    let sid = world.sid(0, 1);
    world.webrtc_dead = false;
    world.handle(0, Input::NetworkChanged);
    world.run_until_within(secs(3), "connected", |world| world.are_connected(0, 1));
    assert_ne!(world.sid(0, 1), sid);
}

#[test]
fn a_new_network_ends_the_backoff() {
    let mut world = World::pair();
    world.webrtc_dead = true;
    world.open_chat(0, 1);
    world.run_for(secs(95));
    world.webrtc_dead = false;
    world.handle(0, Input::NetworkChanged);
    world.run_until_within(secs(3), "connected", |world| world.are_connected(0, 1));
}

#[test]
fn a_contact_that_crashed_and_is_back_gets_a_new_session_promptly() {
    for who in [0, 1] {
        let mut world = connected();
        world.open_chat(1, 0);
        let old = world.sid(0, 1);
        world.restart(who);
        world.run_until_within(secs(2), "a new session", |world| {
            world.are_connected(0, 1) && world.sid(0, 1) != old
        });
    }
}

#[test]
fn a_contact_that_crashed_gets_the_unacknowledged_again() {
    let mut world = connected();
    world.send(0, 1, "m");
    world.restart(1);
    world.run_until_within(secs(2), "delivered", |world| world.all_delivered(0, 1));
    assert_eq!(world.received(1, 0), ["m"]);
}

#[test]
fn who_stops_says_goodbye_and_nobody_tries_in_vain() {
    let mut world = connected();
    world.stop(1);
    assert_eq!(world.peer_state(0, 1), PeerState::Closed);
    assert!(!world.view(0, 1).online);
    let offers = world.offers(0).len();
    world.run_for(secs(600));
    assert_eq!(world.offers(0).len(), offers);
    assert!(!world.view(0, 1).online);
    world.start(1);
    world.run_until_within(secs(2), "back", |world| world.are_connected(0, 1));
}

#[test]
fn who_stops_with_the_chat_open_is_offline_at_once() {
    let mut world = connected();
    world.open_chat(1, 0);
    world.latency = millis(2);
    world.signal_latency = millis(100);
    world.run_for(secs(1));
    assert!(world.view(0, 1).chat_open);
    world.stop(1);
    world.run_for(secs(1));
    let view = world.view(0, 1);
    assert!(!view.online && !view.chat_open);
}

#[test]
fn a_message_to_who_stopped_waits_for_a_sign_of_life() {
    let mut world = connected();
    world.stop(1);
    world.send(0, 1, "m");
    world.run_for(secs(600));
    assert_eq!(world.peer_state(0, 1), PeerState::Failed);
    world.start(1);
    world.run_until_within(secs(3), "delivered", |world| world.all_delivered(0, 1));
}

#[test]
fn a_connection_that_the_shell_reports_dead_is_replaced() {
    let mut world = connected();
    let sid = world.sid(0, 1).unwrap();
    let input = tincan_engine::PeerInput::Failed { reason: "the socket is gone".into() };
    world.handle(0, Input::Peer { sid, input });
    assert_eq!(world.view(0, 1).peer.reason.as_deref(), Some("the socket is gone"));
    world.run_until_within(secs(3), "back", |world| world.are_connected(0, 1));
}

#[test]
fn a_restart_with_another_fingerprint_is_dropped() {
    let mut world = connected();
    lose_path(&mut world);
    world.path_back(false);
    // The restart comes by the live channel, so that its body can be changed by the peer itself.
    let sid = world.sid(1, 0).unwrap();
    let fp = "FF:".repeat(31) + "FF";
    let sdp = format!("v=0\\r\\na=fingerprint:sha-256 {fp}\\r\\n");
    let body = format!(
        r#"{{"t":"offer","sid":"{sid}","gen":1,"sdp":"{sdp}","fp":"sha-256 {fp}","caps":[]}}"#
    );
    world.frame(1, sid, &format!(r#"{{"type":"signal","b":{body}}}"#));
    assert_eq!(world.dropped(1, "restart with another fingerprint"), 1, "{:?}", world.status(1));
}

#[test]
fn a_restart_offer_that_comes_twice_is_never_answered_with_the_old_answer() {
    let mut world = World::pair();
    world.run_for(secs(10));
    let mut forge = Forge::by(0);
    let fp = Fingerprint([1; 32]);
    let mut offer = |world: &mut World, generation: u32| {
        let session = SessionRef { sid: SessionId([7; 16]), generation };
        let sdp = sdp(generation.into(), fp);
        let description = Description { sdp, fp, caps: vec![], pk: None };
        forge.send(world, 1, Body::Offer { session, description });
    };
    offer(&mut world, 0);
    world.run_for(secs(1));
    // The second comes while the answer to the first is still being made.
    offer(&mut world, 1);
    offer(&mut world, 1);
    world.run_for(secs(1));
    let answers: Vec<_> = world
        .letters_on(1, "answer")
        .iter()
        .map(|letter| match world.read(letter).body {
            Body::Answer { session, description } => (session.generation, description.sdp),
            other => panic!("no answer: {other:?}"),
        })
        .collect();
    let old = answers[0].clone();
    assert!(answers.len() > 1 && old.0 == 0);
    assert!(answers[1..].iter().all(|(generation, sdp)| *generation == 1 && *sdp != old.1));
}
