//! Whatever comes in, in whatever order: the engine neither panics nor grows without bound.

use proptest::prelude::*;
use tincan_engine::store::{OutboxPage, TransactionId};
use tincan_engine::{BrokerInput, Command, Input, PeerInput, StoreFailure, Target, Unreadable};
use tincan_wire::{
    Body, Candidate, ChatStatus, Description, DisplayName, Fingerprint, PrekeySecret, SessionId,
    SessionRef,
};

use crate::world::{Forge, World, identity, millis, sdp, secs};

/// One thing that somebody outside does.
#[derive(Clone, Debug)]
enum Act {
    Frame(String),
    Bytes(Vec<u8>),
    Signal(u8, u8, u8),
    Shell(u8, u32),
    Command(u8, u8),
    Wait(u32),
    Loss(u8),
}

/// JSON that looks like a frame.
fn frame() -> impl Strategy<Value = String> {
    let log = prop_oneof![Just("log0000a"), Just("log0000b"), Just("theirlog"), Just("00000000")];
    let number = prop_oneof![0..5_u64, any::<u64>(), Just(1 << 53), Just((1 << 53) - (1 << 32))];
    let numbers = proptest::collection::vec(number.clone(), 0..5);
    (0..11_u8, log, number, numbers, ".{0,20}").prop_map(|(kind, lg, n, list, text)| {
        let ranges: Vec<_> =
            list.chunks(2).map(|c| format!("[{},{}]", c[0], c[c.len() - 1])).collect();
        let ranges = ranges.join(",");
        let sel = list.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let sid = "07".repeat(16);
        match kind {
            0 => format!(r#"{{"type":"ack","lg":"{lg}","to":{n},"sel":[{sel}]}}"#),
            1 => format!(r#"{{"type":"sync","have":{{"{lg}":[{ranges}]}},"sent":{{"{lg}":{n}}}}}"#),
            2 => format!(r#"{{"type":"gone","lg":"{lg}","s":[{ranges}]}}"#),
            3 => format!(r#"{{"type":"read","lg":"{lg}","to":{n}}}"#),
            4 => format!(r#"{{"type":"typing","on":{}}}"#, n.is_multiple_of(2)),
            5 => format!(
                r#"{{"type":"bye","why":"{}"}}"#,
                ["idle", "pool", "shutdown", "x"][n as usize % 4]
            ),
            6 => {
                let b =
                    format!(r#"{{"t":"iceCandidate","sid":"{sid}","gen":{n},"c":[],"eoc":true}}"#);
                format!(r#"{{"type":"signal","b":{b}}}"#)
            }
            7 => {
                format!(r#"{{"type":"hello","v":1,"sid":"{sid}","sig":"AA","caps":[],"max":{n}}}"#)
            }
            8 => format!(r#"{{"type":{text:?},"lg":"{lg}"}}"#),
            9 => text,
            _ => format!("M{n},{lg},{text}"),
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => frame().prop_map(Act::Frame),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Act::Bytes),
        4 => any::<(u8, u8, u8)>().prop_map(|(a, b, c)| Act::Signal(a, b, c)),
        4 => any::<(u8, u32)>().prop_map(|(a, b)| Act::Shell(a, b)),
        4 => any::<(u8, u8)>().prop_map(|(a, b)| Act::Command(a, b)),
        3 => (0..40_000_u32).prop_map(Act::Wait),
        1 => any::<u8>().prop_map(Act::Loss),
    ]
}

/// A frame made of `M…` becomes a message of the contact.
fn message_frame(world: &World, text: &str) -> String {
    let mut parts = text[1..].splitn(3, ',');
    let s: u64 = parts.next().unwrap_or("1").parse().unwrap_or(1);
    let (lg, content) = (parts.next().unwrap_or("theirlog"), parts.next().unwrap_or(""));
    let (from, to) = (world.nodes[1].id, world.nodes[0].id);
    let id = tincan_wire::MessageId::new(s % 7, [(s % 3) as u8; 10]);
    let h = s / 2;
    format!(
        r#"{{"id":"{id}","from":"{from}","to":"{to}","content":{content:?},"timestamp":5,"type":"text","x":{{"lg":"{lg}","s":{s},"h":{h}}}}}"#
    )
}

fn signal(world: &mut World, what: u8, sid: u8, generation: u8) -> Body {
    let live = world.sid(0, 1).filter(|_| sid.is_multiple_of(2));
    let session = SessionRef {
        sid: live.unwrap_or(SessionId([sid; 16])),
        generation: u32::from(generation % 4),
    };
    let fp = Fingerprint([sid; 32]);
    let pk = PrekeySecret::generate(&mut world.rng).public();
    let description =
        Description { sdp: sdp(generation.into(), fp), fp, caps: vec![], pk: Some(pk) };
    let candidate = Candidate {
        candidate: "candidate:1 1 udp 1 192.0.2.1 1 typ host".into(),
        sdp_mid: None,
        sdp_mline_index: None,
    };
    let name = DisplayName::clean("x");
    match what % 8 {
        0 | 1 => Body::Offer { session, description },
        2 => Body::Answer { session, description },
        3 => Body::IceCandidate { session, candidates: vec![candidate; 32], eoc: true },
        4 => Body::ContactResponse { accepted: sid.is_multiple_of(2), name, pk: None },
        5 => Body::ChatPresence { status: ChatStatus::Opened },
        6 => Body::ContactRequest { name, proof: None, stamp: None, pk },
        _ => Body::Heartbeat { n: sid.into(), re: false },
    }
}

fn shell(world: &mut World, what: u8, number: u32) -> Input {
    let sid = world.sid(0, 1).unwrap_or(SessionId([7; 16]));
    let fingerprint = Fingerprint([what; 32]);
    let sdp = sdp(number.into(), fingerprint);
    let contact = world.nodes[1].id;
    let peer = |input| Input::Peer { sid, input };
    match what % 18 {
        0 => peer(PeerInput::OfferReady { sdp, fingerprint }),
        1 => peer(PeerInput::AnswerReady { sdp, fingerprint }),
        2 => peer(PeerInput::CandidatesDone),
        3 => peer(PeerInput::Opened),
        4 => peer(PeerInput::Buffered(number as usize)),
        5 => peer(PeerInput::Disconnected),
        6 => peer(PeerInput::Reconnected),
        7 => peer(PeerInput::Failed { reason: "x".into() }),
        8 => peer(PeerInput::Closed),
        9 => Input::Broker(BrokerInput::Connected),
        10 => Input::Broker(BrokerInput::Closed { reason: "x".into() }),
        11 => Input::Broker(BrokerInput::Refused {
            credentials: number.is_multiple_of(2),
            reason: "x".into(),
        }),
        12 => Input::NetworkChanged,
        15 => Input::Broker(BrokerInput::Unreadable(Unreadable::Packet)),
        13 => Input::Stored {
            id: TransactionId(number.into()),
            result: Err(StoreFailure("x".into())),
        },
        14 => {
            let (after, upto) = (u64::from(number % 5), u64::from(number));
            let page = OutboxPage { contact, after, messages: vec![], upto };
            Input::Outbox { contact, result: Ok(page) }
        }
        16 => peer(PeerInput::OtherCertificate),
        _ => Input::Challenge { id: 1, aud: "x".into(), nonce: "y".into() },
    }
}

fn command(world: &World, what: u8, number: u8) -> Command {
    let contact = world.nodes[1].id;
    let stranger = identity(usize::from(number) + 100).user_id();
    let on = number.is_multiple_of(2);
    let id = tincan_wire::MessageId::new(number.into(), [number; 10]);
    match what % 16 {
        0 => Command::Connect,
        1 if number.is_multiple_of(4) => Command::Disconnect,
        1 | 2 => Command::OpenChat { contact, screen: number.into() },
        3 => Command::CloseChat { contact, screen: number.into() },
        4 => Command::CloseScreen { screen: number.into() },
        5 | 6 => Command::SendMessage { contact, content: "x".into(), reply: None },
        7 => Command::CancelMessage { contact, id },
        8 => Command::MarkRead { contact },
        9 => Command::Typing { contact, on },
        10 if number.is_multiple_of(8) => Command::BlockContact { contact },
        10 => Command::UnblockContact { contact },
        11 => Command::AddContact { target: Target::Id(contact), nickname: None },
        12 => Command::BlockContact { contact: stranger },
        13 if number.is_multiple_of(3) => Command::SetRelayOnly { contact, on: Some(on) },
        13 if number.is_multiple_of(5) => Command::SetDefaultRelayOnly { on },
        13 if on => Command::SetDefaultReadReceipts { on },
        13 => Command::SetReadReceipts { contact, on: Some(on) },
        14 => Command::CreateInvite { hub: None, brokers: vec![], uses: 1, ttl_secs: 60 },
        _ => Command::GetStatus,
    }
}

fn perform(world: &mut World, forge: &mut Forge, act: Act) {
    let sid = world.sid(0, 1).unwrap_or(SessionId([7; 16]));
    match act {
        Act::Frame(text) if text.starts_with('M') => {
            let text = message_frame(world, &text);
            world.frame(0, sid, &text);
        }
        Act::Frame(text) => world.frame(0, sid, &text),
        Act::Bytes(bytes) => {
            world.handle(0, Input::Peer { sid, input: PeerInput::Frame(bytes) });
        }
        Act::Signal(what, sid, generation) => {
            let body = signal(world, what, sid, generation);
            forge.send(world, 0, body);
        }
        Act::Shell(what, number) => {
            let input = shell(world, what, number);
            world.handle(0, input);
        }
        Act::Command(what, number) => {
            let command = command(world, what, number);
            world.post(0, command);
        }
        Act::Wait(time) => world.run_for(millis(time.into())),
        Act::Loss(what) => match what % 6 {
            0 => world.path_down(),
            1 => world.path_back(what > 100),
            2 => world.nodes[0].disk_fails = !world.nodes[0].disk_fails,
            3 => world.restart(0),
            4 => world.cut_off(0),
            _ => world.broker_up(),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_inputs_in_any_order_are_survived(acts in proptest::collection::vec(act(), 1..60)) {
        let mut world = World::pair();
        world.connect(0, 1);
        let mut forge = Forge::by(1);
        for act in acts {
            perform(&mut world, &mut forge, act);
        }
        // And once it is over, the engine still answers.
        world.nodes[0].disk_fails = false;
        world.run_for(secs(100));
        prop_assert!(world.command(0, Command::GetStatus).is_ok());
    }
}

#[test]
fn acknowledgements_of_all_numbers_leave_the_outbox_as_it_was() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.path_down();
    for n in 0..3 {
        world.send(0, 1, &n.to_string());
    }
    let sid = world.sid(0, 1).unwrap();
    let log = world.nodes[0].disk.lg;
    for (to, sel) in [(4, "[]"), (0, "[4]"), (u64::MAX >> 11, "[]"), (1 << 60, "[]")] {
        world.frame(0, sid, &format!(r#"{{"type":"ack","lg":"{log}","to":{to},"sel":{sel}}}"#));
    }
    assert_eq!(world.view(0, 1).waiting, 3);
}

#[test]
fn more_logs_than_a_contact_can_have_are_dropped() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(0, 1).unwrap();
    for log in 0..40 {
        let text = message_frame(&world, &format!("M1,log{log:05},x"));
        world.frame(0, sid, &text);
        world.run_for(millis(10));
        let gone = format!(r#"{{"type":"gone","lg":"gon{log:05}","s":[[1,1]]}}"#);
        world.frame(0, sid, &gone);
    }
    assert_eq!(world.dropped(0, "too many logs"), 80 - 16);
}

#[test]
fn a_flood_of_offers_keeps_one_session() {
    let mut world = World::pair();
    world.run_for(secs(1));
    let mut forge = Forge::by(1);
    for sid in 0..200 {
        let body = signal(&mut world, 0, sid | 1, 0);
        forge.send(&mut world, 0, body);
        world.run_for(millis(2));
    }
    assert_eq!(world.nodes[0].connections.len(), 1);
}
