//! Both offer at once: one session comes of it, whoever is first and whatever gets lost.

use std::time::Duration;

use tincan_engine::{Command, Event, PeerState};

use crate::world::{World, millis, secs};

/// The numbers of the nodes with the smaller and the larger key.
fn by_key(world: &World) -> (usize, usize) {
    if world.nodes[0].id < world.nodes[1].id { (0, 1) } else { (1, 0) }
}

fn open_both(world: &mut World, first: usize, apart: Duration) {
    let screen = 1;
    for node in [first, 1 - first] {
        let contact = world.nodes[1 - node].id;
        world.post(node, Command::OpenChat { contact, screen });
        world.run_for(apart);
    }
}

fn connect_both(world: &mut World, bound: Duration) -> Duration {
    world.run_until_within(bound, "connected", |world| world.are_connected(0, 1))
}

#[test]
fn two_who_open_the_chat_at_once_get_one_session() {
    for first in [0, 1] {
        let mut world = World::pair();
        open_both(&mut world, first, millis(0));
        connect_both(&mut world, millis(300));
        world.run_for(secs(60));
        assert!(world.are_connected(0, 1));
        for node in [0, 1] {
            let connected = world.peer_states(node, 1 - node);
            let count = connected.iter().filter(|state| **state == PeerState::Connected).count();
            assert_eq!(count, 1, "{connected:?}");
        }
    }
}

#[test]
fn the_offer_of_the_smaller_key_wins() {
    for first in [0, 1] {
        let mut world = World::pair();
        let (smaller, _) = by_key(&world);
        open_both(&mut world, first, millis(0));
        connect_both(&mut world, secs(1));
        let sid = world.sid(0, 1);
        assert!(world.offers(smaller).iter().any(|(session, _)| Some(session.sid) == sid));
    }
}

#[test]
fn the_order_and_the_distance_in_time_do_not_matter() {
    for first in [0, 1] {
        for apart in [1, 5, 9, 10, 11, 13, 20, 23, 40, 80] {
            let mut world = World::pair();
            open_both(&mut world, first, millis(apart));
            connect_both(&mut world, secs(1));
            world.run_for(secs(20));
            assert!(world.are_connected(0, 1), "{first} first, {apart} ms apart");
        }
    }
}

#[test]
fn an_offer_that_waits_for_the_disk_while_its_sender_answers_ends_nothing() {
    for slow in [0, 1] {
        for wait in [12, 20, 23, 30, 40, 60] {
            let mut world = World::pair();
            world.nodes[slow].disk_delay = Some(millis(wait));
            open_both(&mut world, 0, millis(0));
            connect_both(&mut world, secs(1));
            let (smaller, _) = by_key(&world);
            if slow == smaller && wait > 20 {
                let is_it = |event: &Event| match event {
                    Event::Dropped { reason, .. } => reason == "offer older than an answer",
                    _ => false,
                };
                assert!(world.nodes[slow].events.iter().any(|(_, event)| is_it(event)), "{wait}");
            }
        }
    }
}

#[test]
fn the_loss_of_either_offer_does_not_matter() {
    for node in [0, 1] {
        let mut world = World::pair();
        let other = world.nodes[1 - node].id.to_string();
        let mut lost = 0;
        world.lose = Some(Box::new(move |topic| {
            let lose = topic.ends_with("offer") && topic.contains(&other) && lost == 0;
            lost += u32::from(lose);
            lose
        }));
        open_both(&mut world, 0, millis(0));
        connect_both(&mut world, secs(17));
    }
}

#[test]
fn the_winner_publishes_its_offer_again() {
    let mut world = World::pair();
    let (smaller, larger) = by_key(&world);
    let loser = world.nodes[larger].id.to_string();
    let mut lost = 0;
    world.lose = Some(Box::new(move |topic| {
        let lose = topic.ends_with("offer") && topic.contains(&loser) && lost == 0;
        lost += u32::from(lose);
        lose
    }));
    open_both(&mut world, smaller, millis(0));
    connect_both(&mut world, millis(500));
    let offers = world.offers(smaller);
    assert_eq!(offers.len(), 2);
    assert_eq!(offers[0], offers[1]);
}

#[test]
fn the_winner_yields_after_two_time_outs_of_its_own() {
    let mut longest = Duration::ZERO;
    for seed in 0..10 {
        let mut world = World::new(2, seed);
        world.start_all();
        world.befriend(0, 1);
        let (smaller, larger) = by_key(&world);
        // Nothing of the winner's offers ever arrives.
        let loser = world.nodes[larger].id.to_string();
        world.lose =
            Some(Box::new(move |topic| topic.ends_with("offer") && topic.contains(&loser)));
        open_both(&mut world, smaller, millis(0));
        longest = longest.max(connect_both(&mut world, secs(60)));
    }
    // Else the other's offer came while the winner waited, and nobody had to yield.
    assert!(longest > secs(30), "in one of them after two time-outs: {longest:?}");
}

#[test]
fn a_hundred_worlds_with_lossy_brokers_all_connect() {
    for seed in 0..100_u64 {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut world = World::with_seed(2, bytes);
        world.start_all();
        world.befriend(0, 1);
        world.signal_loss_per_mille = seed % 31 * 10;
        world.signal_twice_per_mille = 50;
        let (first, apart) = (world.random(2) as usize, world.random(40));
        open_both(&mut world, first, millis(apart));
        let what = format!("seed {seed}: connected");
        world.run_until_within(secs(150), &what, |world| world.are_connected(0, 1));
    }
}
