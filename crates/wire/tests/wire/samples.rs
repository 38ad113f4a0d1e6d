//! Values that many tests start from, and strategies that make more of them.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tincan_wire::{
    Body, Candidate, ChatStatus, Description, DeviceId, DisplayName, Fingerprint, Identity,
    InviteProof, Kind, LogId, Message, MessageId, Position, PrekeyId, PrekeyPublic, SessionId,
    SessionRef, Signal, Stamp, UserId,
};

pub(crate) fn alice() -> Identity {
    Identity::from_seed([1; 32])
}

pub(crate) fn bob() -> Identity {
    Identity::from_seed([2; 32])
}

pub(crate) fn carol() -> Identity {
    Identity::from_seed([3; 32])
}

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn fingerprint() -> Fingerprint {
    Fingerprint(std::array::from_fn(|index| u8::try_from(index).unwrap_or(0) * 7))
}

/// A data-only description with `fingerprint()` at session level.
pub(crate) fn sdp() -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         a=fingerprint:{}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
         c=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=sctp-port:5000\r\n",
        fingerprint()
    )
}

pub(crate) fn description() -> Description {
    let caps = vec!["file".to_owned()];
    Description { sdp: sdp(), fp: fingerprint(), caps, pk: Some(prekey()) }
}

pub(crate) fn session() -> SessionRef {
    SessionRef { sid: SessionId([9; 16]), generation: 0 }
}

pub(crate) fn prekey() -> PrekeyPublic {
    PrekeyPublic { id: PrekeyId([0xab, 0xcd, 0, 1]), key: [5; 32] }
}

pub(crate) fn candidate() -> Candidate {
    Candidate {
        candidate: "candidate:1 1 UDP 2130706431 192.0.2.1 50000 typ host".to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
    }
}

/// One body per leaf.
pub(crate) fn bodies() -> Vec<Body> {
    vec![
        Body::Offer { session: session(), description: description() },
        Body::Answer { session: session(), description: description() },
        Body::IceCandidate { session: session(), candidates: vec![candidate()], eoc: true },
        Body::ContactRequest {
            name: DisplayName::clean("Ann"),
            proof: Some(InviteProof([4; 32])),
            stamp: Some(Stamp(12_345)),
            pk: prekey(),
        },
        Body::ContactResponse {
            accepted: true,
            name: DisplayName::clean("Bo \"B\""),
            pk: Some(prekey()),
        },
        Body::ChatPresence { status: ChatStatus::Opened },
        Body::Heartbeat { n: 7, re: true },
    ]
}

pub(crate) fn signal(body: Body) -> Signal {
    Signal {
        from: alice().user_id(),
        to: bob().user_id(),
        dev: DeviceId([1, 2, 3, 4, 5, 6, 7, 8]),
        ep: 1_763_792_787_123,
        seq: 3,
        body,
    }
}

pub(crate) fn log() -> LogId {
    "k3m9x2ap".parse().expect("a log id")
}

pub(crate) fn message(content: &str) -> Message {
    Message {
        id: MessageId::new(1_763_792_787_123, [7; 10]),
        content: content.to_owned(),
        timestamp: 1_763_792_787_123,
        kind: Kind::Text { reply: None },
        position: Some(Position { lg: log(), s: 42, h: 1_763_792_787_123 }),
    }
}

pub(crate) fn any_user() -> impl Strategy<Value = UserId> {
    any::<[u8; 32]>().prop_map(|seed| Identity::from_seed(seed).user_id())
}

pub(crate) fn any_message_id() -> impl Strategy<Value = MessageId> {
    (any::<u64>(), any::<[u8; 10]>()).prop_map(|(ms, random)| MessageId::new(ms, random))
}

pub(crate) fn any_log() -> impl Strategy<Value = LogId> {
    any::<u64>().prop_map(|seed| LogId::random(&mut rng(seed)))
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        proptest::option::of(any_message_id()).prop_map(|reply| Kind::Text { reply }),
        any_message_id().prop_map(|target| Kind::Edit { target }),
        any_message_id().prop_map(|target| Kind::Delete { target }),
        any_message_id().prop_map(|target| Kind::React { target }),
    ]
}

fn any_position() -> impl Strategy<Value = Position> {
    (any_log(), 1..=1_u64 << 53, 0..=(1_u64 << 53) - (1 << 32)).prop_map(|(lg, s, h)| Position {
        lg,
        s,
        h,
    })
}

pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let time = 100_000_000_000..=1_u64 << 53;
    (any_message_id(), any::<String>(), time, any_kind(), proptest::option::of(any_position()))
        .prop_map(|(id, content, timestamp, kind, position)| Message {
            id,
            content,
            timestamp,
            kind,
            position,
        })
}

fn any_prekey() -> impl Strategy<Value = PrekeyPublic> {
    (any::<[u8; 4]>(), any::<[u8; 32]>()).prop_map(|(mut id, key)| {
        id[0] |= 1;
        PrekeyPublic { id: PrekeyId(id), key }
    })
}

fn any_session() -> impl Strategy<Value = SessionRef> {
    (any::<[u8; 16]>(), any::<u32>())
        .prop_map(|(sid, generation)| SessionRef { sid: SessionId(sid), generation })
}

fn any_description() -> impl Strategy<Value = Description> {
    let caps = proptest::collection::vec("[a-z0-9-]{1,32}", 0..=16);
    let prekey = proptest::option::of(any_prekey());
    (any::<String>(), any::<[u8; 32]>(), caps, prekey).prop_map(|(sdp, fp, caps, pk)| Description {
        sdp,
        fp: Fingerprint(fp),
        caps,
        pk,
    })
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let mid = proptest::option::of("[a-z0-9]{0,8}");
    ("[ -~]{0,100}", mid, any::<Option<u16>>()).prop_map(|(candidate, sdp_mid, sdp_mline_index)| {
        Candidate { candidate, sdp_mid, sdp_mline_index }
    })
}

pub(crate) fn any_body() -> impl Strategy<Value = Body> {
    let name = || any::<String>().prop_map(|text| DisplayName::clean(&text));
    let integer = || 0..=1_u64 << 53;
    prop_oneof![
        (any_session(), any_description())
            .prop_map(|(session, description)| Body::Offer { session, description }),
        (any_session(), any_description())
            .prop_map(|(session, description)| Body::Answer { session, description }),
        (any_session(), proptest::collection::vec(any_candidate(), 0..=32), any::<bool>())
            .prop_map(|(session, candidates, eoc)| Body::IceCandidate { session, candidates, eoc }),
        (name(), any::<Option<[u8; 32]>>(), proptest::option::of(integer()), any_prekey())
            .prop_map(|(name, proof, stamp, pk)| Body::ContactRequest {
                name,
                proof: proof.map(InviteProof),
                stamp: stamp.map(Stamp),
                pk,
            }),
        (any::<bool>(), name(), proptest::option::of(any_prekey()))
            .prop_map(|(accepted, name, pk)| Body::ContactResponse { accepted, name, pk }),
        prop_oneof![Just(ChatStatus::Opened), Just(ChatStatus::Closed), Just(ChatStatus::Left)]
            .prop_map(|status| Body::ChatPresence { status }),
        (integer(), any::<bool>()).prop_map(|(n, re)| Body::Heartbeat { n, re }),
    ]
}
