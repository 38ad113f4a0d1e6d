//! A contact whose home came back from an older backup: a device and a log of its own, and fewer
//! of our positions than we have seen acknowledged.

use tincan_wire::{DeviceId, LogId};

use crate::world::{Disk, World, millis};

/// Stops node 1 and starts it as it was when `backup` was made, as a new installation.
fn restore(world: &mut World, backup: &Disk) {
    world.crash(1);
    world.nodes[1].disk = backup.clone();
    world.nodes[1].disk.dev = DeviceId([0xbb; 8]);
    let lg: LogId = "restored".parse().unwrap();
    world.nodes[1].disk.lg = lg;
    world.nodes[1].disk.acked.clear();
    world.start(1);
}

#[test]
fn more_messages_than_may_be_out_of_order_reach_a_contact_who_was_restored() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.send(0, 1, "before the backup");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    let backup = world.nodes[1].disk.clone();
    world.send(0, 1, "after the backup");
    world.run_until("delivered", |world| world.all_delivered(0, 1));

    restore(&mut world, &backup);
    world.run_for(millis(1_000));
    for n in 0..1_000 {
        world.send(0, 1, &format!("later {n}"));
    }
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    let a = world.nodes[0].id;
    let have = world.nodes[1].disk.have.iter().find(|((user, _), _)| *user == a);
    let have = have.expect("it holds a log").1;
    assert_eq!((have.cumulative(), have.range_count()), (1_002, 1), "the gap is closed");
}
