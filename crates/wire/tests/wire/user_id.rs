//! User ids (protocol §1).

use bech32::{Bech32, Bech32m, Hrp};
use proptest::prelude::*;
use tincan_wire::{UserId, UserIdError};

use crate::samples::{alice, any_user};

fn check(text: &str, expected: UserIdError) {
    assert_eq!(text.parse::<UserId>(), Err(expected), "{text}");
}

fn alice_text() -> String {
    alice().user_id().to_string()
}

fn encode<Ck: bech32::Checksum>(prefix: &str, bytes: &[u8]) -> String {
    bech32::encode_lower::<Ck>(Hrp::parse(prefix).expect("a prefix"), bytes).expect("encodes")
}

#[test]
fn has_62_lower_case_characters_and_the_prefix() {
    let text = alice_text();
    assert_eq!(text.len(), 62);
    assert!(text.starts_with("tin1"));
    assert_eq!(text, text.to_lowercase());
}

#[test]
fn debug_shows_only_the_short_form() {
    let id = alice().user_id();
    assert_eq!(format!("{id:?}"), id.short());
    assert_eq!(id.short().chars().count(), 13);
    assert!(!id.to_string().contains(&id.short()));
}

#[test]
fn orders_by_key_bytes() {
    let mut ids: Vec<UserId> =
        (0..20).map(|seed| tincan_wire::Identity::from_seed([seed; 32]).user_id()).collect();
    ids.sort();
    assert!(ids.windows(2).all(|pair| pair[0].as_bytes() < pair[1].as_bytes()));
}

#[test]
fn upper_and_mixed_case_are_refused() {
    check(&alice_text().to_uppercase(), UserIdError::UpperCase);
    check(&alice_text().replacen("tin1", "Tin1", 1), UserIdError::UpperCase);
}

#[test]
fn every_single_typing_error_is_noticed() {
    let text = alice_text();
    for at in 4..text.len() {
        let other = if &text[at..=at] == "q" { "p" } else { "q" };
        let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        check(&wrong, UserIdError::BadChecksum);
    }
}

#[test]
fn wrong_lengths_prefixes_and_characters_are_refused() {
    let text = alice_text();
    check(&text[..61], UserIdError::WrongLength(61));
    check(&format!("{text}q"), UserIdError::WrongLength(63));
    check("", UserIdError::WrongPrefix);
    check(&text.replacen("tin1", "tim1", 1), UserIdError::WrongPrefix);
    check(&text.replacen("tin1", "tin1b", 1)[..62], UserIdError::BadCharacter);
    check(&format!("{}é", &text[..60]), UserIdError::BadCharacter);
    check(&format!(" {text}"), UserIdError::WrongPrefix);
}

#[test]
fn the_older_checksum_is_named() {
    check(&encode::<Bech32>("tin", alice().user_id().as_bytes()), UserIdError::OldChecksum);
}

#[test]
fn stray_padding_bits_are_refused() {
    let text = crate::vectors::files::forge::stray_padding(&alice().user_id());
    check(&text, UserIdError::BadPadding);
}

#[test]
fn keys_off_the_curve_are_refused() {
    let mut bytes = [0; 32];
    bytes[0] = 2;
    assert_eq!(UserId::from_bytes(bytes), Err(UserIdError::NotAKey));
    check(&encode::<Bech32m>("tin", &bytes), UserIdError::NotAKey);
}

/// The encodings of y = p + i, which stand for y = i.
fn non_canonical(i: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + i;
    bytes[31] = 0x7f;
    bytes
}

#[test]
fn non_canonical_keys_are_refused() {
    let refused: Vec<UserIdError> =
        (0..19).filter_map(|i| UserId::from_bytes(non_canonical(i)).err()).collect();
    assert_eq!(refused.len(), 19);
    assert!(refused.contains(&UserIdError::NotCanonical));
}

#[test]
fn a_negative_zero_x_is_refused() {
    let mut minus_identity = [0; 32];
    minus_identity[0] = 1;
    minus_identity[31] = 0x80;
    assert!(UserId::from_bytes(minus_identity).is_err());
}

#[test]
fn small_order_keys_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let order_four = [0; 32];
    let mut order_two = [0xff; 32];
    order_two[0] = 0xec;
    order_two[31] = 0x7f;
    for bytes in [identity, order_two, order_four] {
        assert_eq!(UserId::from_bytes(bytes), Err(UserIdError::SmallOrder));
    }
}

#[test]
fn serde_form_is_the_text() {
    let id = alice().user_id();
    let json = serde_json::to_string(&id).expect("serialises");
    assert_eq!(json, format!("\"{id}\""));
    assert_eq!(serde_json::from_str::<UserId>(&json).expect("reads"), id);
    assert!(serde_json::from_str::<UserId>("\"tin1\"").is_err());
}

proptest! {
    #[test]
    fn round_trips(id in any_user()) {
        prop_assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
        prop_assert_eq!(UserId::from_bytes(*id.as_bytes()), Ok(id));
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        prop_assert!(text.parse::<UserId>().is_err());
    }

    #[test]
    fn what_parses_prints_the_same(bytes in any::<[u8; 32]>()) {
        let text = encode::<Bech32m>("tin", &bytes);
        if let Ok(id) = text.parse::<UserId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
