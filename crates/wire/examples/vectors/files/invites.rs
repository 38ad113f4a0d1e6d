//! Invites, invite proofs and stamps (protocol §§1, 7).

use serde_json::{Value, json};
use tincan_wire::{DisplayName, Invite, InviteError, InviteProof, InviteToken, Stamp, base64url};

use super::{hex, refused, user};

fn samples() -> Vec<Invite> {
    let plain = Invite {
        hub: None,
        key: user(1).user_id(),
        token: InviteToken([6; 16]),
        expiry: 1_763_792_787_123,
        name: None,
        brokers: Vec::new(),
    };
    let named = Some(DisplayName::clean("Ann & Bo 👋"));
    let hub = |origin: &str| Some(origin.to_owned());
    vec![
        plain.clone(),
        Invite { hub: hub("http://127.0.0.1:8080"), ..plain.clone() },
        Invite { hub: hub("https://[2001:db8::1]:8443"), name: named.clone(), ..plain.clone() },
        Invite {
            hub: hub("https://tincan.example"),
            key: user(2).user_id(),
            token: InviteToken([0xff; 16]),
            expiry: u64::MAX,
            name: named,
            brokers: vec![
                "mqtts://broker.example:8883".to_owned(),
                "wss://broker.example/mqtt".to_owned(),
            ],
        },
    ]
}

pub(super) fn invites() -> Value {
    let valid: Value = samples()
        .into_iter()
        .map(|invite| {
            json!({
                "text": invite.to_string(),
                "hub": invite.hub,
                "key": invite.key,
                "token": hex(invite.token.as_bytes()),
                "expiry": invite.expiry,
                "name": invite.name,
                "brokers": invite.brokers,
            })
        })
        .collect();
    let invalid = refused("text", wrong(), str::parse::<Invite>, InviteError::reason);
    json!({ "valid": valid, "invalid": invalid })
}

fn wrong() -> Vec<String> {
    let text = samples().swap_remove(0).to_string();
    let payload = text.replacen("tincan:", "", 1);
    let mut newer = [0; 60];
    newer[0] = 2;
    let mut weak = [0; 57];
    weak[..2].copy_from_slice(&[1, 1]);
    let five_brokers = "&b=mqtt%3A%2F%2Fa.example".repeat(5);
    vec![
        String::new(),
        "hello".to_owned(),
        "https://tincan.example/".to_owned(),
        format!("ftp://tincan.example/#{payload}"),
        format!("https://user@tincan.example/#{payload}"),
        format!("https://tincan.example/path#{payload}"),
        format!("https://tincan.example:0/#{payload}"),
        text[..text.len() - 8].to_owned(),
        format!("{text}AAAA"),
        format!("{text}="),
        format!("{text}&n=%f"),
        format!("{text}&n=%ff"),
        format!("tincan:{}", base64url::encode(&newer)),
        format!("tincan:{}", base64url::encode(&[0; 57])),
        format!("tincan:{}", base64url::encode(&weak)),
        format!("{text}&b=http%3A%2F%2Fa.example"),
        format!("{text}&b=mqtt%3A%2F%2Fu%3Ap%40a.example"),
        format!("{text}{five_brokers}"),
        format!("{text}&z={}", "x".repeat(2048)),
    ]
}

pub(super) fn proofs() -> Value {
    [(1, 2, [6; 16]), (2, 1, [6; 16]), (3, 2, [0; 16])]
        .into_iter()
        .map(|(requester, owner, token)| {
            let (requester, owner) = (user(requester).user_id(), user(owner).user_id());
            let proof = InviteProof::new(&InviteToken(token), &requester, &owner);
            json!({
                "token": hex(&token),
                "requester": requester,
                "owner": owner,
                "proof": proof.to_string(),
            })
        })
        .collect()
}

pub(super) fn stamps() -> Value {
    let (one, other) = (user(1).user_id(), user(2).user_id());
    let (there, back) = (Stamp::find(&one, &other), Stamp::find(&other, &one));
    let case = |stamp: Stamp, requester, owner| {
        json!({
            "requester": requester,
            "owner": owner,
            "stamp": stamp.0,
            "valid": stamp.verify(&requester, &owner),
        })
    };
    json!([
        case(there, one, other),
        case(back, other, one),
        case(there, other, one),
        case(Stamp(there.0 + 1), one, other),
        case(Stamp(0), one, other),
    ])
}
