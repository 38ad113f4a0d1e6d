//! Signal bodies (protocol §4).

use serde_json::{Value, json};
use tincan_wire::{
    Body, Candidate, ChatStatus, Description, DeviceId, DisplayName, Fingerprint, InviteProof,
    InviteToken, PrekeyPublic, PrekeySecret, SessionId, SessionRef, Signal, SignalError, Stamp,
};

use super::{refused, rng, user};

pub(super) fn signals() -> Value {
    let valid: Value = bodies().into_iter().map(|body| signal(body).to_json()).collect();
    let parse = |text: &str| Signal::parse(text.as_bytes());
    let invalid = refused("json", wrong(), parse, SignalError::reason);
    json!({ "valid": valid, "invalid": invalid })
}

/// A signal from user 1 to user 2.
pub(super) fn signal(body: Body) -> Signal {
    Signal {
        from: user(1).user_id(),
        to: user(2).user_id(),
        dev: DeviceId([1, 2, 3, 4, 5, 6, 7, 8]),
        ep: 1_763_792_787_123,
        seq: 3,
        body,
    }
}

pub(super) fn session() -> SessionRef {
    SessionRef { sid: SessionId([9; 16]), generation: 1 }
}

fn prekey() -> PrekeyPublic {
    PrekeySecret::generate(&mut rng(1)).public()
}

/// A data-only description of a certificate.
pub(super) fn sdp(fingerprint: Fingerprint) -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:{fingerprint}\r\n\
         a=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
         c=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
    )
}

fn description() -> Description {
    let fp = Fingerprint([0xab; 32]);
    Description { sdp: sdp(fp), fp, caps: vec!["file".to_owned()], pk: Some(prekey()) }
}

/// A body of every leaf, with the optional fields there and not there.
pub(super) fn bodies() -> Vec<Body> {
    let candidate = Candidate {
        candidate: "candidate:1 1 UDP 2130706431 192.0.2.1 50000 typ host".to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
    };
    let bare = Candidate { sdp_mid: None, sdp_mline_index: None, ..candidate.clone() };
    let token = InviteToken([6; 16]);
    let proof = InviteProof::new(&token, &user(1).user_id(), &user(2).user_id());
    let stamp = Stamp::find(&user(1).user_id(), &user(2).user_id());
    let name = DisplayName::clean("Ann \"A\" 👋");
    let plain = Description { caps: Vec::new(), pk: None, ..description() };
    vec![
        Body::Offer { session: session(), description: description() },
        Body::Answer { session: session(), description: plain },
        Body::IceCandidate { session: session(), candidates: vec![candidate, bare], eoc: false },
        Body::IceCandidate { session: session(), candidates: Vec::new(), eoc: true },
        Body::ContactRequest { name: name.clone(), proof: Some(proof), stamp: None, pk: prekey() },
        Body::ContactRequest { name: name.clone(), proof: None, stamp: Some(stamp), pk: prekey() },
        Body::ContactResponse { accepted: true, name, pk: Some(prekey()) },
        Body::ContactResponse { accepted: false, name: DisplayName::default(), pk: None },
        Body::ChatPresence { status: ChatStatus::Opened },
        Body::ChatPresence { status: ChatStatus::Closed },
        Body::ChatPresence { status: ChatStatus::Left },
        Body::Heartbeat { n: 7, re: false },
        Body::Heartbeat { n: 1 << 53, re: true },
    ]
}

fn wrong() -> Vec<String> {
    let heartbeat = signal(Body::Heartbeat { n: 7, re: true }).to_json();
    let edit = |from: &str, to: &str| heartbeat.replacen(from, to, 1);
    let (own, peer) = (user(1).user_id().to_string(), user(2).user_id().to_string());
    let many = Body::IceCandidate {
        session: session(),
        candidates: vec![
            Candidate {
                candidate: String::new(),
                sdp_mid: None,
                sdp_mline_index: None
            };
            33
        ],
        eoc: false,
    };
    let prekey_text = prekey().id.to_string();
    vec![
        String::new(),
        "[]".to_owned(),
        heartbeat[..heartbeat.len() - 1].to_owned(),
        edit("\"v\":1", "\"v\":2"),
        edit("\"v\":1", "\"v\":1,\"v\":1"),
        edit("\"v\":1", "\"v\":1,\"\\u0076\":1"),
        edit("\"v\":1", "\"v\":1,\"x\":{\"a\":1,\"a\":2}"),
        edit("\"v\":1", "\"v\":1,\"x\":[[[[[[[[]]]]]]]]"),
        edit("\"heartbeat\"", "\"mail\""),
        edit("\"t\":", "\"tt\":"),
        edit(&own, "tin1"),
        edit(&peer, &own),
        edit("0102030405060708", "010203040506070G"),
        edit("\"seq\":3", "\"seq\":-3"),
        edit("\"seq\":3", "\"seq\":3.0"),
        edit("\"seq\":3", "\"seq\":9007199254740993"),
        edit("\"n\":7", "\"n\":\"7\""),
        edit("\"re\":true", "\"re\":1"),
        signal(many).to_json(),
        signal(bodies().swap_remove(6)).to_json().replace(&prekey_text, "00000000"),
        signal(bodies().swap_remove(8)).to_json().replace("opened", "away"),
        signal(bodies().swap_remove(0)).to_json().replace("sha-256 AB", "sha-1 AB"),
    ]
}
