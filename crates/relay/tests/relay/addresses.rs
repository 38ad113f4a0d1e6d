//! Peers that may not be reached.

use tincan_relay::request::Wanted;
use tincan_relay::{Config, Dropped, Family};

use crate::world::{Answer, PEER, World, config, credential, udp};

fn both(config: Config) -> (World, crate::world::TestClient) {
    let mut world = World::new(config);
    let client = world.meet(udp(1), &credential("alice"));
    assert_eq!(client.allocate(&mut world, Wanted::Both), Answer::Granted);
    (world, client)
}

/// What permission and channel for a peer are answered, on the Internet and in a laboratory.
fn check(peer: &str, on_internet: Answer, in_laboratory: Answer) {
    for (allow_private_peers, expected) in [(false, on_internet), (true, in_laboratory)] {
        let (mut world, client) = both(Config { allow_private_peers, ..config() });
        assert_eq!(client.permit(&mut world, &[peer]), expected, "permission for {peer}");
        assert_eq!(client.bind(&mut world, 0x4000, peer), expected, "channel for {peer}");
    }
}

const FORBIDDEN: Answer = Answer::Refused(403);

#[test]
fn the_internet_may_be_reached() {
    for peer in [PEER, "[2a00::2]:1", "[64:ff9b::808:808]:1"] {
        check(peer, Answer::Granted, Answer::Granted);
    }
}

#[test]
fn private_peers_are_forbidden_unless_allowed() {
    for peer in [
        "10.0.0.1:1",
        "172.16.0.1:1",
        "192.168.1.1:1",
        "127.0.0.1:1",
        "169.254.169.254:80",
        "100.64.0.1:1",
        "[::1]:1",
        "[fe80::1]:1",
        "[fd00::1]:1",
        "[64:ff9b::7f00:1]:1",
        "[2002:a00:1::1]:1",
    ] {
        check(peer, FORBIDDEN, Answer::Granted);
    }
}

#[test]
fn some_peers_are_always_forbidden() {
    for peer in [
        "0.0.0.0:1",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "[::]:1",
        "[ff02::1]:1",
        "[::ffff:127.0.0.1]:1",
        "[::ffff:8.8.8.8]:1",
        "127.0.0.1:3478",
        "203.0.113.1:3478",
        "[2001:db8::1]:3478",
    ] {
        if peer.starts_with("[::ffff") {
            check_mapped(peer);
        } else {
            check(peer, FORBIDDEN, FORBIDDEN);
        }
    }
}

/// The builder writes a mapped address as IPv4, so these bytes are put together by hand.
fn check_mapped(peer: &str) {
    use tincan_relay::message::attribute::XOR_PEER_ADDRESS;
    use tincan_relay::message::{Builder, Class, Method, Transaction};

    let std::net::SocketAddr::V6(address) = crate::world::at(peer) else { panic!("{peer}") };
    for allow_private_peers in [false, true] {
        let (mut world, client) = both(Config { allow_private_peers, ..config() });
        // With such an id only the cookie hides anything.
        let id = Transaction([0; 12]);
        let mut value = [&[0, 2, 0, 1][..], &address.ip().octets()].concat();
        for (byte, mask) in value.iter_mut().skip(4).zip([0x21, 0x12, 0xA4, 0x42]) {
            *byte ^= mask;
        }
        let request = Builder::new(Class::Request, Method::CreatePermission, id)
            .attribute(XOR_PEER_ADDRESS, &value);
        assert_eq!(client.ask(&mut world, request), FORBIDDEN, "{peer}");
    }
}

#[test]
fn other_ports_of_this_machine_are_open_in_laboratories_only() {
    check("203.0.113.1:5353", FORBIDDEN, Answer::Granted);
    check("[2001:db8::1]:5353", FORBIDDEN, Answer::Granted);
}

#[test]
fn one_forbidden_peer_spoils_the_request() {
    let mut world = World::new(config());
    let client = world.allocated(1, "alice");
    assert_eq!(client.permit(&mut world, &[PEER, "10.0.0.1:1"]), FORBIDDEN);
    assert_eq!(client.send(&mut world, PEER, b"hello"), None);
}

#[test]
fn a_permission_for_this_machine_does_not_open_its_listeners() {
    let mut world = World::new(Config { allow_private_peers: true, ..config() });
    let client = world.allocated(1, "alice");
    assert_eq!(client.permit(&mut world, &["127.0.0.1:5353"]), Answer::Granted);
    assert!(client.send(&mut world, "127.0.0.1:5353", b"hello").is_some());
    assert_eq!(client.send(&mut world, "127.0.0.1:3478", b"hello"), None);
    let relay = world.last_relay();
    assert_eq!(relay.family(), Family::V4);
    assert!(world.peer_says(relay, "127.0.0.1:5353", b"hello").is_some());
    assert_eq!(world.peer_says(relay, "127.0.0.1:3478", b"hello"), None);
    assert_eq!(world.dropped(Dropped::OwnAddress), 2);
}

#[test]
fn new_addresses_of_this_machine_are_closed_at_once() {
    let mut world = World::new(config());
    let client = world.allocated(1, "alice");
    world.server.set_own_addresses(vec!["198.51.100.7".parse().unwrap()]);
    assert_eq!(client.permit(&mut world, &[PEER]), FORBIDDEN);
}
