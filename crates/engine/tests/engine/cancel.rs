//! Messages that are given up: by a person, or because nobody took them for 30 days.

use tincan_engine::{Command, CommandError, Delivery, Reply};
use tincan_wire::MessageId;

use crate::outbox::{check_arrived, until_delivered};
use crate::world::{DAY, World, millis, secs};

fn send_three(world: &mut World) -> Vec<MessageId> {
    ["m0", "m1", "m2"].iter().map(|text| world.send(0, 1, text)).collect()
}

#[test]
fn a_message_can_be_cancelled_while_it_waits() {
    let mut world = World::pair();
    world.stop(1);
    let ids = send_three(&mut world);
    let contact = world.nodes[1].id;
    let cancel = Command::CancelMessage { contact, id: ids[1] };
    assert_eq!(world.command(0, cancel.clone()), Ok(Reply::Done));
    assert_eq!(world.deliveries(0, ids[1]), [Delivery::Failed]);
    assert_eq!(world.view(0, 1).waiting, 2);
    world.start(1);
    until_delivered(&mut world);
    check_arrived(&world, &["m0".into(), "m2".into()]);
    assert_eq!(world.delivery(0, 1, ids[1]), Some(Delivery::Failed));
    assert_eq!(world.command(0, cancel), Err(CommandError::UnknownMessage));
    assert_eq!(world.view(0, 1).waiting, 0);
}

#[test]
fn a_cancelled_message_stays_failed_after_a_crash_at_any_moment() {
    for step in 0..30 {
        let mut world = World::pair();
        world.stop(1);
        let ids = send_three(&mut world);
        world.start(1);
        world.run_for(millis(step * 4));
        let contact = world.nodes[1].id;
        world.post(0, Command::CancelMessage { contact, id: ids[1] });
        world.run_for(millis(step % 3));
        world.restart(0);
        until_delivered(&mut world);
        world.run_for(secs(20));
        let arrived = world.received(1, 0).contains(&"m1".to_owned());
        let state = world.delivery(0, 1, ids[1]).unwrap();
        let fits = arrived || state == Delivery::Failed;
        assert!(fits, "{state:?}, and not at the receiver; step {step}");
    }
}

#[test]
fn a_cancellation_that_the_disk_refuses_changes_nothing() {
    let mut world = World::pair();
    world.stop(1);
    let id = world.send(0, 1, "m");
    world.nodes[0].disk_fails = true;
    let contact = world.nodes[1].id;
    let result = world.command(0, Command::CancelMessage { contact, id });
    assert!(matches!(result, Err(CommandError::NotStored { .. })));
    assert!(world.deliveries(0, id).is_empty());
    world.nodes[0].disk_fails = false;
    world.start(1);
    until_delivered(&mut world);
    check_arrived(&world, &["m".into()]);
}

#[test]
fn a_delivered_message_cannot_be_cancelled() {
    let mut world = World::pair();
    let id = world.send(0, 1, "m");
    until_delivered(&mut world);
    let contact = world.nodes[1].id;
    let result = world.command(0, Command::CancelMessage { contact, id });
    assert_eq!(result, Err(CommandError::UnknownMessage));
}

#[test]
fn a_message_that_nobody_took_for_30_days_fails_and_later_ones_arrive() {
    let mut world = World::pair();
    world.nodes[0].config.message_lifetime = DAY;
    world.restart(0);
    world.stop(1);
    world.command(0, Command::Disconnect).unwrap();
    let old = world.send(0, 1, "old");
    world.run_for(DAY - secs(3_600));
    let young = world.send(0, 1, "young");
    assert_eq!(world.delivery(0, 1, old), Some(Delivery::Queued));
    world.run_for(secs(2 * 3_600));
    assert_eq!(world.delivery(0, 1, old), Some(Delivery::Failed));
    assert_eq!(world.deliveries(0, old), [Delivery::Failed]);
    assert_eq!(world.delivery(0, 1, young), Some(Delivery::Queued));
    world.start(1);
    world.command(0, Command::Connect).unwrap();
    until_delivered(&mut world);
    check_arrived(&world, &["young".into()]);
}

#[test]
fn messages_that_grew_too_old_on_disk_fail_and_are_never_sent() {
    let mut world = World::new(2, 1);
    world.nodes[0].config.message_lifetime = DAY;
    world.nodes[0].config.window_messages = 8;
    world.start_all();
    world.befriend(0, 1);
    world.stop(1);
    world.command(0, Command::Disconnect).unwrap();
    let old: Vec<_> = (0..30).map(|n| world.send(0, 1, &format!("old {n}"))).collect();
    world.run_for(DAY + secs(2 * 3_600));
    world.send(0, 1, "young");
    world.start(1);
    world.command(0, Command::Connect).unwrap();
    until_delivered(&mut world);
    check_arrived(&world, &["young".into()]);
    for id in old {
        assert_eq!(world.delivery(0, 1, id), Some(Delivery::Failed));
        assert_eq!(world.deliveries(0, id), [Delivery::Failed]);
    }
}

#[test]
fn the_default_lifetime_is_30_days() {
    assert_eq!(tincan_engine::Config::default().message_lifetime, DAY * 30);
}
