//! The link to the broker: its states, its backoff, and what is asked of it.

use std::time::Duration;

use tincan_engine::{Alarm, BrokerInput, BrokerState, Command, Event, Input, Time, Unreadable};

use crate::world::{Door, World, millis, secs};

fn alone(door: Door) -> World {
    let mut world = World::new(1, 1);
    world.door = door;
    world.start(0);
    world
}

fn states(world: &World) -> Vec<BrokerState> {
    world.events(0, |event| match event {
        Event::Broker(view) => Some(view.state),
        _ => None,
    })
}

/// The waits between attempts, each from the failure on.
fn waits(world: &World, until_failure: Duration) -> Vec<Duration> {
    let connects = &world.nodes[0].connects;
    connects.windows(2).map(|pair| pair[1].since(pair[0]) - until_failure).collect()
}

fn check_doubling(waits: &[Duration]) {
    let fulls = [1, 2, 4, 8, 16, 32, 32, 32, 32];
    assert!(waits.len() >= 6, "{waits:?}");
    for (wait, full) in waits.iter().zip(fulls) {
        assert!((secs(full) / 2..=secs(full)).contains(wait), "{wait:?} is not about {full} s");
    }
}

#[test]
fn it_connects_by_itself_at_the_start() {
    let mut world = alone(Door::Open);
    world.run_for(secs(1));
    assert_eq!(states(&world), [BrokerState::Connecting, BrokerState::Connected]);
}

#[test]
fn what_cannot_be_read_is_counted_by_where_it_came_from() {
    let mut world = alone(Door::Open);
    world.run_for(secs(1));
    for what in [Unreadable::Packet, Unreadable::HubAnswer, Unreadable::Packet] {
        world.handle(0, Input::Broker(BrokerInput::Unreadable(what)));
    }
    assert_eq!(world.dropped(0, "unreadable packet of the broker"), 2);
    assert_eq!(world.dropped(0, "unreadable answer of the hub"), 1);
}

#[test]
fn it_waits_for_the_disk_before_the_first_attempt() {
    let mut world = World::new(1, 1);
    world.disk_latency = secs(3);
    world.start(0);
    world.run_for(secs(2));
    assert!(world.nodes[0].connects.is_empty(), "the run's mark is not on disk");
    world.run_for(secs(2));
    assert_eq!(world.nodes[0].connects.len(), 1);
}

#[test]
fn a_disk_that_refuses_the_runs_mark_is_asked_again() {
    let mut world = World::new(1, 1);
    world.nodes[0].disk_fails = true;
    world.start(0);
    world.run_for(secs(60));
    assert!(world.nodes[0].connects.is_empty());
    assert!(matches!(world.alarms(0)[0], Alarm::StorageFailed { .. }));
    assert_eq!(world.broker_state(0), BrokerState::Error);
    world.nodes[0].disk_fails = false;
    world.run_for(secs(40));
    assert_eq!(world.broker_state(0), BrokerState::Connected);
}

#[test]
fn refusals_wait_twice_as_long_each_time_up_to_32_s() {
    let mut world = alone(Door::Refuses);
    world.run_for(secs(300));
    check_doubling(&waits(&world, millis(20)));
    assert_eq!(world.broker_state(0), BrokerState::Error);
}

#[test]
fn silence_is_given_up_after_10_s_and_backed_off_from() {
    let mut world = alone(Door::Silent);
    world.run_for(millis(9_999));
    assert_eq!(world.broker_state(0), BrokerState::Connecting);
    world.run_for(millis(2));
    assert_eq!(world.broker_state(0), BrokerState::Error);
    world.run_for(secs(400));
    check_doubling(&waits(&world, secs(10)));
}

#[test]
fn a_person_sees_why_and_when_it_tries_again() {
    let mut world = alone(Door::Refuses);
    world.run_for(millis(100));
    let view = world.status(0).broker;
    assert_eq!((view.reason.as_deref(), view.attempts), (Some("connection refused"), 1));
    assert!(view.retry_at.is_some_and(|at: Time| at > world.now));
}

#[test]
fn a_lost_link_is_disconnected_and_comes_back() {
    let mut world = alone(Door::Open);
    world.run_for(secs(60));
    world.cut_off(0);
    assert_eq!(world.broker_state(0), BrokerState::Disconnected);
    world.run_for(millis(1_100));
    assert_eq!(world.broker_state(0), BrokerState::Connected);
}

#[test]
fn a_link_that_breaks_again_and_again_backs_off() {
    let mut world = alone(Door::Open);
    for _ in 0..6 {
        world.run_until("connected", |world| world.nodes[0].at_broker);
        world.run_for(secs(1));
        world.cut_off(0);
    }
    let wait = world.status(0).broker.retry_at.unwrap().since(world.now);
    assert!(wait >= secs(16), "{wait:?}");
}

#[test]
fn thirty_stable_seconds_reset_the_backoff() {
    for (stood, low, high) in [(29, 4, 8), (31, 0, 1)] {
        let mut world = alone(Door::Refuses);
        world.run_until("three refusals", |world| world.nodes[0].connects.len() == 3);
        world.broker_up();
        world.run_until("connected", |world| world.nodes[0].at_broker);
        world.run_for(secs(stood));
        world.cut_off(0);
        let wait = world.status(0).broker.retry_at.unwrap().since(world.now);
        assert!((secs(low)..=secs(high)).contains(&wait), "{wait:?} after {stood} s");
    }
}

#[test]
fn three_refusals_of_credentials_wait_for_the_user() {
    let mut world = alone(Door::RefusesCredentials);
    world.run_for(secs(3_600));
    assert_eq!(world.nodes[0].connects.len(), 3);
    assert_eq!(world.broker_state(0), BrokerState::Error);
    let reason = "not authorised".to_owned();
    assert_eq!(world.alarms(0), [Alarm::CredentialsRefused { reason }]);
    world.broker_up();
    world.command(0, Command::Connect).unwrap();
    world.run_for(secs(1));
    assert_eq!(world.broker_state(0), BrokerState::Connected);
}

#[test]
fn refusals_of_credentials_must_come_in_a_row() {
    let mut world = alone(Door::RefusesCredentials);
    world.run_until("two refusals", |world| world.nodes[0].connects.len() == 2);
    world.run_for(millis(100));
    world.door = Door::Refuses;
    world.run_until("another", |world| world.nodes[0].connects.len() == 3);
    world.run_for(millis(100));
    world.door = Door::RefusesCredentials;
    world.run_until("two more", |world| world.nodes[0].connects.len() == 5);
    world.run_for(millis(100));
    assert!(world.alarms(0).is_empty());
}

#[test]
fn connect_ends_the_waiting() {
    let mut world = alone(Door::Refuses);
    world.run_for(secs(100));
    world.broker_up();
    world.command(0, Command::Connect).unwrap();
    world.run_for(millis(100));
    assert_eq!(world.broker_state(0), BrokerState::Connected);
}

#[test]
fn disconnect_stays_away_until_connect() {
    let mut world = alone(Door::Open);
    world.run_for(secs(1));
    world.command(0, Command::Disconnect).unwrap();
    world.run_for(secs(600));
    world.handle(0, Input::NetworkChanged);
    world.run_for(secs(600));
    assert_eq!(world.nodes[0].connects.len(), 1);
    assert_eq!(world.broker_state(0), BrokerState::Disconnected);
    assert!(!world.nodes[0].at_broker);
    world.command(0, Command::Connect).unwrap();
    world.run_for(millis(100));
    assert_eq!(world.broker_state(0), BrokerState::Connected);
}

#[test]
fn disconnect_while_connecting_stays_away() {
    let mut world = alone(Door::Open);
    world.run_until("an attempt", |world| !world.nodes[0].connects.is_empty());
    world.command(0, Command::Disconnect).unwrap();
    world.run_for(secs(60));
    assert_eq!(world.broker_state(0), BrokerState::Disconnected);
}

#[test]
fn disconnect_before_the_runs_mark_is_stored_stays_away() {
    let mut world = World::new(1, 1);
    world.disk_latency = secs(1);
    world.start(0);
    world.post(0, Command::Disconnect);
    world.run_for(secs(60));
    assert!(world.nodes[0].connects.is_empty());
}

#[test]
fn a_new_network_connects_at_once() {
    let mut world = alone(Door::Refuses);
    world.run_for(secs(100));
    world.broker_up();
    let before = world.nodes[0].connects.len();
    world.handle(0, Input::NetworkChanged);
    assert_eq!(world.nodes[0].connects.len(), before + 1);
}

#[test]
fn a_new_network_replaces_a_standing_link() {
    let mut world = alone(Door::Open);
    world.run_for(secs(60));
    world.handle(0, Input::NetworkChanged);
    assert_eq!(world.nodes[0].connects.len(), 2);
    world.run_for(millis(100));
    assert_eq!(world.broker_state(0), BrokerState::Connected);
}

#[test]
fn a_burst_of_network_changes_makes_a_link_at_once_and_one_when_it_is_over() {
    let mut world = alone(Door::Open);
    world.run_for(secs(60));
    for _ in 0..5 {
        world.handle(0, Input::NetworkChanged);
        world.run_for(millis(20));
    }
    assert_eq!(world.nodes[0].connects.len(), 2);
    world.run_for(secs(60));
    assert_eq!(world.nodes[0].connects.len(), 3);
    assert_eq!(world.broker_state(0), BrokerState::Connected);
}

#[test]
fn a_change_right_after_connecting_is_not_overlooked() {
    let mut world = alone(Door::Open);
    world.run_until("a link", |world| world.broker_state(0) == BrokerState::Connected);
    world.handle(0, Input::NetworkChanged);
    assert_eq!(world.nodes[0].connects.len(), 1);
    world.run_for(secs(2));
    assert_eq!(world.nodes[0].connects.len(), 2);
}
