//! Stopped, crashed and started at random moments: everything arrives once, in each sender's order,
//! and both histories are the same conversation.

use tincan_engine::{Alarm, Delivery};

use crate::world::{World, millis, secs};

const NODES: [usize; 2] = [0, 1];

/// One random life of two contacts; panics name the seed.
fn live(seed: u64) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut world = World::with_seed(2, bytes);
    world.start_all();
    world.befriend(0, 1);
    if seed.is_multiple_of(3) {
        world.nodes[0].config.window_messages = 8;
        world.restart(0);
    }
    world.signal_loss_per_mille = world.random(200);
    world.signal_twice_per_mille = world.random(200);
    let mut said = [0, 0];
    for _ in 0..25 {
        let node = world.random(2) as usize;
        let wait = [1, 30, 200, 4_000][world.random(4) as usize];
        disturb_or_speak(&mut world, node, &mut said);
        let wait = 1 + world.random(wait);
        world.run_for(millis(wait));
    }
    heal(&mut world);
    let what = format!("seed {seed}: everything is delivered");
    world.run_until(&what, |world| world.all_delivered(0, 1) && world.all_delivered(1, 0));
    world.run_for(secs(1));
    check(&world, seed, said);
}

fn disturb_or_speak(world: &mut World, node: usize, said: &mut [usize; 2]) {
    let runs = world.nodes[node].engine.is_some();
    match world.random(11) {
        0 if runs => world.crash(node),
        1 if runs => world.stop(node),
        2 => world.path_down(),
        3 => {
            let rebound = world.random(2) == 0;
            world.path_back(rebound);
        }
        4 => world.cut_off(node),
        5 if runs => world.handle(node, tincan_engine::Input::NetworkChanged),
        6 => world.nodes[node].disk_fails = !world.nodes[node].disk_fails,
        _ if runs => {
            for _ in 0..=world.random(5) {
                let command = world.saying(1 - node, &format!("{node} says {}", said[node]));
                said[node] += usize::from(world.command(node, command).is_ok());
            }
        }
        _ => world.start(node),
    }
}

fn heal(world: &mut World) {
    world.path_back(false);
    world.signal_loss_per_mille = 0;
    for node in NODES {
        world.nodes[node].disk_fails = false;
        if world.nodes[node].engine.is_none() {
            world.start(node);
        }
    }
}

fn check(world: &World, seed: u64, said: [usize; 2]) {
    for node in NODES {
        let expected: Vec<_> = (0..said[node]).map(|n| format!("{node} says {n}")).collect();
        assert_eq!(world.received(1 - node, node), expected, "seed {seed}");
        let mut shown = world.shown(1 - node, node);
        let before = shown.len();
        shown.sort();
        shown.dedup();
        assert_eq!(shown.len(), before, "seed {seed}: something was shown twice");
        assert_eq!(world.view(node, 1 - node).waiting, 0, "seed {seed}");
        let alarms = world.alarms(node);
        let of_the_disk = |alarm: &Alarm| matches!(alarm, Alarm::StorageFailed { .. });
        assert!(alarms.iter().all(of_the_disk), "seed {seed}: {alarms:?}");
    }
    let conversation = |node: usize| {
        let list = world.history(node, 1 - node).into_iter();
        list.map(|m| (m.id, m.lg, m.s, m.h, m.timestamp, m.content)).collect::<Vec<_>>()
    };
    assert_eq!(conversation(0), conversation(1), "seed {seed}");
}

#[test]
fn fifty_random_lives_lose_and_double_nothing() {
    (0..50).for_each(live);
}

#[test]
fn a_snapshot_brings_back_what_screens_see() {
    let mut world = World::pair();
    world.connect(0, 1);
    let id = world.send(0, 1, "Hello");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    world.stop(1);
    world.send(0, 1, "You there?");
    world.crash(0);
    world.start(0);
    let view = world.view(0, 1);
    assert_eq!(view.name.as_str(), "Node b");
    assert_eq!(view.waiting, 1);
    assert_eq!(world.delivery(0, 1, id), Some(Delivery::Delivered));
}

#[test]
fn the_marks_of_runs_rise_even_if_the_clock_went_back() {
    let mut world = World::new(1, 1);
    world.start_all();
    world.run_for(millis(100));
    let first = world.nodes[0].disk.epoch;
    world.crash(0);
    world.nodes[0].disk.epoch = first + 1_000_000;
    world.start(0);
    world.run_for(millis(100));
    assert_eq!(world.nodes[0].disk.epoch, first + 1_000_001);
}

#[test]
fn positions_and_places_go_on_after_a_restart() {
    let mut world = World::pair();
    for _ in 0..3 {
        world.send(0, 1, "m");
        world.restart(0);
    }
    let positions: Vec<_> = world.history(0, 1).into_iter().map(|m| m.s).collect();
    assert_eq!(positions, [1, 2, 3]);
    let places: Vec<_> = world.history(0, 1).into_iter().map(|m| m.h).collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
}
