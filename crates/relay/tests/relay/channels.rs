//! Channels.

use tincan_relay::message::attribute::{CHANNEL_NUMBER, XOR_PEER_ADDRESS};
use tincan_relay::message::{Builder, Class, Method};
use tincan_relay::{Config, Dropped, Traffic, Transport, request};

use crate::world::{Answer, PEER, World, at, channel, client, config, credential, udp};

#[test]
fn data_passes_both_ways_without_a_copy() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    assert_eq!(alice.bind(&mut world, 0x4000, PEER), Answer::Granted);
    let message = request::channel_data(channel(0x4000), b"hello", Transport::Udp).unwrap();
    let to_peer = world.server.handle_client(world.now, &udp(1), &message).unwrap();
    assert_eq!((to_peer.relay, to_peer.peer, to_peer.own), (relay, at(PEER), None));
    assert!(std::ptr::eq(to_peer.data, &raw const message[4..]));
    let back = world.peer_says(relay, PEER, b"world").unwrap();
    assert_eq!(back, b"\x40\0\0\x05world");
    let counters = world.server.counters();
    assert_eq!(counters.to_peers, Traffic { packets: 1, bytes: 5 });
    assert_eq!(counters.to_clients, Traffic { packets: 1, bytes: 5 });
}

#[test]
fn streams_are_padded_both_ways() {
    let mut world = World::new(config());
    let tcp = client(Transport::Tcp, 1);
    let alice = world.meet(tcp, &credential("alice"));
    alice.allocate(&mut world, request::Wanted::One(tincan_relay::Family::V4));
    let relay = world.last_relay();
    alice.bind(&mut world, 0x4001, PEER);
    assert_eq!(alice.send_channel(&mut world, 0x4001, b"hello"), Some(at(PEER)));
    assert_eq!(world.peer_says(relay, PEER, b"hello").unwrap(), b"\x40\x01\0\x05hello\0\0\0");
    assert_eq!(world.peer_says(relay, PEER, b"four").unwrap(), b"\x40\x01\0\x04four");
    assert_eq!(world.peer_says(relay, PEER, b"").unwrap(), b"\x40\x01\0\0");
}

#[test]
fn numbers_are_those_of_the_older_rfc() {
    let check = |number: u16, expected| {
        let mut world = World::new(config());
        let alice = world.allocated(1, "alice");
        let request = Builder::new(Class::Request, Method::ChannelBind, world.transaction())
            .number(CHANNEL_NUMBER, u32::from(number) << 16)
            .xor_address(XOR_PEER_ADDRESS, at(PEER));
        assert_eq!(alice.ask(&mut world, request), expected, "{number:x}");
    };
    check(0x3FFF, Answer::Refused(400));
    check(0x4000, Answer::Granted);
    check(0x4FFF, Answer::Granted);
    check(0x7FFE, Answer::Granted);
    check(0x7FFF, Answer::Refused(400));
}

#[test]
fn a_request_needs_number_and_peer() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let mut check = |build: &dyn Fn(Builder) -> Builder| {
        let request = Builder::new(Class::Request, Method::ChannelBind, world.transaction());
        assert_eq!(alice.ask(&mut world, build(request)), Answer::Refused(400));
    };
    check(&|r| r.number(CHANNEL_NUMBER, 0x4000_0000));
    check(&|r| r.xor_address(XOR_PEER_ADDRESS, at(PEER)));
    check(&|r| r.attribute(CHANNEL_NUMBER, &[0x40, 0]).xor_address(XOR_PEER_ADDRESS, at(PEER)));
    check(&|r| r.number(CHANNEL_NUMBER, 0x4000_0000).attribute(XOR_PEER_ADDRESS, &[0; 7]));
}

#[test]
fn a_number_has_one_peer_and_a_peer_one_number() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let other = "198.51.100.7:4001";
    assert_eq!(alice.bind(&mut world, 0x4000, PEER), Answer::Granted);
    assert_eq!(alice.bind(&mut world, 0x4000, PEER), Answer::Granted);
    assert_eq!(alice.bind(&mut world, 0x4000, other), Answer::Refused(400));
    assert_eq!(alice.bind(&mut world, 0x4001, PEER), Answer::Refused(400));
    assert_eq!(alice.bind(&mut world, 0x4001, other), Answer::Granted);
    assert_eq!(alice.bind(&mut world, 0x4001, PEER), Answer::Refused(400));
    alice.refresh(&mut world, 3_600);
    world.wait(600);
    let alice = world.meet(udp(1), &credential("alice"));
    assert_eq!(alice.bind(&mut world, 0x4000, other), Answer::Granted);
}

#[test]
fn channels_are_bounded() {
    let mut world = World::new(Config { channels: 2, ..config() });
    let alice = world.allocated(1, "alice");
    assert_eq!(alice.bind(&mut world, 0x4000, "198.51.100.1:1"), Answer::Granted);
    assert_eq!(alice.bind(&mut world, 0x4001, "198.51.100.1:2"), Answer::Granted);
    assert_eq!(alice.bind(&mut world, 0x4002, "198.51.100.1:3"), Answer::Refused(508));
    assert_eq!(alice.bind(&mut world, 0x4001, "198.51.100.1:2"), Answer::Granted);
}

#[test]
fn another_clients_channel_is_not_ones_own() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let bob = world.allocated(2, "bob");
    alice.bind(&mut world, 0x4000, PEER);
    assert_eq!(bob.send_channel(&mut world, 0x4000, b"hello"), None);
    assert_eq!(world.dropped(Dropped::NoChannel), 1);
}

#[test]
fn a_datagram_that_does_not_fit_is_dropped() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    alice.bind(&mut world, 0x4000, PEER);
    assert!(world.peer_says(relay, PEER, &[0; 65_503]).is_some());
    assert_eq!(world.peer_says(relay, PEER, &[0; 65_504]), None);
    // Without a channel there is less room.
    assert!(world.peer_says(relay, "198.51.100.7:1", &[0; 65_468]).is_some());
    assert_eq!(world.peer_says(relay, "198.51.100.7:1", &[0; 65_500]), None);
    assert_eq!(world.peer_says(relay, PEER, &[0; 70_000]), None);
    assert_eq!(world.dropped(Dropped::TooLong), 3);
}
