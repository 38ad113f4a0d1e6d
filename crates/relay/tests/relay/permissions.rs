//! Permissions and indications.

use tincan_relay::message::attribute::{DATA, DONT_FRAGMENT, XOR_PEER_ADDRESS};
use tincan_relay::message::{Builder, Class, Message, Method};
use tincan_relay::{Config, Dropped, request};

use crate::world::{Answer, PEER, PEER_V6, World, at, config, udp};

#[test]
fn only_peers_with_a_permission_are_heard() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    assert_eq!(alice.send(&mut world, PEER, b"hello"), None);
    assert_eq!(world.peer_says(relay, PEER, b"hello"), None);
    assert_eq!(world.dropped(Dropped::NoPermission), 2);
    assert_eq!(alice.permit(&mut world, &[PEER]), Answer::Granted);
    assert_eq!(alice.send(&mut world, PEER, b"hello"), Some(at(PEER)));
    assert!(world.peer_says(relay, PEER, b"hello").is_some());
    // A permission is for an address, whatever the port.
    assert!(world.peer_says(relay, "198.51.100.7:9", b"hello").is_some());
    assert_eq!(world.peer_says(relay, "198.51.100.8:4000", b"hello"), None);
}

#[test]
fn a_data_indication_tells_the_peer() {
    for (peer, data) in [(PEER, &b"abcde"[..]), (PEER, b""), (PEER_V6, b"abcd")] {
        let mut world = World::new(config());
        let alice = world.meet(udp(1), &crate::world::credential("alice"));
        alice.allocate(&mut world, request::Wanted::Both);
        alice.permit(&mut world, &[peer]);
        let relay = world.open[usize::from(at(peer).is_ipv6())].0;
        let bytes = world.peer_says(relay, peer, data).unwrap();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.class(), message.method()), (Class::Indication, Method::Data));
        assert_eq!(message.address(XOR_PEER_ADDRESS), Ok(Some(at(peer))));
        assert_eq!(message.find(DATA), Some(data));
        let next = world.peer_says(relay, peer, data).unwrap();
        assert_ne!(Message::parse(&next).unwrap().transaction(), message.transaction());
    }
}

#[test]
fn a_message_can_be_completed_in_the_buffer_that_the_data_was_read_into() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    alice.permit(&mut world, &[PEER]);
    let at_byte = tincan_relay::MAX_PREFIX_BYTES;
    let mut buffer = vec![0xFF; at_byte + 5 + 3];
    buffer[at_byte..at_byte + 5].copy_from_slice(b"abcde");
    let to_client = world.server.handle_peer(world.now, relay, at(PEER), 5).unwrap();
    let framed = to_client.frame_in(&mut buffer, at_byte, 5).unwrap();
    let mut appended = vec![];
    to_client.append_to(&mut appended, b"abcde");
    assert_eq!(framed, appended);
    assert_eq!(Message::parse(framed).unwrap().find(DATA), Some(&b"abcde"[..]));
    assert_eq!(to_client.frame_in(&mut buffer[1..], 1, 5), None);
    assert_eq!(to_client.frame_in(&mut buffer[..at_byte + 5], at_byte, 5), None);
}

#[test]
fn a_permission_needs_a_peer() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    assert_eq!(alice.permit(&mut world, &[]), Answer::Refused(400));
    let request = Builder::new(Class::Request, Method::CreatePermission, world.transaction())
        .xor_address(XOR_PEER_ADDRESS, at(PEER))
        .attribute(XOR_PEER_ADDRESS, &[0; 5]);
    assert_eq!(alice.ask(&mut world, request), Answer::Refused(400));
    assert_eq!(alice.send(&mut world, PEER, b"hello"), None);
}

#[test]
fn permissions_are_bounded_and_make_room_when_they_expire() {
    let mut world = World::new(Config { permissions: 4, ..config() });
    let alice = world.allocated(1, "alice");
    let peers: Vec<String> = (1..=6).map(|n| format!("198.51.100.{n}:1")).collect();
    let peers: Vec<&str> = peers.iter().map(String::as_str).collect();
    assert_eq!(alice.permit(&mut world, &peers[..5]), Answer::Refused(508));
    assert_eq!(alice.permit(&mut world, &peers[..3]), Answer::Granted);
    assert_eq!(alice.permit(&mut world, &peers[2..5]), Answer::Refused(508));
    assert_eq!(alice.send(&mut world, peers[3], b"hello"), None, "all or none");
    assert_eq!(alice.permit(&mut world, &peers[1..4]), Answer::Granted);
    assert_eq!(alice.bind(&mut world, 0x4000, peers[5]), Answer::Refused(508));
    assert_eq!(alice.send_channel(&mut world, 0x4000, b"hello"), None);
    world.wait(300);
    assert_eq!(alice.permit(&mut world, &peers[4..]), Answer::Granted);
}

#[test]
fn a_send_indication_that_asks_for_more_is_dropped() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    alice.permit(&mut world, &[PEER]);
    let mut check = |build: &dyn Fn(Builder) -> Builder, reason| {
        let indication = Builder::new(Class::Indication, Method::Send, world.transaction());
        let before = world.dropped(reason);
        let bytes = build(indication).finish();
        assert_eq!(world.server.handle_client(world.now, &udp(1), &bytes), None);
        assert_eq!(world.dropped(reason), before + 1);
    };
    let peer = at(PEER);
    check(
        &|m| {
            m.xor_address(XOR_PEER_ADDRESS, peer)
                .attribute(DATA, b"x")
                .attribute(DONT_FRAGMENT, &[])
        },
        Dropped::Unanswerable,
    );
    check(&|m| m.xor_address(XOR_PEER_ADDRESS, peer), Dropped::Malformed);
    check(&|m| m.attribute(DATA, b"x"), Dropped::Malformed);
}

#[test]
fn data_without_an_allocation_goes_nowhere() {
    let mut world = World::new(config());
    let alice = world.meet(udp(1), &crate::world::credential("alice"));
    assert_eq!(alice.send(&mut world, PEER, b"hello"), None);
    assert_eq!(alice.send_channel(&mut world, 0x4000, b"hello"), None);
    assert_eq!(world.dropped(Dropped::NoAllocation), 2);
}
