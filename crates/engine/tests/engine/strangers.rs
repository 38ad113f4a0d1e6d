//! Who may ask: invites with their uses and their end, stamps, the bounds of the quiet inbox.

use tincan_engine::store::Request;
use tincan_engine::{Command, CommandError, Target};
use tincan_wire::{Body, DisplayName, InviteProof, InviteToken, PrekeySecret, Stamp};

use crate::world::{DAY, Forge, World, identity, secs};

fn world_of(count: u8) -> World {
    let mut world = World::new(count, 1);
    world.start_all();
    world.run_for(secs(1));
    world
}

/// A request of `from` to node 0.
fn request(world: &mut World, from: usize, stamped: bool, token: Option<InviteToken>) -> Body {
    let (requester, owner) = (identity(from).user_id(), world.nodes[0].id);
    Body::ContactRequest {
        name: DisplayName::clean("Stranger"),
        proof: token.map(|token| InviteProof::new(&token, &requester, &owner)),
        stamp: stamped.then(|| Stamp::find(&requester, &owner)),
        pk: PrekeySecret::generate(&mut world.rng).public(),
    }
}

fn ask(world: &mut World, from: usize, stamped: bool, token: Option<InviteToken>) {
    let body = request(world, from, stamped, token);
    let mut forge = Forge { tagged: false, ..Forge::by(from) };
    forge.send(world, 0, body);
    world.run_for(secs(1));
}

#[test]
fn an_invite_admits_as_many_as_it_says_and_no_more() {
    let mut world = world_of(4);
    let invite = world.invite_for(0, 2, 3_600);
    for node in 1..4 {
        world.add(node, Target::Invite(invite.clone())).unwrap();
        world.run_for(secs(1));
    }
    let admitted = [1, 2, 3].map(|node| world.are_friends(0, node));
    assert_eq!(admitted, [true, true, false]);
    assert!(world.requests(0).is_empty(), "no stamp, no place in the inbox");
}

#[test]
fn uses_are_counted_across_a_restart() {
    let mut world = world_of(3);
    let invite = world.invite_for(0, 1, 3_600);
    world.add(1, Target::Invite(invite.clone())).unwrap();
    world.run_for(secs(1));
    world.restart(0);
    world.run_for(secs(1));
    world.add(2, Target::Invite(invite)).unwrap();
    world.run_for(secs(1));
    assert!(world.are_friends(0, 1) && !world.are_friends(0, 2));
}

#[test]
fn who_repeats_a_request_uses_an_invite_once() {
    let mut world = world_of(3);
    let invite = world.invite_for(0, 2, 3_600);
    world.add(1, Target::Invite(invite.clone())).unwrap();
    world.run_for(secs(1));
    ask(&mut world, 1, false, Some(invite.token));
    world.add(2, Target::Invite(invite)).unwrap();
    world.run_for(secs(1));
    assert!(world.are_friends(0, 2));
}

#[test]
fn an_expired_invite_is_refused_where_it_is_typed() {
    let mut world = world_of(2);
    let invite = world.invite_for(0, 1, 60);
    world.run_for(secs(61));
    assert_eq!(world.add(1, Target::Invite(invite)), Err(CommandError::InviteExpired));
}

#[test]
fn an_expired_invite_admits_nobody_whose_clock_is_wrong() {
    let mut world = world_of(2);
    let mut invite = world.invite_for(0, 1, 60);
    world.run_for(secs(61));
    invite.expiry += 1_000_000;
    world.add(1, Target::Invite(invite)).unwrap();
    world.run_for(secs(1));
    assert!(!world.are_friends(0, 1));
}

#[test]
fn an_invite_outlives_a_restart_of_its_owner() {
    let mut world = world_of(2);
    let invite = world.invite(0);
    world.restart(0);
    world.run_for(secs(1));
    world.add(1, Target::Invite(invite)).unwrap();
    world.run_until_within(secs(1), "friends", |world| world.are_friends(0, 1));
}

#[test]
fn invites_have_bounds() {
    let mut world = world_of(1);
    for (uses, ttl_secs) in [(0, 3_600), (1_001, 3_600), (1, 59), (1, 366 * 24 * 3_600)] {
        let command = Command::CreateInvite { hub: None, brokers: vec![], uses, ttl_secs };
        let result = world.command(0, command);
        assert!(matches!(result, Err(CommandError::OutOfBounds { .. })), "{uses}, {ttl_secs}");
    }
    (0..64).for_each(|_| drop(world.invite(0)));
    let command = Command::CreateInvite { hub: None, brokers: vec![], uses: 1, ttl_secs: 60 };
    assert_eq!(world.command(0, command), Err(CommandError::TooManyInvites { limit: 64 }));
    world.run_for(secs(3_601));
    world.invite(0);
}

#[test]
fn a_request_without_a_stamp_is_dropped() {
    let mut world = world_of(1);
    ask(&mut world, 100, false, None);
    assert!(world.requests(0).is_empty());
    assert_eq!(world.dropped(0, "request without a stamp"), 1);
}

#[test]
fn a_stamp_for_someone_else_is_none() {
    let mut world = world_of(1);
    let mut body = request(&mut world, 100, false, None);
    if let Body::ContactRequest { stamp, .. } = &mut body {
        *stamp = Some(Stamp::find(&identity(100).user_id(), &identity(7).user_id()));
    }
    Forge { tagged: false, ..Forge::by(100) }.send(&mut world, 0, body);
    assert_eq!(world.dropped(0, "request without a stamp"), 1);
}

#[test]
fn a_proof_of_another_token_is_none() {
    let mut world = world_of(1);
    world.invite(0);
    ask(&mut world, 100, false, Some(InviteToken([9; 16])));
    assert_eq!(world.dropped(0, "request without a stamp"), 1);
}

#[test]
fn invites_only_admits_nobody_else() {
    let mut world = World::new(2, 1);
    world.nodes[0].config.admit_strangers = false;
    world.start_all();
    let invite = world.invite(0);
    ask(&mut world, 100, true, None);
    assert!(world.requests(0).is_empty());
    assert_eq!(world.dropped(0, "request without an invite"), 1);
    world.add(1, Target::Invite(invite)).unwrap();
    world.run_until_within(secs(1), "friends", |world| world.are_friends(0, 1));
}

#[test]
fn the_inbox_holds_fifty_and_the_rest_is_dropped() {
    let mut world = World::new(1, 1);
    for number in 200..249 {
        let from = identity(number).user_id();
        let pk = PrekeySecret::generate(&mut world.rng).public();
        let name = DisplayName::clean("Early");
        let request = Request { from, name, pk, at: world.now, declined: number % 2 == 0 };
        world.nodes[0].disk.requests.insert(from, request);
    }
    world.start_all();
    world.run_for(secs(1));
    for stranger in 100..103 {
        ask(&mut world, stranger, true, None);
    }
    assert_eq!(world.dropped(0, "request inbox full"), 2);
    assert_eq!(world.nodes[0].disk.requests.len(), 50, "those that were declined count, too");
}

#[test]
fn a_request_is_forgotten_after_seven_days() {
    let mut world = world_of(1);
    ask(&mut world, 100, true, None);
    world.run_for(DAY * 7 - secs(3_600));
    assert_eq!(world.requests(0).len(), 1);
    world.run_for(secs(2 * 3_600));
    assert!(world.requests(0).is_empty());
    world.restart(0);
    assert!(world.requests(0).is_empty());
}

#[test]
fn a_request_that_a_clock_ahead_by_a_year_has_noted_is_forgotten_seven_days_later() {
    let mut world = world_of(1);
    ask(&mut world, 100, true, None);
    world.crash(0);
    let ahead = world.now + 365 * DAY;
    for request in world.nodes[0].disk.requests.values_mut() {
        request.at = ahead;
    }
    world.start(0);
    world.run_for(secs(3_600));
    world.restart(0);
    world.run_for(DAY * 7 - secs(2 * 3_600));
    assert_eq!(world.requests(0).len(), 1);
    world.run_for(secs(3 * 3_600));
    assert!(world.requests(0).is_empty());
}

#[test]
fn a_flood_of_strangers_costs_a_bounded_number_of_openings() {
    let mut world = world_of(1);
    let body = request(&mut world, 100, false, None);
    let mut forge = Forge { tagged: false, ..Forge::by(100) };
    for _ in 0..200 {
        forge.send(&mut world, 0, body.clone());
    }
    assert_eq!(world.dropped(0, "request without a stamp"), 40);
    assert_eq!(world.dropped(0, "too many strangers"), 160);
}

#[test]
fn strangers_may_only_ask() {
    let mut world = world_of(1);
    let mut forge = Forge { tagged: false, ..Forge::by(100) };
    forge.send(&mut world, 0, Body::Heartbeat { n: 1, re: false });
    assert_eq!(world.dropped(0, "stranger"), 1);
    assert!(world.status(0).contacts.is_empty());
}

#[test]
fn who_is_admitted_by_an_invite_that_was_used_up_meanwhile_needs_a_stamp() {
    let mut world = world_of(1);
    let invite = world.invite(0);
    for stranger in [100, 101] {
        let body = request(&mut world, stranger, false, Some(invite.token));
        Forge { tagged: false, ..Forge::by(stranger) }.send(&mut world, 0, body);
    }
    world.run_for(secs(1));
    assert_eq!(world.status(0).contacts.len(), 1);
    assert!(world.requests(0).is_empty());
}
