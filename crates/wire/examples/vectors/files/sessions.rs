//! Descriptions, candidates and the hello transcript (protocol §§4, 5).

use serde_json::{Value, json};
use tincan_wire::sdp::{check_candidate, fingerprint};
use tincan_wire::{Fingerprint, HelloTranscript, Role, SdpError, base64url};

use super::signals::{sdp as description, session};
use super::{hex, refused, user};

pub(super) fn sdp() -> Value {
    let fp = Fingerprint([0xab; 32]);
    let text = description(fp);
    let line = format!("a=fingerprint:{fp}\r\n");
    let media_level = text.replace(&line, "") + &line;
    let valid: Value = [text.clone(), text.replace("\r\n", "\n"), media_level]
        .iter()
        .map(|sdp| json!({ "sdp": sdp, "fp": fingerprint(sdp).expect("a fingerprint") }))
        .collect();
    let wrong = vec![
        String::new(),
        text.replacen("v=0", "v=1", 1),
        format!("{text}{line}"),
        format!("{text}{}", line.replace("fingerprint", "FingerPrint")),
        format!("{text}a=fingerprint:sha-1 AB:CD\r\n"),
        text.replace("sha-256", "sha-512"),
        text.replace(&line, ""),
        format!("{text}a=x\r{line}"),
        format!("{text}\r\n"),
        format!("{text}a=x:{}\r\n", "y".repeat(8192)),
    ];
    json!({
        "valid": valid,
        "invalid": refused("sdp", wrong, fingerprint, SdpError::reason),
        "candidates": candidates(),
    })
}

fn candidates() -> Value {
    let valid = [
        "",
        "candidate:1 1 UDP 2130706431 192.0.2.1 50000 typ host",
        "candidate:842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx raddr 10.0.0.1 rport 4",
        "candidate:1 1 udp 1 f1a2b3c4.local 9 typ host generation 0 ufrag abcd",
        "a=candidate:1 1 tcp 1 2001:db8::1 9 typ host tcptype active",
    ];
    assert!(valid.iter().all(|candidate| check_candidate(candidate).is_ok()));
    let wrong = [
        "host",
        "candidate:",
        "candidate:1 0 udp 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp -1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 192.0.2.1 9 typ",
        "candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=x",
    ];
    let wrong = wrong.map(str::to_owned);
    json!({
        "valid": valid,
        "invalid": refused("candidate", wrong, check_candidate, SdpError::reason),
    })
}

pub(super) fn hello() -> Value {
    let (offerer_fp, answerer_fp) = (Fingerprint([0xab; 32]), Fingerprint([0xcd; 32]));
    let (offer, answer) = (description(offerer_fp), description(answerer_fp));
    let (offerer, answerer) = (user(1), user(2));
    let transcript = HelloTranscript {
        sid: session().sid,
        offerer: offerer.user_id(),
        answerer: answerer.user_id(),
        offerer_fp,
        answerer_fp,
        offer: HelloTranscript::hash_sdp(&offer),
        answer: HelloTranscript::hash_sdp(&answer),
    };
    let side = |own: &tincan_wire::Identity, role| {
        json!({
            "seed": hex(own.seed()),
            "signed_bytes": hex(&transcript.signed_bytes(role)),
            "sig": base64url::encode(&transcript.sign(own, role)),
        })
    };
    json!({
        "sid": transcript.sid,
        "offer_sdp": offer,
        "answer_sdp": answer,
        "offerer_fp": offerer_fp,
        "answerer_fp": answerer_fp,
        "offerer": side(&offerer, Role::Offerer),
        "answerer": side(&answerer, Role::Answerer),
    })
}
