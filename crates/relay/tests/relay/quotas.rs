//! How many allocations there are for each, and for all.

use tincan_relay::request::Wanted;
use tincan_relay::{Client, Config, Credential, Family, Rate, Secret};

use crate::world::{Answer, BEGIN, SECRET, World, at, config, credential, udp};

const V4: Wanted = Wanted::One(Family::V4);

fn try_one(world: &mut World, client: Client, credential: &Credential) -> Answer {
    world.meet(client, credential).allocate(world, V4)
}

#[test]
fn a_user_has_so_many_whatever_the_names_expiry() {
    let mut world = World::new(Config { allocations_per_credential: 2, ..config() });
    let (alice, bob) = (credential("alice"), credential("bob"));
    let renewed = Credential::issue(&Secret::new(SECRET), BEGIN + 7_200, "alice");
    assert_eq!(try_one(&mut world, udp(1), &alice), Answer::Granted);
    assert_eq!(try_one(&mut world, udp(2), &renewed), Answer::Granted);
    assert_eq!(try_one(&mut world, udp(3), &alice), Answer::Refused(486));
    assert_eq!(try_one(&mut world, udp(4), &renewed), Answer::Refused(486));
    assert_eq!(try_one(&mut world, udp(5), &bob), Answer::Granted);
    let first = world.meet(udp(1), &alice);
    assert_eq!(first.refresh(&mut world, 0), Answer::Granted);
    assert_eq!(try_one(&mut world, udp(3), &alice), Answer::Granted);
}

#[test]
fn an_address_has_so_many_and_an_ipv6_customer_is_one_address() {
    let mut world = World::new(Config { allocations_per_address: 2, ..config() });
    let from = |address: &str| Client { remote: at(address), ..udp(1) };
    let mut check = |user: &str, address: &str, expected| {
        assert_eq!(try_one(&mut world, from(address), &credential(user)), expected, "{address}");
    };
    check("a", "192.0.2.1:1", Answer::Granted);
    check("b", "192.0.2.1:2", Answer::Granted);
    check("c", "192.0.2.1:3", Answer::Refused(486));
    check("c", "192.0.2.2:3", Answer::Granted);
    check("a", "[2001:db8:1:2::1]:1", Answer::Granted);
    check("b", "[2001:db8:1:2::2]:1", Answer::Granted);
    check("c", "[2001:db8:1:2:3::]:1", Answer::Refused(486));
    check("c", "[2001:db8:1:3::]:1", Answer::Granted);
}

#[test]
fn an_end_makes_room_at_its_address() {
    let mut world = World::new(Config { allocations_per_address: 1, ..config() });
    let alice = world.allocated(1, "alice");
    assert_eq!(try_one(&mut world, udp(2), &credential("bob")), Answer::Refused(486));
    assert_eq!(alice.refresh(&mut world, 0), Answer::Granted);
    assert_eq!(try_one(&mut world, udp(2), &credential("bob")), Answer::Granted);
}

#[test]
fn an_address_that_is_full_costs_a_user_nothing() {
    let quotas = Config { allocations_per_address: 1, allocations_per_credential: 2, ..config() };
    let mut world = World::new(quotas);
    let alice = credential("alice");
    assert_eq!(try_one(&mut world, udp(1), &alice), Answer::Granted);
    for port in 2..10 {
        assert_eq!(try_one(&mut world, udp(port), &alice), Answer::Refused(486));
    }
    let elsewhere = Client { remote: at("192.0.2.2:1"), ..udp(1) };
    assert_eq!(try_one(&mut world, elsewhere, &alice), Answer::Granted);
}

#[test]
fn there_are_so_many_in_all_and_expiry_makes_room() {
    let mut world = World::new(Config { allocations: 3, ..config() });
    for port in 1..=5 {
        let expected = if port <= 3 { Answer::Granted } else { Answer::Refused(508) };
        assert_eq!(try_one(&mut world, udp(port), &credential("alice")), expected);
    }
    assert_eq!((world.server.allocations(), world.open.len()), (3, 3));
    world.wait(600);
    assert_eq!(try_one(&mut world, udp(9), &credential("alice")), Answer::Granted);
    assert!(world.last_relay().slot() < 3);
}

#[test]
fn a_failed_allocation_counts_for_nothing() {
    let mut world = World::new(Config { allocations_per_credential: 1, ..config() });
    world.can_open = [false; 2];
    for port in 1..10 {
        assert_eq!(try_one(&mut world, udp(port), &credential("alice")), Answer::Refused(508));
    }
    world.can_open = [true; 2];
    assert_eq!(try_one(&mut world, udp(20), &credential("alice")), Answer::Granted);
}

#[test]
fn thousands_of_allocations_come_and_go_and_nothing_stays() {
    let quotas =
        Config { allocations_per_address: u32::MAX, stranger_answers: Rate::UNLIMITED, ..config() };
    let mut world = World::new(quotas);
    for port in 0..3_000 {
        let user = format!("user{}", port % 100);
        assert_eq!(try_one(&mut world, udp(port), &credential(&user)), Answer::Granted);
    }
    assert_eq!((world.server.allocations(), world.open.len()), (3_000, 3_000));
    world.wait(600);
    assert_eq!((world.server.allocations(), world.open.len()), (0, 0));
}
