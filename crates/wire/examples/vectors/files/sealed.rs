//! Sealed envelopes and the pair secrets behind their tags (protocol §3).

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde_json::{Value, json};
use tincan_wire::{
    Body, Envelope, Identity, Leaf, PairSecret, PrekeySecret, Signal, Topic, base64url, seal,
};
use x25519_dalek::x25519;

use super::{forge, hex, rng, signals, user};

pub(super) fn envelopes() -> Value {
    json!({ "valid": valid(), "invalid": invalid() })
}

/// Each leaf from user 1 to user 2: first as strangers, then as contacts.
fn valid() -> Value {
    let (sender, recipient) = (user(1), user(2));
    let secret = PairSecret::derive(&sender, &recipient.user_id());
    let prekey = PrekeySecret::generate(&mut rng(4));
    let mut cases = Vec::new();
    for body in signals::bodies() {
        let signal = signals::signal(body);
        cases.push(case(&sender, &recipient, None, None, &signal));
        cases.push(case(&sender, &recipient, Some(&prekey), Some(&secret), &signal));
    }
    cases.into()
}

fn case(
    sender: &Identity,
    recipient: &Identity,
    prekey: Option<&PrekeySecret>,
    tag: Option<&PairSecret>,
    signal: &Signal,
) -> Value {
    let topic = Topic { user: recipient.user_id(), leaf: signal.body.leaf() };
    let public = prekey.map(PrekeySecret::public);
    let bytes = seal(&mut rng(2), sender, &topic, public.as_ref(), tag, signal).expect("seals");
    json!({
        "sender_seed": hex(sender.seed()),
        "recipient_seed": hex(recipient.seed()),
        "prekey": prekey.map(|prekey| json!({
            "id": prekey.id(),
            "secret": hex(&prekey.to_bytes()[4..]),
            "public": hex(&prekey.public().key),
        })),
        "from_contact": tag.is_some(),
        "topic": topic,
        "envelope": String::from_utf8_lossy(&bytes),
        "body": signal.to_json(),
    })
}

/// Envelopes for user 2 that must not open.
fn invalid() -> Value {
    let topic = Topic { user: user(2).user_id(), leaf: Leaf::Heartbeat };
    let presence = Topic { leaf: Leaf::ChatPresence, ..topic };
    let third = Topic { user: user(3).user_id(), ..topic };
    let body = signals::signal(Body::Heartbeat { n: 7, re: true }).to_json();
    let honest = forge::plaintext(&user(1), &topic, &body);
    let mut stray = honest.clone();
    *stray.last_mut().expect("padded") = 1;
    let to_third = body.replace(&topic.user.to_string(), &third.user.to_string());
    let whole = forge::envelope(&topic, &honest);
    let prekey = PrekeySecret::generate(&mut rng(4)).public();
    let signal = Signal::parse(body.as_bytes()).expect("a signal");
    let to_prekey =
        seal(&mut rng(2), &user(1), &topic, Some(&prekey), None, &signal).expect("seals");
    let sealed = |plaintext: &[u8]| forge::envelope(&topic, plaintext);
    [
        ("no JSON", String::new()),
        ("another version", whole.replacen("\"v\":1", "\"v\":2", 1)),
        ("no tag", whole.replacen("\"g\"", "\"gg\"", 1)),
        ("a padded base64", whole.replacen("\"}", "=\"}", 1)),
        ("sealed for another topic", forge::envelope(&presence, &honest)),
        ("sealed to a third party", forge::envelope(&third, &honest)),
        ("sealed to a prekey that is gone", String::from_utf8_lossy(&to_prekey).into_owned()),
        ("signed by someone else", sealed(&forge::plaintext(&user(3), &topic, &body))),
        ("signed for another topic", sealed(&forge::plaintext(&user(1), &presence, &body))),
        ("signed for a third party", sealed(&forge::plaintext(&user(1), &third, &body))),
        ("to a third party", sealed(&forge::plaintext(&user(1), &topic, &to_third))),
        ("stray padding", sealed(&stray)),
        ("a block too much", sealed(&[honest.clone(), vec![0; 256]].concat())),
        ("too short", sealed(&honest[..65])),
        ("another leaf inside", {
            let body = signals::signal(signals::bodies().swap_remove(8)).to_json();
            sealed(&forge::plaintext(&user(1), &topic, &body))
        }),
    ]
    .into_iter()
    .map(|(about, envelope)| {
        json!({
            "about": about,
            "recipient_seed": hex(user(2).seed()),
            "topic": topic,
            "reason": reason(&topic, &envelope),
            "envelope": envelope,
        })
    })
    .collect()
}

fn reason(topic: &Topic, envelope: &str) -> &'static str {
    match Envelope::parse(envelope.as_bytes()) {
        Err(error) => error.reason(),
        Ok(envelope) => {
            envelope.open(topic, &user(2), None).expect_err("an invalid envelope").reason()
        }
    }
}

/// Pair secrets, computed from the definition, and the tag of one encapsulated key.
pub(super) fn pair_secrets() -> Value {
    let e = [7; 32];
    [(1, 2), (2, 1), (1, 3)]
        .into_iter()
        .map(|(own, peer)| {
            let (own, peer) = (user(own), user(peer).user_id());
            let peer_point = VerifyingKey::from_bytes(peer.as_bytes()).expect("a key");
            let scalar = SigningKey::from_bytes(own.seed()).to_scalar_bytes();
            let shared = x25519(scalar, peer_point.to_montgomery().to_bytes());
            let secret = blake3::derive_key("tincan/1/pair", &shared);
            let tag = blake3::keyed_hash(&secret, &e);
            json!({
                "own_seed": hex(own.seed()),
                "peer": peer,
                "x25519": hex(&shared),
                "secret": hex(&secret),
                "e": base64url::encode(&e),
                "g": base64url::encode(&tag.as_bytes()[..16]),
            })
        })
        .collect()
}
