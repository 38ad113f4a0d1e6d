//! How long things last, and what ends them.

use tincan_relay::Transport;
use tincan_relay::request::Wanted;
use tincan_relay::{Dropped, Family};

use crate::world::{Answer, PEER, World, client, config, credential, udp};

#[test]
fn an_allocation_ends_after_its_lifetime() {
    let mut world = World::new(config());
    let _alice = world.allocated(1, "alice");
    world.wait(599);
    assert_eq!(world.open.len(), 1);
    world.wait(1);
    assert_eq!((world.open.len(), world.server.allocations()), (0, 0));
    assert_eq!(world.server.poll_timeout(), None);
}

#[test]
fn a_refresh_prolongs_and_zero_ends() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    world.wait(500);
    assert_eq!(alice.refresh(&mut world, 600), Answer::Granted);
    world.wait(500);
    assert_eq!(world.open.len(), 1);
    let alice = world.meet(alice.client, &credential("alice"));
    assert_eq!(alice.refresh(&mut world, 0), Answer::Granted);
    assert_eq!((world.open.len(), world.server.allocations()), (0, 0));
    assert_eq!(alice.refresh(&mut world, 0), Answer::Refused(437));
    assert_eq!(alice.permit(&mut world, &[PEER]), Answer::Refused(437));
    assert_eq!(alice.bind(&mut world, 0x4000, PEER), Answer::Refused(437));
}

#[test]
fn after_an_end_there_can_be_a_new_beginning() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let old = world.last_relay();
    alice.permit(&mut world, &[PEER]);
    alice.refresh(&mut world, 0);
    assert_eq!(alice.allocate(&mut world, Wanted::One(Family::V4)), Answer::Granted);
    assert_ne!(world.last_relay(), old);
    assert_eq!(world.last_relay().slot(), old.slot());
    // Nothing of the old one is left.
    assert_eq!(world.peer_says(old, PEER, b"late"), None);
    assert_eq!(world.dropped(Dropped::NoAllocation), 1);
    let new = world.last_relay();
    assert_eq!(world.peer_says(new, PEER, b"late"), None);
    assert_eq!(world.dropped(Dropped::NoPermission), 1);
}

#[test]
fn a_stream_that_closes_ends_its_allocation() {
    let mut world = World::new(config());
    let tcp = client(Transport::Tcp, 1);
    let alice = world.meet(tcp, &credential("alice"));
    assert_eq!(alice.allocate(&mut world, Wanted::One(Family::V4)), Answer::Granted);
    world.server.client_gone(world.now, &tcp);
    world.drain();
    assert_eq!((world.open.len(), world.server.allocations()), (0, 0));
    // The same port again is another connection.
    let again = tincan_relay::Client { connection: 1, ..tcp };
    assert!(!world.server.has_allocation(&again));
}

#[test]
fn a_stream_is_hung_up_when_its_allocation_expires() {
    let mut world = World::new(config());
    let tls = client(Transport::Tls, 1);
    for client in [tls, udp(2)] {
        let alice = world.meet(client, &credential("alice"));
        assert_eq!(alice.allocate(&mut world, Wanted::One(Family::V4)), Answer::Granted);
    }
    world.wait(600);
    assert_eq!(world.hung_up, [tls]);
}

#[test]
fn a_permission_lasts_five_minutes() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    alice.permit(&mut world, &[PEER]);
    world.wait(299);
    assert!(alice.send(&mut world, PEER, b"hello").is_some());
    assert!(world.peer_says(relay, PEER, b"hello").is_some());
    world.wait(1);
    assert_eq!(alice.send(&mut world, PEER, b"hello"), None);
    assert_eq!(world.peer_says(relay, PEER, b"hello"), None);
    alice.permit(&mut world, &[PEER]);
    assert!(alice.send(&mut world, PEER, b"hello").is_some());
}

#[test]
fn a_channel_lasts_ten_minutes_and_its_permission_five() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    assert_eq!(alice.refresh(&mut world, 3_600), Answer::Granted);
    alice.bind(&mut world, 0x4000, PEER);
    world.wait(300);
    assert!(alice.send_channel(&mut world, 0x4000, b"hello").is_some());
    assert_eq!(world.peer_says(relay, PEER, b"hello"), None);
    alice.bind(&mut world, 0x4000, PEER);
    assert!(world.peer_says(relay, PEER, b"hello").is_some());
    world.wait(599);
    assert!(alice.send_channel(&mut world, 0x4000, b"hello").is_some());
    world.wait(1);
    assert_eq!(alice.send_channel(&mut world, 0x4000, b"hello"), None);
    assert_eq!(world.dropped(Dropped::NoChannel), 1);
}
