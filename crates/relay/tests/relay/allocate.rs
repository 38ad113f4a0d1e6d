//! Allocate requests.

use tincan_relay::message::attribute::{
    DONT_FRAGMENT, EVEN_PORT, LIFETIME, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT,
    RESERVATION_TOKEN, SOFTWARE, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS,
};
use tincan_relay::message::{Builder, Class, Message, Method};
use tincan_relay::request::{self, Wanted};
use tincan_relay::{Dropped, Family, Output};

use crate::world::{Answer, World, at, config, credential, udp};

const V4: Wanted = Wanted::One(Family::V4);

/// What a request with these attributes is answered.
fn check(attributes: &[(u16, &[u8])], expected: Answer) {
    let mut world = World::new(config());
    let client = world.meet(udp(1), &credential("alice"));
    let mut request = Builder::new(Class::Request, Method::Allocate, world.transaction());
    for (kind, value) in attributes {
        request = request.attribute(*kind, value);
    }
    assert_eq!(client.ask(&mut world, request), expected, "{attributes:x?}");
    let is_granted = usize::from(expected == Answer::Granted);
    assert_eq!(world.server.allocations(), is_granted);
    assert_eq!(world.open.len(), is_granted);
}

const OVER_UDP: (u16, &[u8]) = (REQUESTED_TRANSPORT, &[17, 0, 0, 0]);

#[test]
fn only_udp_is_relayed() {
    check(&[OVER_UDP], Answer::Granted);
    check(&[(REQUESTED_TRANSPORT, &[6, 0, 0, 0])], Answer::Refused(442));
    check(&[(REQUESTED_TRANSPORT, &[17])], Answer::Refused(400));
    check(&[], Answer::Refused(400));
}

#[test]
fn a_port_may_have_to_be_even_and_none_is_reserved() {
    check(&[OVER_UDP, (EVEN_PORT, &[0])], Answer::Granted);
    check(&[OVER_UDP, (EVEN_PORT, &[0x7F])], Answer::Granted);
    check(&[OVER_UDP, (EVEN_PORT, &[0x80])], Answer::Refused(508));
    check(&[OVER_UDP, (EVEN_PORT, &[])], Answer::Refused(400));
    check(&[OVER_UDP, (RESERVATION_TOKEN, &[1; 8])], Answer::Refused(508));
    check(&[OVER_UDP, (RESERVATION_TOKEN, &[1; 7])], Answer::Refused(400));
    let token = (RESERVATION_TOKEN, &[1; 8][..]);
    check(&[OVER_UDP, (EVEN_PORT, &[0]), token], Answer::Refused(400));
    check(&[OVER_UDP, (REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]), token], Answer::Refused(400));
}

#[test]
fn the_shell_is_told_that_a_port_must_be_even() {
    for (attributes, expected) in [(&[][..], false), (&[(EVEN_PORT, &[0][..])], true)] {
        let mut world = World::new(config());
        let client = world.meet(udp(1), &credential("alice"));
        let mut request = request::allocate(world.transaction(), Wanted::Both);
        for (kind, value) in attributes {
            request = request.attribute(*kind, value);
        }
        world.server.handle_client(world.now, &udp(1), &client.signature.sign(request));
        for _ in 0..2 {
            let output = world.server.poll_output();
            let Some(Output::Open { even_port, .. }) = output else { panic!("{output:?}") };
            assert_eq!(even_port, expected);
        }
    }
}

#[test]
fn an_attribute_that_is_not_understood_is_named() {
    let mut world = World::new(config());
    let client = world.meet(udp(1), &credential("alice"));
    let request = request::allocate(world.transaction(), V4)
        .attribute(DONT_FRAGMENT, &[])
        .attribute(0x7777, &[1]);
    let (answer, bytes) = client.ask_signed(&mut world, &client.signature.sign(request));
    assert_eq!(answer, Answer::Refused(420));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.find(UNKNOWN_ATTRIBUTES), Some(&[0, 0x1A, 0x77, 0x77][..]));
    assert_eq!(world.server.allocations(), 0);
}

#[test]
fn the_lifetime_is_between_ten_minutes_and_an_hour() {
    let check = |wanted: Option<u32>, expected| {
        let mut world = World::new(config());
        let client = world.meet(udp(1), &credential("alice"));
        let mut request = request::allocate(world.transaction(), V4);
        if let Some(seconds) = wanted {
            request = request.number(LIFETIME, seconds);
        }
        assert_eq!(client.allocate_with(&mut world, request).1, expected);
    };
    check(None, 600);
    check(Some(0), 600);
    check(Some(1), 600);
    check(Some(1_800), 1_800);
    check(Some(u32::MAX), 3_600);
}

#[test]
fn the_answer_tells_both_addresses_and_no_more_than_needed() {
    let mut world = World::new(config());
    let client = world.meet(udp(1), &credential("alice"));
    let request = request::allocate(world.transaction(), V4);
    let (_, bytes) = client.ask_signed(&mut world, &client.signature.sign(request));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.address(XOR_MAPPED_ADDRESS), Ok(Some(at("192.0.2.1:1"))));
    assert_eq!(message.find(SOFTWARE), Some(&b"relay"[..]));
    assert!(!message.has_fingerprint());
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_no_second_socket() {
    let mut world = World::new(config());
    let client = world.meet(udp(1), &credential("alice"));
    let request = client.signature.sign(request::allocate(world.transaction(), V4));
    let first = world.ask(&udp(1), &request);
    world.wait(30);
    assert_eq!(world.ask(&udp(1), &request), first);
    assert_eq!((world.server.allocations(), world.open.len()), (1, 1));
    assert_eq!(client.allocate(&mut world, V4), Answer::Refused(437));
}

#[test]
fn a_request_repeated_while_its_socket_opens_is_answered_once() {
    let mut world = World::new(config());
    let client = world.meet(udp(1), &credential("alice"));
    let request = client.signature.sign(request::allocate(world.transaction(), V4));
    for _ in 0..3 {
        world.server.handle_client(world.now, &udp(1), &request);
    }
    let opened: Vec<_> = std::iter::from_fn(|| world.server.poll_output()).collect();
    let [Output::Open { relay, even_port: false }] = opened[..] else { panic!("{opened:?}") };
    world.server.opened(world.now, relay, at("203.0.113.1:50000"));
    assert!(matches!(world.server.poll_output(), Some(Output::Send { .. })));
    assert_eq!(world.server.poll_output(), None);
}

#[test]
fn without_a_socket_there_is_no_allocation() {
    let mut world = World::new(config());
    world.can_open = [false; 2];
    let client = world.meet(udp(1), &credential("alice"));
    assert_eq!(client.allocate(&mut world, V4), Answer::Refused(508));
    assert_eq!(world.server.allocations(), 0);
    world.can_open = [true; 2];
    assert_eq!(client.allocate(&mut world, V4), Answer::Granted);
}

#[test]
fn a_shell_that_says_nothing_is_not_waited_for() {
    let mut world = World::new(config());
    let client = world.meet(udp(1), &credential("alice"));
    let request = client.signature.sign(request::allocate(world.transaction(), V4));
    world.server.handle_client(world.now, &udp(1), &request);
    let Some(Output::Open { relay, .. }) = world.server.poll_output() else { panic!("no socket") };
    world.now = world.now.plus_ms(5_000);
    assert_eq!(world.server.poll_timeout(), Some(world.now.ms));
    world.server.handle_timeout(world.now);
    let Some(Output::Send { message, .. }) = world.server.poll_output() else { panic!("silence") };
    assert_eq!(Message::parse(&message).unwrap().error().unwrap().0, 508);
    // What comes too late is closed again.
    world.server.opened(world.now, relay, at("203.0.113.1:50000"));
    assert_eq!(world.server.poll_output(), Some(Output::Close(relay)));
    assert_eq!((world.server.allocations(), world.server.poll_timeout()), (0, None));
}

#[test]
fn a_socket_that_breaks_ends_its_allocation() {
    let mut world = World::new(config());
    let client = world.allocated(1, "alice");
    world.server.failed(world.now, world.last_relay());
    assert_eq!(world.server.poll_output(), None);
    assert_eq!(client.refresh(&mut world, 600), Answer::Refused(437));
}

#[test]
fn an_address_that_is_taken_or_of_the_other_family_is_not_used() {
    for address in ["[2001:db8::1]:50000", "203.0.113.1:50000"] {
        let mut world = World::new(config());
        world.allocated(1, "alice");
        let client = world.meet(udp(2), &credential("alice"));
        let request = client.signature.sign(request::allocate(world.transaction(), V4));
        world.server.handle_client(world.now, &udp(2), &request);
        let Some(Output::Open { relay, .. }) = world.server.poll_output() else {
            panic!("no socket")
        };
        world.server.opened(world.now, relay, at(address));
        assert_eq!(world.server.poll_output(), Some(Output::Close(relay)));
        assert!(matches!(world.server.poll_output(), Some(Output::Send { .. })));
        assert_eq!(world.server.allocations(), 1);
    }
}

#[test]
fn an_answer_is_no_request() {
    let mut world = World::new(config());
    for class in [Class::Success, Class::Error, Class::Indication] {
        let message = Builder::new(class, Method::Allocate, world.transaction()).finish();
        assert_eq!(world.ask(&udp(1), &message), None);
    }
    assert_eq!(world.dropped(Dropped::Unanswerable), 3);
}
