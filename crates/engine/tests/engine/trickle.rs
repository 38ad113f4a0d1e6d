//! Candidates: collected for a moment, sent, and held where they overtake their offer.

use tincan_engine::{Input, PeerInput};
use tincan_wire::{Body, Candidate, Description, Fingerprint, SessionId, SessionRef};

use crate::world::{Forge, World, candidate, millis, sdp, secs};

const SID: SessionId = SessionId([7; 16]);

fn reference(generation: u32) -> SessionRef {
    SessionRef { sid: SID, generation }
}

fn candidates(generation: u32, range: std::ops::Range<u64>) -> Body {
    let candidates = range.map(candidate).collect();
    Body::IceCandidate { session: reference(generation), candidates, eoc: false }
}

fn offer(generation: u32) -> Body {
    let fp = Fingerprint([1; 32]);
    let sdp = sdp(generation.into(), fp);
    let description = Description { sdp, fp, caps: vec![], pk: None };
    Body::Offer { session: reference(generation), description }
}

/// Node 0 writes by hand; node 1 is the engine that is looked at.
fn contacts() -> (World, Forge) {
    let mut world = World::pair();
    world.run_for(secs(10));
    (world, Forge::by(0))
}

fn got(world: &World) -> usize {
    world.nodes[1].candidates_got.len()
}

#[test]
fn both_ends_get_each_others_candidates() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.run_for(secs(1));
    for (node, other) in [(0, 1), (1, 0)] {
        assert_eq!(world.nodes[node].candidates_got, [candidate(other)]);
    }
}

#[test]
fn candidates_that_overtake_their_offer_are_held() {
    let mut world = World::pair();
    world.run_for(secs(10));
    world.delay = Some(|topic| if topic.ends_with("offer") { secs(5) } else { millis(10) });
    world.open_chat(0, 1);
    world.run_for(secs(4));
    assert_eq!(got(&world), 0);
    world.run_for(secs(2));
    assert_eq!(world.nodes[1].candidates_got, [candidate(0)]);
    assert!(world.are_connected(0, 1));
}

#[test]
fn candidates_that_overtake_their_answer_are_held() {
    let mut world = World::pair();
    world.run_for(secs(10));
    world.delay = Some(|topic| if topic.ends_with("answer") { secs(5) } else { millis(10) });
    world.open_chat(0, 1);
    world.run_for(secs(4));
    assert!(world.nodes[0].candidates_got.is_empty());
    world.run_for(secs(2));
    assert_eq!(world.nodes[0].candidates_got, [candidate(1)]);
}

#[test]
fn no_more_than_32_are_held() {
    let (mut world, mut forge) = contacts();
    forge.send(&mut world, 1, candidates(0, 0..30));
    forge.send(&mut world, 1, candidates(0, 30..60));
    assert_eq!(world.dropped(1, "too many held candidates"), 1);
    forge.send(&mut world, 1, offer(0));
    world.run_for(secs(1));
    assert_eq!(got(&world), 32);
}

#[test]
fn they_are_held_for_30_s() {
    for (wait, count) in [(29, 3), (31, 0)] {
        let (mut world, mut forge) = contacts();
        forge.send(&mut world, 1, candidates(0, 0..3));
        world.run_for(secs(wait));
        forge.send(&mut world, 1, offer(0));
        world.run_for(secs(1));
        assert_eq!(got(&world), count, "after {wait} s");
        let dropped = world.dropped(1, "candidates without a description");
        assert_eq!(dropped, u64::from(count == 0), "after {wait} s");
    }
}

#[test]
fn candidates_of_another_session_are_not_given_to_this_one() {
    let (mut world, mut forge) = contacts();
    forge.send(&mut world, 1, offer(0));
    world.run_for(secs(1));
    let session = SessionRef { sid: SessionId([9; 16]), generation: 0 };
    let body = Body::IceCandidate { session, candidates: vec![candidate(1)], eoc: false };
    forge.send(&mut world, 1, body);
    assert_eq!(got(&world), 0);
    forge.send(&mut world, 1, candidates(1, 0..3));
    assert_eq!(world.dropped(1, "candidates without a description"), 1);
}

#[test]
fn what_names_the_session_of_another_contact_is_dropped() {
    let mut world = World::new(3, 1);
    world.start_all();
    world.befriend(0, 1);
    world.befriend(2, 1);
    world.connect(0, 1);
    world.run_for(secs(10));
    let sid = world.sid(1, 0).unwrap();
    let session = SessionRef { sid, generation: 0 };
    let fp = Fingerprint([1; 32]);
    let description = Description { sdp: sdp(0, fp), fp, caps: vec![], pk: None };
    let mut forge = Forge::by(2);
    forge.send(&mut world, 1, Body::Offer { session, description });
    let body = Body::IceCandidate { session, candidates: vec![candidate(2)], eoc: false };
    forge.send(&mut world, 1, body);
    world.run_for(secs(1));
    assert_eq!(world.dropped(1, "session of another contact"), 2);
    assert!(world.are_connected(0, 1));
    assert_eq!((world.sid(1, 0), world.sid(1, 2)), (Some(sid), None));
}

#[test]
fn candidates_of_an_older_generation_are_dropped() {
    let (mut world, mut forge) = contacts();
    forge.send(&mut world, 1, offer(0));
    world.run_for(secs(1));
    forge.send(&mut world, 1, offer(1));
    world.run_for(secs(1));
    forge.send(&mut world, 1, candidates(0, 0..3));
    assert_eq!(world.dropped(1, "candidate of an older generation"), 1);
    forge.send(&mut world, 1, candidates(1, 0..3));
    assert_eq!(got(&world), 3);
}

#[test]
fn candidates_of_a_coming_generation_are_held_for_it() {
    let (mut world, mut forge) = contacts();
    forge.send(&mut world, 1, offer(0));
    world.run_for(secs(1));
    forge.send(&mut world, 1, candidates(1, 0..3));
    assert_eq!(got(&world), 0);
    forge.send(&mut world, 1, offer(1));
    world.run_for(secs(1));
    assert_eq!(got(&world), 3);
}

#[test]
fn candidates_of_no_contact_are_dropped() {
    let (mut world, mut forge) = contacts();
    let contact = world.nodes[0].id;
    world.command(1, tincan_engine::Command::BlockContact { contact }).unwrap();
    forge.send(&mut world, 1, candidates(0, 0..3));
    assert_eq!(world.dropped(1, "blocked"), 1);
}

#[test]
fn the_empty_candidate_is_not_passed_on() {
    let (mut world, mut forge) = contacts();
    forge.send(&mut world, 1, offer(0));
    world.run_for(secs(1));
    let empty = Candidate { candidate: String::new(), ..candidate(1) };
    let candidates = vec![empty, candidate(2)];
    forge.send(&mut world, 1, Body::IceCandidate { session: reference(0), candidates, eoc: true });
    assert_eq!(world.nodes[1].candidates_got, [candidate(2)]);
}

#[test]
fn a_candidate_without_the_form_of_one_is_dropped() {
    let (mut world, mut forge) = contacts();
    forge.send(&mut world, 1, offer(0));
    world.run_for(secs(1));
    let bad = Candidate { candidate: "rm -rf".into(), ..candidate(1) };
    let candidates = vec![bad, candidate(2)];
    forge.send(&mut world, 1, Body::IceCandidate { session: reference(0), candidates, eoc: true });
    assert_eq!(world.nodes[1].candidates_got, [candidate(2)]);
    assert_eq!(world.dropped(1, "sdp_bad_candidate"), 1);
}

#[test]
fn found_candidates_are_collected_for_less_than_100_ms() {
    let mut world = World::pair();
    world.run_for(secs(10));
    world.open_chat(0, 1);
    world.run_for(secs(1));
    let sid = world.sid(0, 1).unwrap();
    let before = world.published_on(0, "iceCandidate");
    for number in 0..5 {
        world.handle(0, Input::Peer { sid, input: PeerInput::Candidate(candidate(number)) });
        world.run_for(millis(2));
    }
    assert_eq!(world.published_on(0, "iceCandidate"), before);
    world.run_for(millis(90));
    assert_eq!(world.published_on(0, "iceCandidate"), before + 1);
}

#[test]
fn more_candidates_than_fit_one_body_go_in_two() {
    let mut world = World::pair();
    world.run_for(secs(10));
    world.connect(0, 1);
    world.run_for(secs(1));
    let sid = world.sid(0, 1).unwrap();
    let before = got(&world);
    for number in 0..70 {
        world.handle(0, Input::Peer { sid, input: PeerInput::Candidate(candidate(number)) });
    }
    world.run_for(secs(1));
    assert_eq!(got(&world) - before, 70);
}

#[test]
fn candidates_found_while_the_broker_is_away_go_once_it_is_back() {
    for who in [0, 1] {
        let mut world = World::pair();
        world.run_for(secs(10));
        world.open_chat(0, 1);
        world.run_until("an offer", |world| world.published_on(0, "offer") == 1);
        if who == 1 {
            world.run_for(millis(11));
        }
        world.cut_off(who);
        world.run_until_within(secs(3), "connected", |world| world.are_connected(0, 1));
        world.run_for(secs(1));
        assert!(!world.nodes[1 - who].candidates_got.is_empty(), "of node {who}");
    }
}
