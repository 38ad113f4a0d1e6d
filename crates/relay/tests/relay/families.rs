//! IPv4 and IPv6.

use tincan_relay::message::attribute::{
    ADDITIONAL_ADDRESS_FAMILY, ADDRESS_ERROR_CODE, REQUESTED_ADDRESS_FAMILY, XOR_RELAYED_ADDRESS,
};
use tincan_relay::message::{Builder, Message};
use tincan_relay::request::{self, Wanted};
use tincan_relay::{Config, Families, Family};

use crate::world::{Answer, PEER, PEER_V6, TestClient, World, config, credential, udp};

const V6: Wanted = Wanted::One(Family::V6);

fn met(families: Families) -> (World, TestClient) {
    let mut world = World::new(Config { families, ..config() });
    let client = world.meet(udp(1), &credential("alice"));
    (world, client)
}

const BOTH: Families = Families { v4: true, v6: true };

/// Relayed families and refused ones with their codes.
fn granted(world: &mut World, client: &TestClient) -> (Vec<bool>, Vec<[u8; 4]>) {
    let request = request::allocate(world.transaction(), Wanted::Both);
    let (answer, bytes) = client.ask_signed(world, &client.signature.sign(request));
    assert_eq!(answer, Answer::Granted);
    let message = Message::parse(&bytes).unwrap();
    let relayed = message.addresses(XOR_RELAYED_ADDRESS).map(|address| address.unwrap().is_ipv4());
    let refused = message.find(ADDRESS_ERROR_CODE).map(|value| value.try_into().unwrap());
    (relayed.collect(), refused.into_iter().collect())
}

#[test]
fn ipv6_is_had_for_the_asking() {
    let (mut world, client) = met(BOTH);
    let request = request::allocate(world.transaction(), V6);
    let (relayed, _) = client.allocate_with(&mut world, request);
    assert!(relayed.len() == 1 && relayed[0].is_ipv6());
    assert_eq!(client.permit(&mut world, &[PEER_V6]), Answer::Granted);
    assert_eq!(client.permit(&mut world, &[PEER]), Answer::Refused(443));
    assert_eq!(client.bind(&mut world, 0x4000, PEER), Answer::Refused(443));
}

#[test]
fn an_ipv4_allocation_has_no_ipv6_peers() {
    let mut world = World::new(config());
    let client = world.allocated(1, "alice");
    assert_eq!(client.permit(&mut world, &[PEER, PEER_V6]), Answer::Refused(443));
    assert_eq!(client.send(&mut world, PEER_V6, b"hello"), None);
}

#[test]
fn one_request_gets_both() {
    let (mut world, client) = met(BOTH);
    assert_eq!(granted(&mut world, &client), (vec![true, false], vec![]));
    assert_eq!((world.open.len(), world.server.allocations()), (2, 1));
    assert_eq!(client.permit(&mut world, &[PEER, PEER_V6]), Answer::Granted);
    for peer in [PEER, PEER_V6] {
        assert!(client.send(&mut world, peer, b"hello").is_some());
    }
    for (relay, peer) in [(0, PEER), (1, PEER_V6)] {
        let relay = world.open[relay].0;
        assert!(world.peer_says(relay, peer, b"hello").is_some());
    }
}

#[test]
fn of_both_the_one_that_can_be_had_is_enough() {
    let (mut world, client) = met(Families { v4: true, v6: false });
    assert_eq!(granted(&mut world, &client), (vec![true], vec![[2, 0, 4, 40]]));

    let (mut world, client) = met(BOTH);
    world.can_open = [false, true];
    assert_eq!(granted(&mut world, &client), (vec![false], vec![[1, 0, 5, 8]]));

    let (mut world, client) = met(BOTH);
    world.can_open = [false, false];
    assert_eq!(client.allocate(&mut world, Wanted::Both), Answer::Refused(508));
}

#[test]
fn a_family_that_comes_later_is_relayed_from_then_on_and_one_that_goes_stays_where_it_is() {
    let (mut world, client) = met(Families { v4: false, v6: true });
    assert_eq!(client.allocate(&mut world, Wanted::One(Family::V4)), Answer::Refused(440));
    world.server.set_families(BOTH);
    assert_eq!(client.allocate(&mut world, Wanted::One(Family::V4)), Answer::Granted);
    world.server.set_families(Families { v4: false, v6: true });
    assert_eq!(client.refresh(&mut world, 600), Answer::Granted);
    assert_eq!(client.permit(&mut world, &[PEER]), Answer::Granted);
}

#[test]
fn a_family_that_is_not_relayed_is_refused() {
    let v4_only = Families { v4: true, v6: false };
    let (mut world, client) = met(v4_only);
    assert_eq!(client.allocate(&mut world, V6), Answer::Refused(440));
    let (mut world, client) = met(Families { v4: false, v6: true });
    assert_eq!(client.allocate(&mut world, Wanted::One(Family::V4)), Answer::Refused(440));
    let (mut world, client) = met(Families { v4: false, v6: false });
    assert_eq!(client.allocate(&mut world, Wanted::Both), Answer::Refused(440));
}

#[test]
fn wishes_that_make_no_sense_are_bad() {
    let check = |add: &dyn Fn(Builder) -> Builder, expected| {
        let (mut world, client) = met(BOTH);
        let request = add(request::allocate(world.transaction(), Wanted::One(Family::V4)));
        assert_eq!(client.ask(&mut world, request), expected);
    };
    let (requested, additional) = (REQUESTED_ADDRESS_FAMILY, ADDITIONAL_ADDRESS_FAMILY);
    check(&|r| r.attribute(requested, &[3, 0, 0, 0]), Answer::Refused(440));
    check(&|r| r.attribute(requested, &[1]), Answer::Refused(400));
    check(&|r| r.attribute(additional, &[1, 0, 0, 0]), Answer::Refused(400));
    check(&|r| r.attribute(additional, &[]), Answer::Refused(400));
    let both =
        |r: Builder| r.attribute(requested, &[1, 0, 0, 0]).attribute(additional, &[2, 0, 0, 0]);
    check(&both, Answer::Refused(400));
}

#[test]
fn one_of_two_addresses_can_be_given_back() {
    let (mut world, client) = met(BOTH);
    granted(&mut world, &client);
    let refresh = |world: &mut World, seconds, family: u8| {
        let request = request::refresh(world.transaction(), seconds)
            .attribute(REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0]);
        client.ask(world, request)
    };
    assert_eq!(refresh(&mut world, 600, 2), Answer::Granted);
    assert_eq!(refresh(&mut world, 0, 2), Answer::Granted);
    assert_eq!((world.open.len(), world.server.allocations()), (1, 1));
    assert_eq!(refresh(&mut world, 600, 2), Answer::Refused(443));
    assert_eq!(refresh(&mut world, 600, 3), Answer::Refused(443));
    assert_eq!(refresh(&mut world, 0, 1), Answer::Granted);
    assert_eq!((world.open.len(), world.server.allocations()), (0, 0));
}
