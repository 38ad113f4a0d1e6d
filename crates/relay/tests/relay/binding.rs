//! Binding requests, as the responder before this server answered them.

use proptest::prelude::*;
use tincan_relay::message::attribute::{
    REQUESTED_TRANSPORT, SOFTWARE, USERNAME, XOR_MAPPED_ADDRESS,
};
use tincan_relay::message::{Message, Transaction};
use tincan_relay::{Client, Dropped, Rate, Transport, request};

use crate::world::{World, at, client, config, udp};

const ID: Transaction = Transaction(*b"transaction!");

fn ask(from: &str, request: &[u8]) -> Option<Vec<u8>> {
    let client = Client { remote: at(from), ..udp(1) };
    World::new(config()).ask(&client, request)
}

#[test]
fn a_bare_request_gets_the_address_it_came_from() {
    let answer = ask("192.0.2.1:32853", &request::binding(ID).finish()).unwrap();
    // RFC 5769 §2.2: 192.0.2.1 port 32853 is a1 47 and e1 12 a6 43.
    let expected = [
        &[1, 1, 0, 12, 0x21, 0x12, 0xA4, 0x42][..],
        b"transaction!",
        &[0, 0x20, 0, 8, 0, 1],
        &[0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43],
    ]
    .concat();
    assert_eq!(answer, expected);
}

#[test]
fn ipv6_takes_44_bytes_and_a_mapped_address_is_told_as_ipv4() {
    let request = request::binding(ID).finish();
    assert_eq!(ask("[2001:db8::1]:1", &request).unwrap().len(), 44);
    assert_eq!(ask("[::ffff:192.0.2.1]:9", &request).unwrap().len(), 32);
}

#[test]
fn a_fingerprint_is_answered_with_one() {
    let request = request::binding(ID).attribute(SOFTWARE, b"test").fingerprint().finish();
    let answer = ask("192.0.2.1:1", &request).unwrap();
    assert_eq!(answer.len(), 40);
    let message = Message::parse(&answer).unwrap();
    assert!(message.has_fingerprint());
    assert_eq!(message.address(XOR_MAPPED_ADDRESS), Ok(Some(at("192.0.2.1:1"))));
}

#[test]
fn what_needs_understanding_is_not_answered() {
    for (kind, value) in [(USERNAME, &b"user"[..]), (3, &[0, 0, 0, 6]), (REQUESTED_TRANSPORT, &[])]
    {
        let request = request::binding(ID).attribute(kind, value).finish();
        assert_eq!(ask("192.0.2.1:1", &request), None);
    }
}

#[test]
fn answers_to_one_address_are_limited_but_not_on_streams() {
    let mut config = config();
    config.stranger_answers = Rate { per_second: 1, burst: 3 };
    let mut world = World::new(config);
    let request = request::binding(ID).finish();
    let answered = (1..=100).filter(|port| world.ask(&udp(*port), &request).is_some()).count();
    assert_eq!(answered, 3);
    assert_eq!(world.dropped(Dropped::AnswerRate), 97);
    world.wait(1);
    assert!(world.ask(&udp(1), &request).is_some());
    let stream = client(Transport::Tcp, 1);
    assert!((0..100).all(|_| world.ask(&stream, &request).is_some()));
}

proptest! {
    #[test]
    fn answers_are_hardly_longer_than_requests(
        head in prop::bool::ANY,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        v6 in prop::bool::ANY,
    ) {
        let mut message = bytes;
        if head {
            let length = u16::try_from(message.len()).unwrap().to_be_bytes();
            let cookie = [0x21, 0x12, 0xA4, 0x42];
            message.splice(0..0, [&[0, 1][..], &length, &cookie, &[7; 12]].concat());
        }
        let from = if v6 { "[2001:db8::1]:1" } else { "192.0.2.1:1" };
        if let Some(answer) = ask(from, &message) {
            prop_assert!(answer.len() <= message.len() + 24);
        }
    }

    #[test]
    fn optional_attributes_are_ignored(
        attributes in prop::collection::vec(
            (0x8000u16..0x8028, prop::collection::vec(any::<u8>(), 0..20)), 0..5),
    ) {
        let mut request = request::binding(ID);
        for (kind, value) in &attributes {
            request = request.attribute(*kind, value);
        }
        prop_assert!(ask("192.0.2.1:1", &request.finish()).is_some());
    }
}
