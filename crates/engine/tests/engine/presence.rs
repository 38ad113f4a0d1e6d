//! Who is there and whose screen shows our chat.

use std::time::Duration;

use tincan_engine::{Event, Time};
use tincan_wire::Body;

use crate::world::{World, millis, secs};

/// Whether and with an open chat or not, as screens of `node` were told, in order.
fn told(world: &World, node: usize) -> Vec<(bool, bool)> {
    world.events(node, |event| match event {
        Event::Presence { online, chat_open, .. } => Some((*online, *chat_open)),
        _ => None,
    })
}

fn beats(world: &World, node: usize) -> Vec<Time> {
    world.published_at(node, "heartbeat")
}

fn gaps(times: &[Time]) -> Vec<Duration> {
    times.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

#[test]
fn after_connecting_the_heartbeats_are_spread_over_5_s() {
    let mut world = World::new(11, 1);
    world.start_all();
    (1..11).for_each(|node| world.befriend(0, node));
    world.run_for(secs(60));
    world.restart(0);
    let start = world.now;
    world.run_for(secs(10));
    let beats: Vec<_> = beats(&world, 0).into_iter().filter(|at| *at >= start).collect();
    assert_eq!(beats.len(), 10);
    let first = beats[0].since(start);
    let last = beats[9].since(start);
    assert!(first < millis(100) && (secs(4)..=secs(6)).contains(&last), "{first:?} to {last:?}");
    assert!(gaps(&beats).iter().all(|gap| *gap <= millis(600)), "evenly");
}

#[test]
fn who_starts_again_at_once_sees_its_contacts_at_once() {
    let mut world = World::pair();
    world.run_for(secs(60));
    world.crash(0);
    world.start(0);
    let before = told(&world, 0).len();
    world.run_for(secs(6));
    assert_eq!(told(&world, 0)[before..], [(true, false)]);
    let count = beats(&world, 1).len();
    world.run_for(secs(60));
    assert_eq!(beats(&world, 1).len(), count, "one answer is enough");
}

#[test]
fn idle_contacts_hear_of_us_every_5_min() {
    let mut world = World::pair();
    world.run_for(secs(60));
    let start = world.now;
    world.run_for(secs(3_000));
    let beats: Vec<_> = beats(&world, 0).into_iter().filter(|at| *at >= start).collect();
    assert_eq!(beats.len(), 10);
    assert!(gaps(&beats).iter().all(|gap| *gap == secs(300)));
}

#[test]
fn contacts_whose_chat_is_open_hear_of_us_every_30_s() {
    let mut world = World::pair();
    world.open_chat(0, 1);
    let start = world.now;
    world.run_for(secs(301));
    let beats: Vec<_> = beats(&world, 0).into_iter().filter(|at| *at >= start).collect();
    assert!((10..=11).contains(&beats.len()), "{beats:?}");
    assert!(gaps(&beats).iter().all(|gap| *gap == secs(30)));
}

#[test]
fn a_contact_that_thought_us_offline_answers_with_re() {
    let mut world = World::pair();
    world.run_for(secs(60));
    world.crash(1);
    world.run_for(secs(800));
    assert!(!world.view(0, 1).online);
    let before = world.letters.len();
    world.start(1);
    world.run_for(secs(1));
    let beats: Vec<_> = world.letters[before..]
        .iter()
        .filter(|letter| letter.topic.ends_with("heartbeat"))
        .map(|letter| match world.read(letter).body {
            Body::Heartbeat { re, .. } => (letter.from, re),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(beats, [(1, false), (0, true)]);
    assert!(world.view(0, 1).online && world.view(1, 0).online);
}

#[test]
fn an_answer_is_not_answered() {
    let mut world = World::pair();
    world.run_for(secs(10));
    let count = beats(&world, 0).len() + beats(&world, 1).len();
    assert!(count <= 4, "{count}");
}

#[test]
fn who_is_silent_for_two_and_a_half_intervals_is_offline() {
    let mut world = World::pair();
    world.run_for(secs(60));
    let last = *beats(&world, 1).last().unwrap();
    world.crash(1);
    let until = (last + secs(750)).since(world.now);
    world.run_for(until - millis(100));
    assert!(world.view(0, 1).online);
    world.run_for(millis(200));
    assert!(!world.view(0, 1).online);
    assert_eq!(told(&world, 0).last(), Some(&(false, false)));
}

#[test]
fn who_ends_is_offline_at_once_without_a_connection() {
    let mut world = World::pair();
    world.run_for(secs(60));
    assert!(world.view(0, 1).online && !world.are_connected(0, 1));
    world.stop(1);
    world.run_for(secs(1));
    assert!(!world.view(0, 1).online);
    let connects = world.nodes[0].connects.len();
    world.run_for(secs(60));
    assert!(!world.are_connected(0, 1), "a farewell is no reason to call");
    assert_eq!(world.nodes[0].connects.len(), connects);
    world.start(1);
    world.run_for(secs(1));
    assert!(world.view(0, 1).online && world.view(1, 0).online);
}

#[test]
fn who_leaves_an_open_chat_is_offline_with_it_closed() {
    let mut world = World::pair();
    world.open_chat(0, 1);
    world.run_for(secs(5));
    world.stop(0);
    world.run_for(secs(1));
    let view = world.view(1, 0);
    assert!(!view.online && !view.chat_open, "{view:?}");
}

#[test]
fn who_had_our_chat_open_is_offline_after_75_s() {
    let mut world = World::pair();
    world.open_chat(1, 0);
    world.run_for(secs(60));
    assert!(world.view(0, 1).chat_open);
    // Their machine dies: the session goes with it.
    world.notice = millis(0);
    world.crash(1);
    world.run_for(secs(100));
    let view = world.view(0, 1);
    assert!(!view.online && !view.chat_open, "{view:?}");
}

#[test]
fn a_live_session_is_proof_enough_without_heartbeats() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.lose = Some(Box::new(|topic| topic.ends_with("heartbeat")));
    world.run_for(secs(2_000));
    assert!(world.view(0, 1).online && world.view(1, 0).online);
}

#[test]
fn an_opened_and_a_closed_chat_are_shown_to_the_contact() {
    let mut world = World::pair();
    world.run_for(secs(1));
    world.open_chat(0, 1);
    world.run_for(millis(100));
    assert!(world.view(1, 0).chat_open);
    world.close_chat(0, 1);
    world.run_for(millis(100));
    assert!(!world.view(1, 0).chat_open && world.view(1, 0).online);
    assert_eq!(told(&world, 1)[1..], [(true, true), (true, false)]);
}

#[test]
fn a_chat_that_was_opened_before_they_accepted_is_told_once_they_have() {
    let mut world = World::new(2, 1);
    world.start_all();
    let (a, b) = (world.nodes[0].id, world.nodes[1].id);
    world.add(0, tincan_engine::Target::Id(b)).unwrap();
    world.open_chat(0, 1);
    world.run_for(secs(1));
    world.command(1, tincan_engine::Command::AcceptContact { contact: a }).unwrap();
    world.run_for(millis(200));
    assert!(world.view(1, 0).chat_open);
}

#[test]
fn the_same_presence_is_not_told_twice() {
    let mut world = World::pair();
    world.open_chat(0, 1);
    world.run_for(secs(600));
    let told = told(&world, 1);
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
}

#[test]
fn a_chat_that_is_open_is_told_again_on_a_new_link_to_the_broker() {
    let mut world = World::pair();
    world.open_chat(0, 1);
    world.run_for(secs(1));
    world.restart(1);
    world.cut_off(0);
    world.run_for(secs(5));
    assert!(world.view(1, 0).chat_open);
}

#[test]
fn without_a_broker_no_heartbeat_is_made_and_later_they_go_on() {
    let mut world = World::pair();
    world.run_for(secs(60));
    world.broker_down();
    let before = beats(&world, 0).len();
    world.run_for(secs(3_000));
    assert_eq!(beats(&world, 0).len(), before);
    world.broker_up();
    world.run_for(secs(40));
    assert!(beats(&world, 0).len() > before);
}

#[test]
fn a_chat_that_a_crash_closed_is_closed_for_the_contact_too() {
    let mut world = World::pair();
    world.connect(1, 0);
    assert!(world.view(0, 1).chat_open);
    world.crash(1);
    world.start(1);
    world.run_for(secs(6));
    assert!(!world.view(0, 1).chat_open);
    // Else they would count as offline between two heartbeats of 5 min.
    for _ in 0..20 {
        world.run_for(secs(60));
        assert!(world.view(0, 1).online);
    }
}

#[test]
fn an_idle_bye_closes_a_chat_whose_closing_was_lost() {
    let mut world = World::pair();
    world.connect(1, 0);
    world.lose = Some(Box::new(|topic| topic.ends_with("chatPresence")));
    world.close_chat(1, 0);
    world.run_for(secs(9 * 60));
    assert!(world.view(0, 1).chat_open);
    world.run_for(secs(2 * 60));
    let view = world.view(0, 1);
    assert!(!view.chat_open && view.online);
}
