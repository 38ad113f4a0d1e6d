//! Several people, all pairs talking at once.

use crate::world::{World, millis, secs};

const NODES: usize = 4;

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..NODES).flat_map(|a| (0..NODES).map(move |b| (a, b))).filter(|(a, b)| a != b)
}

fn mesh() -> World {
    let mut world = World::new(NODES as u8, 1);
    world.start_all();
    for (a, b) in pairs().filter(|(a, b)| a < b) {
        world.befriend(a, b);
    }
    world
}

fn talk(world: &mut World, from: usize, count: usize) {
    for n in from..from + count {
        for (a, b) in pairs() {
            world.post_message(a, b, &format!("{a} to {b}: {n}"));
        }
        world.run_for(millis(5));
    }
}

fn check(world: &mut World, count: usize) {
    world.run_until_within(secs(120), "all is delivered", |world| {
        pairs().all(|(a, b)| world.all_delivered(a, b))
    });
    world.run_for(secs(1));
    for (a, b) in pairs() {
        let expected: Vec<_> = (0..count).map(|n| format!("{a} to {b}: {n}")).collect();
        assert_eq!(world.received(b, a), expected);
        assert_eq!(world.shown(b, a), expected);
    }
}

#[test]
fn four_people_talk_in_all_pairs_at_once() {
    let mut world = mesh();
    talk(&mut world, 0, 30);
    check(&mut world, 30);
}

#[test]
fn one_of_four_crashes_in_the_middle() {
    let mut world = mesh();
    talk(&mut world, 0, 10);
    world.restart(2);
    talk(&mut world, 10, 10);
    check(&mut world, 20);
}

#[test]
fn four_people_talk_through_a_lossy_broker() {
    let mut world = mesh();
    world.signal_loss_per_mille = 200;
    talk(&mut world, 0, 5);
    check(&mut world, 5);
}

#[test]
fn messages_of_one_pair_are_seen_by_nobody_else() {
    let mut world = mesh();
    world.send(0, 1, "for b alone");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    for node in [2, 3] {
        assert!(pairs().all(|(a, _)| a == node || world.history(node, a).is_empty()));
    }
}
