//! Frames of the chat channel (protocol §5).

use std::collections::BTreeMap;

use proptest::prelude::*;
use tincan_wire::json::JsonError;
use tincan_wire::message::MessageError;
use tincan_wire::{
    Body, Frame, FrameCodec, FrameError, Hello, Kind, MAX_FRAME_BYTES, Message, MessageId,
    Position, Ranges, SessionId, SignalError, encoded_len_of,
};

use crate::samples::{alice, any_body, any_log, any_message, bob, bodies, log, message};

/// Alice's end of the channel.
fn alices() -> FrameCodec {
    FrameCodec::new(alice().user_id(), bob().user_id())
}

/// Bob's end of the channel.
fn bobs() -> FrameCodec {
    FrameCodec::new(bob().user_id(), alice().user_id())
}

fn other_id() -> MessageId {
    MessageId::new(1_763_792_000_000, [1; 10])
}

fn hello() -> Hello {
    let caps = vec!["file".to_owned()];
    Hello { sid: SessionId([9; 16]), sig: [3; 64], caps, max: 65_536 }
}

fn ranges(list: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::new();
    list.iter().for_each(|(first, last)| ranges.insert_range(*first, *last));
    ranges
}

/// One frame of each type and kind.
fn frames() -> Vec<Frame> {
    let plain = Message { position: None, ..message("plain") };
    let reply = Message { kind: Kind::Text { reply: Some(other_id()) }, ..message("Yes") };
    let of = |kind| Message { kind, ..message("👍") };
    vec![
        Frame::Hello(hello()),
        Frame::Sync {
            have: BTreeMap::from([(log(), ranges(&[(1, 42), (44, 45)]))]),
            sent: BTreeMap::from([(log(), 118)]),
        },
        Frame::Message(message("Hello")),
        Frame::Message(plain.clone()),
        Frame::Message(reply.clone()),
        Frame::Message(of(Kind::Edit { target: other_id() })),
        Frame::Message(of(Kind::Delete { target: other_id() })),
        Frame::Message(of(Kind::React { target: other_id() })),
        Frame::Batch(vec![reply, plain]),
        Frame::Ack { lg: log(), to: 42, sel: vec![44, 45] },
        Frame::Ack { lg: log(), to: 0, sel: Vec::new() },
        Frame::Read { lg: log(), to: 42 },
        Frame::Typing { on: true },
        Frame::Ping,
        Frame::Pong,
        Frame::Gone { lg: log(), s: ranges(&[(43, 43), (50, 60)]) },
        Frame::Signal(bodies().swap_remove(2)),
        Frame::Bye { why: "idle".to_owned() },
    ]
}

fn decode(json: &str) -> Result<Frame, FrameError> {
    bobs().decode(json.as_bytes())
}

fn hello_message() -> String {
    alices().encode(&Frame::Message(message("Hello"))).expect("encodes")
}

#[test]
fn every_frame_round_trips() {
    for frame in frames() {
        let text = alices().encode(&frame).expect("encodes");
        assert_eq!(decode(&text), Ok(frame), "{text}");
    }
}

#[test]
fn the_wire_forms_stay_as_they_are() {
    let forms: Vec<String> =
        frames().iter().map(|frame| alices().encode(frame).expect("encodes")).collect();
    insta::assert_snapshot!(forms.join("\n"));
}

#[test]
fn a_message_is_the_protocols_example() {
    let expected = format!(
        r#"{{"id":"{}","from":"{}","to":"{}","content":"Hello","timestamp":1763792787123,"type":"text","x":{{"lg":"k3m9x2ap","s":42,"h":1763792787123}}}}"#,
        message("").id,
        alice().user_id(),
        bob().user_id(),
    );
    assert_eq!(hello_message(), expected);
}

#[test]
fn content_is_escaped_as_browsers_do() {
    let content = "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}\u{2028}é👋";
    let text = alices().encode(&Frame::Message(message(content))).expect("encodes");
    let expected = "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\u{2028}é👋\"";
    assert!(text.contains(expected), "{text}");
    assert_eq!(decode(&text), Ok(Frame::Message(message(content))));
}

#[test]
fn messages_of_others_are_refused() {
    let (alice, bob) = (alice().user_id().to_string(), bob().user_id().to_string());
    let from = hello_message().replacen(&alice, &bob, 1);
    assert_eq!(decode(&from), Err(FrameError::WrongSender));
    let to = hello_message().replacen(&bob, &alice, 1);
    assert_eq!(decode(&to), Err(FrameError::WrongRecipient));
    let own = alices().decode(hello_message().as_bytes());
    assert_eq!(own, Err(FrameError::WrongSender));
    let batch = format!("{{\"type\":\"batch\",\"m\":[{},{from}]}}", hello_message());
    assert_eq!(decode(&batch), Err(FrameError::WrongSender));
}

#[test]
fn a_plain_message_of_the_seed_is_read() {
    let x = hello_message().find(",\"x\"").expect("a position");
    let plain = format!("{}}}", &hello_message()[..x]);
    let expected = Message { position: None, ..message("Hello") };
    assert_eq!(decode(&plain), Ok(Frame::Message(expected)));
}

#[test]
fn timestamps_in_seconds_are_read_as_such() {
    let at = |timestamp: &str| {
        let text = hello_message().replacen("1763792787123", timestamp, 1);
        match decode(&text) {
            Ok(Frame::Message(message)) => Ok(message.timestamp),
            Ok(_) => unreachable!("a text is a message"),
            Err(error) => Err(error),
        }
    };
    assert_eq!(at("1763792787"), Ok(1_763_792_787_000));
    assert_eq!(at("99999999999"), Ok(99_999_999_999_000));
    assert_eq!(at("100000000000"), Ok(100_000_000_000));
    assert_eq!(at("0"), Ok(0));
    assert_eq!(at("1.5"), Err(JsonError::BadField("timestamp").into()));
    assert_eq!(at("9007199254740993"), Err(JsonError::BadField("timestamp").into()));
}

#[test]
fn positions_are_whole_and_bounded() {
    let with = |x: &str| {
        let at = hello_message().find("{\"lg\"").expect("a position");
        decode(&format!("{}{x}}}", &hello_message()[..at]))
    };
    assert_eq!(with(r#"{"lg":"k3m9x2ap","s":0,"h":1}"#), Err(MessageError::BadPosition.into()));
    assert_eq!(with(r#"{"lg":"k3m9x2ap","s":1}"#), Err(JsonError::Missing("h").into()));
    assert_eq!(with(r#"{"s":1,"h":1}"#), Err(JsonError::Missing("lg").into()));
    assert_eq!(with(r#"{"lg":"K","s":1,"h":1}"#), Err(JsonError::BadField("lg").into()));
    assert_eq!(with(r#"[]"#), Err(JsonError::BadField("x").into()));
    assert!(with("{\"new\":1}").is_ok());
    let h = |h: u64| with(&format!("{{\"lg\":\"k3m9x2ap\",\"s\":1,\"h\":{h}}}"));
    assert!(h((1 << 53) - (1 << 32)).is_ok());
    assert_eq!(h((1 << 53) - (1 << 32) + 1), Err(MessageError::BadHybridTime.into()));
}

#[test]
fn kinds_that_refer_need_their_reference() {
    for kind in ["edit", "delete", "react"] {
        let text = hello_message().replace("\"text\"", &format!("\"{kind}\""));
        assert_eq!(decode(&text), Err(JsonError::Missing("ref").into()));
    }
}

#[test]
fn unknown_types_are_named_for_the_counter() {
    assert_eq!(decode(r#"{"type":"wave"}"#), Err(FrameError::UnknownType));
    assert_eq!(decode(r#"{"typ":"text"}"#), Err(JsonError::Missing("type").into()));
    assert_eq!(decode(r#"{"type":1}"#), Err(JsonError::BadField("type").into()));
}

#[test]
fn content_is_bounded_for_both_directions() {
    let longest = message(&"x".repeat(16 * 1024));
    let text = alices().encode(&Frame::Message(longest.clone())).expect("encodes");
    assert_eq!(decode(&text), Ok(Frame::Message(longest)));
    let longer = Frame::Message(message(&"x".repeat(16 * 1024 + 1)));
    assert_eq!(alices().encode(&longer), Err(MessageError::ContentTooLong.into()));
    let text = text.replace("xxx\"", "xxxx\"");
    assert_eq!(decode(&text), Err(MessageError::ContentTooLong.into()));
    let controls = Frame::Message(message(&"\u{1}".repeat(16 * 1024)));
    assert_eq!(alices().encode(&controls), Err(FrameError::TooLong));
}

#[test]
fn frames_are_bounded_for_both_directions() {
    let many = Frame::Batch(vec![message(&"x".repeat(16 * 1024)); 4]);
    assert_eq!(alices().encode(&many), Err(FrameError::TooLong));
    let padded = hello_message() + &" ".repeat(MAX_FRAME_BYTES);
    assert_eq!(decode(&padded), Err(FrameError::TooLong));
}

#[test]
fn lists_are_bounded_for_both_directions() {
    let acks = |count: u64| Frame::Ack { lg: log(), to: 1, sel: (3..3 + count).collect() };
    assert!(alices().encode(&acks(256)).is_ok());
    assert_eq!(alices().encode(&acks(257)), Err(FrameError::OutOfBounds("sel")));
    let gone = |count: u64| Frame::Gone { lg: log(), s: (1..=count).map(|at| at * 2).collect() };
    assert!(alices().encode(&gone(256)).is_ok());
    assert_eq!(alices().encode(&gone(257)), Err(FrameError::OutOfBounds("s")));
    let bye = |why: String| alices().encode(&Frame::Bye { why });
    assert!(bye("x".repeat(32)).is_ok());
    assert_eq!(bye("x".repeat(33)), Err(FrameError::OutOfBounds("why")));
    assert_eq!(bye("\n".to_owned()), Err(FrameError::OutOfBounds("why")));
    assert_eq!(alices().encode(&Frame::Batch(vec![])), Err(FrameError::OutOfBounds("m")));
    assert_eq!(decode(r#"{"type":"batch","m":[]}"#), Err(FrameError::OutOfBounds("m")));
    assert_eq!(decode(r#"{"type":"batch","m":[1]}"#), Err(JsonError::BadField("m").into()));
    let long_bye = format!("{{\"type\":\"bye\",\"why\":\"{}\"}}", "x".repeat(33));
    assert_eq!(decode(&long_bye), Err(FrameError::OutOfBounds("why")));
}

#[test]
fn a_sync_of_many_ranges_claims_less() {
    let have: Ranges = (1..=300).map(|at| at * 2).collect();
    let frame = |have| Frame::Sync { have: BTreeMap::from([(log(), have)]), sent: BTreeMap::new() };
    let text = alices().encode(&frame(have.clone())).expect("encodes");
    assert_eq!(decode(&text), Ok(frame(have.lowest_ranges(256))));
}

#[test]
fn only_session_signals_travel_in_frames() {
    for body in bodies() {
        let session = body.session().is_some();
        let encoded = alices().encode(&Frame::Signal(body.clone()));
        let decoded = decode(&format!("{{\"type\":\"signal\",\"b\":{}}}", body.to_json()));
        if session {
            assert!(encoded.is_ok());
            assert_eq!(decoded, Ok(Frame::Signal(body)));
        } else {
            assert_eq!(encoded, Err(SignalError::NotForChannel.into()));
            assert_eq!(decoded, Err(SignalError::NotForChannel.into()));
        }
    }
}

#[test]
fn a_hello_of_another_version_is_named() {
    let text = alices().encode(&Frame::Hello(hello())).expect("encodes");
    assert_eq!(decode(&text.replace("\"v\":1", "\"v\":2")), Err(FrameError::WrongVersion(2)));
}

#[test]
fn duplicate_keys_in_frames_are_refused() {
    let text = hello_message().replacen("\"s\":42", "\"s\":42,\"s\":43", 1);
    assert_eq!(decode(&text), Err(JsonError::DuplicateKey.into()));
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let position = || 0..=1_u64 << 53;
    let set = || {
        proptest::collection::vec((1_u64..1 << 40, 0_u64..100), 0..20)
            .prop_map(|list| ranges(&list.iter().map(|(at, n)| (*at, at + n)).collect::<Vec<_>>()))
    };
    prop_oneof![
        any_message().prop_map(Frame::Message),
        proptest::collection::vec(any_message(), 1..8).prop_map(Frame::Batch),
        (any_log(), position(), proptest::collection::vec(position(), 0..=256))
            .prop_map(|(lg, to, sel)| Frame::Ack { lg, to, sel }),
        (any_log(), position()).prop_map(|(lg, to)| Frame::Read { lg, to }),
        any::<bool>().prop_map(|on| Frame::Typing { on }),
        Just(Frame::Ping),
        Just(Frame::Pong),
        (any_log(), set()).prop_map(|(lg, s)| Frame::Gone { lg, s }),
        "[ -~]{0,32}".prop_map(|why| Frame::Bye { why }),
        (
            proptest::collection::btree_map(any_log(), set(), 0..5),
            proptest::collection::btree_map(any_log(), position(), 0..5)
        )
            .prop_map(|(have, sent)| Frame::Sync { have, sent }),
        any_body()
            .prop_filter("session traffic", |body| body.session().is_some())
            .prop_map(Frame::Signal),
        (any::<[u8; 16]>(), any::<[u8; 32]>(), any::<u32>()).prop_map(|(sid, half, max)| {
            let mut sig = [0; 64];
            sig[..32].copy_from_slice(&half);
            Frame::Hello(Hello { sid: SessionId(sid), sig, caps: Vec::new(), max })
        }),
    ]
}

proptest! {
    #[test]
    fn round_trips(frame in any_frame()) {
        match alices().encode(&frame) {
            Ok(text) => prop_assert_eq!(decode(&text), Ok(frame)),
            Err(error) => prop_assert_eq!(error, FrameError::TooLong),
        }
    }

    #[test]
    fn the_estimate_is_an_upper_bound(message in any_message()) {
        let text = alices().encode(&Frame::Message(message.clone())).expect("encodes");
        let estimate = encoded_len_of(&message.content);
        prop_assert!((text.len()..=text.len() + 250).contains(&estimate), "{}", estimate);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(bobs().decode(&bytes).is_err());
    }

    #[test]
    fn damaged_frames_never_panic(frame in any_frame(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let Ok(text) = alices().encode(&frame) else { return Ok(()) };
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(frame) = bobs().decode(&bytes) {
            let zero = matches!(frame, Frame::Message(Message { position: Some(Position { s: 0, .. }), .. }));
            prop_assert!(!zero);
        }
    }

    #[test]
    fn bodies_of_other_leaves_never_pass(body in any_body()) {
        let text = format!("{{\"type\":\"signal\",\"b\":{}}}", body.to_json());
        let passes = matches!(decode(&text), Ok(Frame::Signal(_)));
        prop_assert_eq!(passes, matches!(body, Body::Offer { .. } | Body::Answer { .. } | Body::IceCandidate { .. }));
    }
}
