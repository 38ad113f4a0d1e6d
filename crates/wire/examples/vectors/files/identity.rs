//! User ids, display names, topics and safety numbers (protocol §§1, 2).

use bech32::{Bech32, Bech32m, Hrp};
use serde_json::{Value, json};
use tincan_wire::{
    DisplayName, Leaf, SafetyNumber, Topic, TopicError, UserId, UserIdError, own_filter,
};

use super::{forge, hex, refused, user};

pub(super) fn user_ids() -> Value {
    let valid: Value = (1..=8)
        .map(|number| {
            let identity = user(number);
            let id = identity.user_id();
            json!({
                "seed": hex(identity.seed()),
                "key": hex(id.as_bytes()),
                "id": id.to_string(),
                "short": id.short(),
            })
        })
        .collect();
    let invalid = refused("id", wrong_ids(), str::parse::<UserId>, UserIdError::reason);
    json!({ "valid": valid, "invalid": invalid })
}

fn wrong_ids() -> Vec<String> {
    let id = user(1).user_id();
    let text = id.to_string();
    let mut identity_point = [0; 32];
    identity_point[0] = 1;
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    let mut not_canonical = [0xff; 32];
    not_canonical[0] = 0xf0;
    not_canonical[31] = 0x7f;
    vec![
        text.to_uppercase(),
        text.replacen('t', "T", 1),
        text[..61].to_owned(),
        format!("{text}q"),
        text.replacen("tin1", "tim1", 1),
        format!("{}i", &text[..61]),
        format!("{}é", &text[..60]),
        swap_last(&text),
        encode::<Bech32>(id.as_bytes()),
        forge::stray_padding(&id),
        encode::<Bech32m>(&identity_point),
        encode::<Bech32m>(&[0; 32]),
        encode::<Bech32m>(&off_curve),
        encode::<Bech32m>(&not_canonical),
        String::new(),
    ]
}

fn swap_last(text: &str) -> String {
    let other = if text.ends_with('q') { 'p' } else { 'q' };
    format!("{}{other}", &text[..61])
}

fn encode<Ck: bech32::Checksum>(bytes: &[u8]) -> String {
    let prefix = Hrp::parse("tin").expect("a prefix");
    bech32::encode_lower::<Ck>(prefix, bytes).expect("encodes")
}

pub(super) fn display_names() -> Value {
    [
        "Ann".to_owned(),
        "  Ann\t\n".to_owned(),
        "Zoe\u{308}".to_owned(),
        "\u{202e}nnA\u{202c}".to_owned(),
        "A\u{0}n\u{7f}n\u{2028}".to_owned(),
        "👩‍👩‍👧 李明 עדי".to_owned(),
        "é".repeat(40),
        format!("{}é", "a".repeat(63)),
        " \n ".to_owned(),
    ]
    .into_iter()
    .map(|text| json!({ "text": text, "name": DisplayName::clean(&text).as_str() }))
    .collect()
}

pub(super) fn safety_numbers() -> Value {
    [(1, 2), (2, 1), (1, 3), (7, 8)]
        .into_iter()
        .map(|(one, other)| {
            let (one, other) = (user(one).user_id(), user(other).user_id());
            let number = SafetyNumber::new(&one, &other);
            json!({
                "one": one,
                "other": other,
                "digits": number.digits(),
                "shown": number.to_string(),
            })
        })
        .collect()
}

pub(super) fn topics() -> Value {
    let user = user(1).user_id();
    let valid: Value = Leaf::ALL
        .into_iter()
        .map(|leaf| {
            json!({
                "topic": Topic { user, leaf }.to_string(),
                "user": user,
                "leaf": leaf,
                "qos": leaf.qos(),
                "expiry_secs": leaf.expiry_secs(),
            })
        })
        .collect();
    let wrong = [
        format!("user/{user}/mail"),
        format!("user/{user}/Offer"),
        format!("user/{user}/offer/"),
        format!("user/{user}"),
        format!("/user/{user}/offer"),
        format!("User/{user}/offer"),
        "user/bob/offer".to_owned(),
        "user/+/offer".to_owned(),
        String::new(),
    ];
    let invalid = refused("topic", wrong, str::parse::<Topic>, TopicError::reason);
    json!({ "filter": own_filter(&user), "valid": valid, "invalid": invalid })
}
