//! Device, session, log, message and prekey ids, and fingerprints.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;
use tincan_wire::{DeviceId, Fingerprint, LogId, MessageId, PrekeyId, SessionId};

use crate::samples::{any_message_id, rng};

fn check<T: FromStr<Err: Debug> + Display + Debug>(text: &str) {
    assert_eq!(text.parse::<T>().expect(text).to_string(), text);
}

fn refuse<T: FromStr + Debug>(text: &str) {
    assert!(text.parse::<T>().is_err(), "{text}");
}

#[test]
fn hex_ids_are_lower_case_and_exact() {
    check::<DeviceId>("0123456789abcdef");
    check::<SessionId>("0123456789abcdef0123456789abcdef");
    check::<PrekeyId>("0123abcd");
    for text in ["", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg"]
    {
        refuse::<DeviceId>(text);
    }
    refuse::<SessionId>("0123456789abcdef");
    refuse::<PrekeyId>("0123ABCD");
    assert_eq!(PrekeyId::IDENTITY.to_string(), "00000000");
}

#[test]
fn log_ids_are_eight_small_characters() {
    check::<LogId>("k3m9x2ap");
    for text in ["", "k3m9x2a", "k3m9x2apq", "K3m9x2ap", "k3m9-2ap", "k3m9x2é"] {
        refuse::<LogId>(text);
    }
}

#[test]
fn random_log_ids_use_the_whole_alphabet() {
    let mut rng = rng(1);
    let seen: std::collections::BTreeSet<char> = (0..200)
        .flat_map(|_| LogId::random(&mut rng).as_str().chars().collect::<Vec<_>>())
        .collect();
    assert_eq!(seen.len(), 36);
}

#[test]
fn message_ids_are_uuids_of_version_7() {
    // RFC 9562, appendix A.6.
    check::<MessageId>("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    let id: MessageId = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse().expect("the RFC's example");
    assert_eq!(id.timestamp_ms(), 0x017f_22e2_79b0);
    for text in [
        "",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-18c4-dc0c0c07398f",
        "017f22e2-79b07-cc3-98c4-dc0c0c07398f",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
    ] {
        refuse::<MessageId>(text);
    }
    assert!(MessageId::from_bytes([0; 16]).is_err());
}

#[test]
fn message_ids_sort_by_time() {
    let at = |ms| MessageId::new(ms, [0xff; 10]);
    assert!(at(1) < at(2) && at(255) < at(256));
    assert!(at(1).to_string() < at(2).to_string());
}

#[test]
fn fingerprints_print_upper_case_and_read_any() {
    let digits = "AB:".repeat(31) + "0F";
    check::<Fingerprint>(&format!("sha-256 {digits}"));
    let mixed: Fingerprint =
        format!("SHA-256 {}", digits.to_lowercase()).parse().expect("case does not matter");
    assert_eq!(mixed.as_bytes()[31], 15);
    for text in [
        format!("sha-1 {digits}"),
        format!("sha-256  {digits}"),
        format!("sha-256 {}", &digits[..92]),
        format!("sha-256 {digits}:AB"),
        format!("sha-256 {}", digits.replace(':', "-")),
        format!("sha-256 +{}", &digits[1..]),
        "sha-256".to_owned(),
        String::new(),
    ] {
        refuse::<Fingerprint>(&text);
    }
}

#[test]
fn serde_forms_are_texts() {
    let json = serde_json::to_string(&LogId::random(&mut rng(1))).expect("serialises");
    assert_eq!(json.len(), 10);
    assert!(serde_json::from_str::<LogId>(&json).is_ok());
    assert!(serde_json::from_str::<MessageId>("\"017f22e2\"").is_err());
    assert!(serde_json::from_str::<DeviceId>("1").is_err());
}

proptest! {
    #[test]
    fn message_ids_round_trip(id in any_message_id()) {
        prop_assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
        prop_assert_eq!(MessageId::from_bytes(*id.as_bytes()), Ok(id));
    }

    #[test]
    fn hex_ids_round_trip(device in any::<[u8; 8]>(), session in any::<[u8; 16]>()) {
        prop_assert_eq!(DeviceId(device).to_string().parse(), Ok(DeviceId(device)));
        prop_assert_eq!(SessionId(session).to_string().parse(), Ok(SessionId(session)));
    }

    #[test]
    fn fingerprints_round_trip(bytes in any::<[u8; 32]>()) {
        prop_assert_eq!(Fingerprint(bytes).to_string().parse(), Ok(Fingerprint(bytes)));
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = (text.parse::<DeviceId>(), text.parse::<SessionId>(), text.parse::<PrekeyId>());
        let _ = (text.parse::<MessageId>(), text.parse::<Fingerprint>(), text.parse::<LogId>());
    }

    /// Texts that are nearly right reach deeper than arbitrary ones.
    #[test]
    fn what_parses_prints_the_same(text in "[0-9a-f-]{36}|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}") {
        if let Ok(id) = text.parse::<MessageId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
