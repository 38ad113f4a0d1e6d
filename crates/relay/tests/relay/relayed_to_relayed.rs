//! Two clients of one relay that talk by their relayed addresses, as both ends do that are
//! "relay only".

use tincan_relay::{Dropped, request};

use crate::world::{Answer, World, at, channel, config};

#[test]
fn two_clients_of_one_relay_reach_each_other() {
    let mut world = World::new(config());
    let (alice, bob) = (world.allocated(1, "alice"), world.allocated(2, "bob"));
    let [(relay_a, address_a), (relay_b, address_b)] = world.open[..] else { panic!() };
    let (a, b) = (address_a.to_string(), address_b.to_string());
    assert_eq!(alice.bind(&mut world, 0x4000, &b), Answer::Granted);
    assert_eq!(bob.bind(&mut world, 0x4001, &a), Answer::Granted);

    let message = request::channel_data(channel(0x4000), b"hello", alice.client.transport).unwrap();
    let to_peer = world.server.handle_client(world.now, &alice.client, &message).unwrap();
    assert_eq!((to_peer.relay, to_peer.peer), (relay_a, address_b));
    assert_eq!(to_peer.own, Some((relay_b, address_a)));
    let received = world.peer_says(relay_b, &a, to_peer.data).unwrap();
    assert_eq!(received, b"\x40\x01\0\x05hello");
}

#[test]
fn what_takes_the_place_of_a_relayed_address_is_not_reached() {
    let mut world = World::new(config());
    let (alice, bob) = (world.allocated(1, "alice"), world.allocated(2, "bob"));
    let [(relay_a, _), (_, address_b)] = world.open[..] else { panic!() };
    let b = address_b.to_string();
    assert_eq!(alice.bind(&mut world, 0x4000, &b), Answer::Granted);
    assert!(alice.send_channel(&mut world, 0x4000, b"hello").is_some());
    assert_eq!(bob.refresh(&mut world, 0), Answer::Granted);
    assert_eq!(alice.send_channel(&mut world, 0x4000, b"hello"), None);
    assert_eq!(alice.send(&mut world, &b, b"hello"), None);
    assert_eq!(world.peer_says(relay_a, &b, b"hello"), None);
    assert_eq!(world.dropped(Dropped::OwnAddress), 3);
}

#[test]
fn a_permission_for_a_relayed_address_opens_no_other_port() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let _bob = world.allocated(2, "bob");
    let b = world.open[1].1;
    assert_eq!(alice.permit(&mut world, &[&b.to_string()]), Answer::Granted);
    assert_eq!(alice.send(&mut world, "203.0.113.1:22", b"hello"), None);
    assert_eq!(alice.send(&mut world, "203.0.113.1:3478", b"hello"), None);
    assert_eq!(at(&b.to_string()), b);
}
