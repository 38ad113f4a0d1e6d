//! Credentials, secrets and nonces.

use tincan_relay::message::Message;
use tincan_relay::message::attribute::{NONCE, REALM, USERNAME};
use tincan_relay::request::{self, Signature, Wanted};
use tincan_relay::{Credential, Family, Rate, Secret, Transport};

use crate::world::{
    Answer, BEGIN, PEER, SECRET, TestClient, World, client, config, credential, secrets, udp,
};

const V4: Wanted = Wanted::One(Family::V4);

fn try_credential(credential: &Credential) -> Answer {
    let mut world = World::new(config());
    world.meet(udp(1), credential).allocate(&mut world, V4)
}

#[test]
fn a_credential_of_the_secret_is_good() {
    assert_eq!(try_credential(&credential("alice")), Answer::Granted);
}

#[test]
fn other_passwords_and_names_are_refused() {
    let good = credential("alice");
    let forged = Credential { password: "guess".to_owned(), ..good.clone() };
    assert_eq!(try_credential(&forged), Answer::Refused(401));
    let renamed = Credential { username: format!("{}:mallory", BEGIN + 3_600), ..good };
    assert_eq!(try_credential(&renamed), Answer::Refused(401));
    let other = Credential::issue(&Secret::new("south"), BEGIN + 3_600, "alice");
    assert_eq!(try_credential(&other), Answer::Refused(401));
}

#[test]
fn an_expired_name_is_refused() {
    let check = |expiry, expected| {
        let credential = Credential::issue(&Secret::new(SECRET), expiry, "alice");
        assert_eq!(try_credential(&credential), expected, "{expiry}");
    };
    check(BEGIN + 1, Answer::Granted);
    check(BEGIN, Answer::Refused(401));
    check(0, Answer::Refused(401));
}

#[test]
fn both_secrets_are_good_until_the_older_one_goes() {
    let mut world = World::new(config());
    let old = credential("alice");
    let new = Credential::issue(&Secret::new("south"), BEGIN + 3_600, "alice");
    world.server.set_secrets(secrets("south", Some(SECRET)));
    for (port, credential) in [(1, &old), (2, &new)] {
        let client = world.meet(udp(port), credential);
        assert_eq!(client.allocate(&mut world, V4), Answer::Granted);
    }
    world.server.set_secrets(secrets("south", None));
    let late = world.meet(udp(3), &old);
    assert_eq!(late.allocate(&mut world, V4), Answer::Refused(401));
}

#[test]
fn an_allocation_lives_on_when_its_secret_is_gone_and_its_name_expired() {
    let mut world = World::new(config());
    let credential = Credential::issue(&Secret::new(SECRET), BEGIN + 300, "alice");
    let alice = world.meet(udp(1), &credential);
    assert_eq!(alice.allocate(&mut world, V4), Answer::Granted);
    world.server.set_secrets(secrets("south", None));
    world.wait(400);
    assert_eq!(alice.refresh(&mut world, 600), Answer::Granted);
    assert_eq!(alice.permit(&mut world, &[PEER]), Answer::Granted);
    assert_eq!(alice.refresh(&mut world, 0), Answer::Granted);
    assert_eq!(alice.allocate(&mut world, V4), Answer::Refused(401));
}

#[test]
fn an_old_nonce_is_stale_and_the_answer_has_a_new_one() {
    let mut world = World::new(config());
    let mut alice = world.allocated(1, "alice");
    assert_eq!(alice.refresh(&mut world, 3_600), Answer::Granted);
    world.wait(601);
    let request = request::refresh(world.transaction(), 600);
    let (answer, bytes) = alice.ask_signed(&mut world, &alice.signature.sign(request));
    assert_eq!(answer, Answer::Refused(438));
    let message = Message::parse(&bytes).unwrap();
    assert!(message.find(REALM).is_some());
    alice.signature.set_nonce(message.find(NONCE).unwrap());
    assert_eq!(alice.refresh(&mut world, 600), Answer::Granted);
}

#[test]
fn a_nonce_is_of_use_to_nobody_else() {
    let mut world = World::new(config());
    let alice = world.meet(udp(1), &credential("alice"));
    let thief = TestClient { client: udp(2), ..alice };
    assert_eq!(thief.allocate(&mut world, V4), Answer::Refused(438));
}

#[test]
fn a_wrong_password_with_a_stale_nonce_is_a_wrong_password() {
    let mut world = World::new(config());
    let forged = Credential { password: "guess".to_owned(), ..credential("alice") };
    let mut mallory = world.meet(udp(1), &forged);
    mallory.signature.set_nonce(b"made up");
    assert_eq!(mallory.allocate(&mut world, V4), Answer::Refused(401));
}

#[test]
fn a_request_without_its_parts_is_bad() {
    let mut world = World::new(config());
    let key = credential("alice").key("tincan");
    let check = |world: &mut World, kinds: &[u16], expected| {
        let mut request = request::allocate(world.transaction(), V4);
        for kind in kinds {
            request = request.attribute(*kind, b"tincan");
        }
        let answer = world.ask(&udp(1), &request.integrity(&key).finish()).unwrap();
        assert_eq!(Message::parse(&answer).unwrap().error().unwrap().0, expected);
    };
    check(&mut world, &[], 400);
    check(&mut world, &[USERNAME, REALM], 400);
    check(&mut world, &[USERNAME, NONCE], 400);
    check(&mut world, &[REALM, NONCE], 400);
    check(&mut world, &[USERNAME, REALM, NONCE], 401);
}

#[test]
fn another_realm_is_refused() {
    let mut world = World::new(config());
    let alice = world.meet(udp(1), &credential("alice"));
    let signature = Signature::new(&credential("alice"), "elsewhere", b"nonce");
    let other = TestClient { signature, ..alice };
    assert_eq!(other.allocate(&mut world, V4), Answer::Refused(401));

    // Nor is it enough to know the key of this one.
    let challenge = request::allocate(world.transaction(), V4).finish();
    let challenge = world.ask(&udp(1), &challenge).unwrap();
    let nonce = Message::parse(&challenge).unwrap().find(NONCE).unwrap();
    let check = |world: &mut World, realm: &[u8], expected| {
        let request = request::allocate(world.transaction(), V4)
            .attribute(USERNAME, credential("alice").username.as_bytes())
            .attribute(REALM, realm)
            .attribute(NONCE, nonce)
            .integrity(&credential("alice").key("tincan"));
        let answer = world.ask(&udp(1), &request.finish()).unwrap();
        assert_eq!(Message::parse(&answer).unwrap().error().map(|(code, _)| code), expected);
    };
    check(&mut world, b"elsewhere", Some(401));
    check(&mut world, b"tincan", None);
}

#[test]
fn another_user_cannot_use_an_allocation() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let bob = world.meet(udp(1), &credential("bob"));
    assert_eq!(bob.refresh(&mut world, 0), Answer::Refused(441));
    assert_eq!(bob.permit(&mut world, &[PEER]), Answer::Refused(441));
    assert_eq!(bob.bind(&mut world, 0x4000, PEER), Answer::Refused(441));
    assert_eq!(bob.allocate(&mut world, V4), Answer::Refused(437));
    assert_eq!(alice.refresh(&mut world, 600), Answer::Granted);
}

#[test]
fn the_name_of_an_allocations_user_is_not_enough() {
    let mut world = World::new(config());
    let alice = world.allocated(1, "alice");
    let forged = Credential { password: "guess".to_owned(), ..credential("alice") };
    let mallory = world.meet(udp(1), &forged);
    assert_eq!(mallory.refresh(&mut world, 0), Answer::Refused(401));
    assert_eq!(mallory.permit(&mut world, &[PEER]), Answer::Refused(401));
    assert_eq!(alice.refresh(&mut world, 600), Answer::Granted);
}

#[test]
fn another_user_who_repeats_a_request_gets_nothing_of_its_answer() {
    let mut world = World::new(config());
    let alice = world.meet(udp(1), &credential("alice"));
    let bob = world.meet(udp(1), &credential("bob"));
    let request = request::allocate(world.transaction(), V4);
    assert_eq!(alice.ask(&mut world, request.clone()), Answer::Granted);
    assert_eq!(bob.ask(&mut world, request), Answer::Refused(437));
}

#[test]
fn a_renewed_name_of_the_same_user_is_another_user_to_an_allocation() {
    let mut world = World::new(config());
    let _old = world.allocated(1, "alice");
    let renewed = Credential::issue(&Secret::new(SECRET), BEGIN + 7_200, "alice");
    let alice = world.meet(udp(1), &renewed);
    assert_eq!(alice.refresh(&mut world, 600), Answer::Refused(441));
}

#[test]
fn strangers_fill_no_memory_and_get_short_answers() {
    let mut config = config();
    config.stranger_answers = Rate::UNLIMITED;
    let mut world = World::new(config);
    let request = request::allocate(world.transaction(), V4).finish();
    for port in 0..10_000 {
        let answer = world.ask(&udp(port), &request).unwrap();
        // With the headers of IPv4 and UDP, 88 bytes for 56.
        assert!(answer.len() <= request.len() + 32, "{}", answer.len());
    }
    assert_eq!(world.server.allocations(), 0);
    assert_eq!(world.server.poll_timeout(), None);
}

#[test]
fn challenges_over_udp_are_limited_per_address() {
    let mut config = config();
    config.stranger_answers = Rate { per_second: 1, burst: 5 };
    let mut world = World::new(config);
    let request = request::allocate(world.transaction(), V4).finish();
    let answered = (0..100).filter(|port| world.ask(&udp(*port), &request).is_some()).count();
    assert_eq!(answered, 5);
    assert!(world.ask(&client(Transport::Tls, 1), &request).is_some());
}
