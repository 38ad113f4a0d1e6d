//! Two people meet and talk: the main path through every part of the engine.

use std::time::Duration;

use tincan_engine::{Delivery, Event, PeerState};

use crate::world::World;

#[test]
fn an_invite_makes_two_contacts() {
    let world = World::pair();
    let (a, b) = (world.nodes[0].id, world.nodes[1].id);
    assert!(world.is_accepted(0, b) && world.is_accepted(1, a));
    assert_eq!(world.contact(0, b).unwrap().name.as_str(), "Node b");
}

#[test]
fn opening_a_chat_connects_and_verifies_both_sides() {
    let mut world = World::pair();
    world.connect(0, 1);
    assert_eq!(world.peer_state(0, 1), PeerState::Connected);
}

#[test]
fn opening_a_chat_takes_three_ways_through_the_broker_at_most() {
    let mut world = World::pair();
    world.run_for(Duration::from_secs(10));
    let start = world.now;
    world.connect(0, 1);
    // Offer and answer, disk and shell; open; hello.
    let bound = world.signal_latency * 2 + world.latency * 3 + Duration::from_millis(10);
    assert!(world.now.since(start) <= bound, "{:?}", world.now.since(start));
}

#[test]
fn a_message_is_delivered_and_both_histories_hold_it_once() {
    let mut world = World::pair();
    world.connect(0, 1);
    let id = world.send(0, 1, "Hello");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    assert_eq!(world.received(1, 0), ["Hello"]);
    let states: Vec<_> = world.events(0, |event| match event {
        Event::Delivery { ids, state, .. } if ids.contains(&id) => Some(*state),
        _ => None,
    });
    assert_eq!(states, [Delivery::Sent, Delivery::Delivered]);
}

#[test]
fn a_message_to_a_closed_chat_opens_a_session_by_itself() {
    let mut world = World::pair();
    world.send(0, 1, "Anybody there?");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    assert_eq!(world.received(1, 0), ["Anybody there?"]);
}

#[test]
fn messages_of_both_keep_their_order() {
    let mut world = World::pair();
    world.connect(0, 1);
    for round in 0..50 {
        world.send(0, 1, &format!("a{round}"));
        world.send(1, 0, &format!("b{round}"));
    }
    world
        .run_until("all delivered", |world| world.all_delivered(0, 1) && world.all_delivered(1, 0));
    let expected = |who: &str| (0..50).map(|n| format!("{who}{n}")).collect::<Vec<_>>();
    assert_eq!(world.received(1, 0), expected("a"));
    assert_eq!(world.received(0, 1), expected("b"));
    let ids =
        |node, other| world.history(node, other).into_iter().map(|m| m.id).collect::<Vec<_>>();
    assert_eq!(ids(0, 1), ids(1, 0), "both see the same conversation");
}

#[test]
fn the_same_seed_and_inputs_give_the_same_outputs() {
    let run = || {
        let mut world = World::pair();
        world.trace = Some(Vec::new());
        world.signal_loss_per_mille = 100;
        world.connect(0, 1);
        for n in 0..20 {
            world.send(n % 2, 1 - n % 2, &format!("{n}"));
        }
        world.run_for(Duration::from_secs(60));
        world.trace
    };
    assert_eq!(run(), run());
}
