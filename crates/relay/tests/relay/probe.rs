//! Answers from elsewhere (RFC 5780).

use proptest::prelude::*;
use tincan_relay::message::attribute::{
    CHANGE_REQUEST, REQUESTED_TRANSPORT, SOFTWARE, USERNAME, XOR_MAPPED_ADDRESS,
};
use tincan_relay::message::{Message, Transaction};
use tincan_relay::{AnswerFrom, Dropped, Rate, request, wants_change};

use crate::world::{World, at, config};

const ID: Transaction = Transaction(*b"transaction!");
const FROM: &str = "192.0.2.1:32853";

fn ask(request: &[u8]) -> Option<(AnswerFrom, Vec<u8>)> {
    let mut world = World::new(config());
    world.server.handle_probe(world.now, at(FROM), request)
}

fn with_change(bits: u32) -> Vec<u8> {
    request::binding(ID).number(CHANGE_REQUEST, bits).finish()
}

#[test]
fn an_answer_comes_from_where_it_was_asked_for() {
    let check = |bits, expected| {
        let (from, answer) = ask(&with_change(bits)).unwrap();
        assert_eq!(from, expected, "{bits}");
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.address(XOR_MAPPED_ADDRESS), Ok(Some(at(FROM))));
        assert_eq!(answer.transaction(), ID);
    };
    check(0, AnswerFrom::Here);
    check(2, AnswerFrom::OtherPort);
    check(4, AnswerFrom::OtherAddress);
    check(6, AnswerFrom::OtherAddress);
}

#[test]
fn only_who_asks_for_a_change_wants_one() {
    assert!(wants_change(&with_change(0)));
    assert!(wants_change(&with_change(6)));
    assert!(!wants_change(&request::binding(ID).finish()));
    assert!(!wants_change(&[0x40, 0, 0, 4, 1, 2, 3, 4]));
    assert!(!wants_change(b""));
}

#[test]
fn what_needs_understanding_is_not_answered() {
    for kind in [USERNAME, REQUESTED_TRANSPORT] {
        let request = request::binding(ID).number(CHANGE_REQUEST, 6).attribute(kind, b"four");
        assert_eq!(ask(&request.finish()), None);
    }
    assert_eq!(ask(&request::refresh(ID, 0).finish()), None);
    let short = request::binding(ID).attribute(CHANGE_REQUEST, &[6]).finish();
    assert_eq!(ask(&short), None);
}

#[test]
fn answers_from_elsewhere_count_against_the_same_rate() {
    let mut config = config();
    config.stranger_answers = Rate { per_second: 1, burst: 3 };
    let mut world = World::new(config);
    let mut ask = |bits| world.server.handle_probe(world.now, at(FROM), &with_change(bits));
    let answered = (0..100).filter(|n| ask(n % 8).is_some()).count();
    assert_eq!(answered, 3);
    assert_eq!(world.dropped(Dropped::AnswerRate), 97);
}

proptest! {
    #[test]
    fn answers_are_hardly_longer_than_requests(
        head in prop::bool::ANY,
        bits in any::<Option<u32>>(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        v6 in prop::bool::ANY,
    ) {
        let request = match (head, bits) {
            (false, _) => bytes,
            (true, None) => request::binding(ID).attribute(SOFTWARE, &bytes).finish(),
            (true, Some(bits)) => {
                request::binding(ID).number(CHANGE_REQUEST, bits).attribute(SOFTWARE, &bytes).finish()
            }
        };
        let from = at(if v6 { "[2001:db8::1]:1" } else { FROM });
        let mut world = World::new(config());
        if let Some((_, answer)) = world.server.handle_probe(world.now, from, &request) {
            prop_assert!(answer.len() <= request.len() + 24);
        }
        let _ = wants_change(&request);
    }
}
