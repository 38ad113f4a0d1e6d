//! Invites (protocol §1).

use proptest::prelude::*;
use tincan_wire::{DisplayName, Invite, InviteError, InviteToken};

use crate::samples::{alice, any_user};

fn invite() -> Invite {
    Invite {
        hub: Some("https://tincan.example".to_owned()),
        key: alice().user_id(),
        token: InviteToken([6; 16]),
        expiry: 1_763_792_787_123,
        name: Some(DisplayName::clean("Ann & Bo 👋")),
        brokers: vec!["mqtts://broker.example:8883".to_owned(), "wss://b.example/mqtt".to_owned()],
    }
}

fn check(text: &str, expected: InviteError) {
    assert_eq!(text.parse::<Invite>(), Err(expected), "{text}");
}

/// The sample invite without a hub, edited.
fn edited(edit: impl FnOnce(&mut Invite)) -> String {
    let mut invite = Invite { hub: None, name: None, brokers: Vec::new(), ..invite() };
    edit(&mut invite);
    invite.to_string()
}

#[test]
fn round_trips_with_a_hub() {
    let text = invite().to_string();
    assert!(text.starts_with("https://tincan.example/#A"), "{text}");
    assert!(text.is_ascii());
    assert_eq!(text.parse(), Ok(invite()));
}

#[test]
fn round_trips_without_a_hub() {
    let invite = Invite { hub: None, ..invite() };
    let text = invite.to_string();
    assert!(text.starts_with("tincan:A"), "{text}");
    assert_eq!(text.parse(), Ok(invite));
}

#[test]
fn pasted_white_space_and_a_missing_slash_do_not_matter() {
    let text = invite().to_string();
    assert_eq!(format!("  {text}\r\n").parse(), Ok(invite()));
    assert_eq!(text.replacen("/#", "#", 1).parse(), Ok(invite()));
    assert_eq!(text.replacen("https://tincan", "HTTPS://Tincan", 1).parse(), Ok(invite()));
}

#[test]
fn unknown_parameters_are_ignored() {
    assert_eq!(format!("{}&z=1&y&=", invite()).parse(), Ok(invite()));
}

#[test]
fn origins_of_this_machine_are_legal() {
    for hub in
        ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1", "https://a-b.example:65535"]
    {
        let invite = Invite { hub: Some(hub.to_owned()), ..invite() };
        assert_eq!(invite.to_string().parse(), Ok(invite));
    }
}

#[test]
fn wrong_origins_are_named() {
    for hub in [
        "ftp://a.example",
        "https://",
        "https://user@a.example",
        "https://a.example/path",
        "https://a.example?q",
        "https://a.example:",
        "https://a.example:0",
        "https://a.example:080",
        "https://a.example:65536",
        "https://[::1",
        "https://[1.2.3.4]",
        "https://a b",
        "https://é.example",
    ] {
        let payload = edited(|_| ()).replacen("tincan:", "", 1);
        check(&format!("{hub}/#{payload}"), InviteError::BadOrigin);
    }
}

#[test]
fn things_that_are_no_invite_are_named() {
    for text in ["", "hello", "https://tincan.example/", "tin1abc", "#AQ", "mailto:a#b"] {
        check(text, InviteError::NotAnInvite);
    }
}

#[test]
fn damage_is_named() {
    let text = edited(|_| ());
    check("tincan:", InviteError::WrongLength);
    check(&text[..text.len() - 8], InviteError::WrongLength);
    check(&format!("{text}AAAA"), InviteError::WrongLength);
    check(&format!("{}!", &text[..text.len() - 1]), InviteError::BadEncoding);
    check(&format!("{text}&n=%4"), InviteError::BadEncoding);
    check(&format!("{text}&n=%zz"), InviteError::BadEncoding);
    check(&format!("{text}&n=%ff"), InviteError::BadEncoding);
}

#[test]
fn newer_versions_are_named() {
    let with_version = |version: u8| {
        let mut payload = [0; 57];
        payload[0] = version;
        format!("tincan:{}", tincan_wire::base64url::encode(&payload))
    };
    check(&with_version(2), InviteError::NewerVersion(2));
    check(&format!("{}AAAA", with_version(9)), InviteError::NewerVersion(9));
    check(&with_version(0), InviteError::BadEncoding);
}

#[test]
fn a_key_of_small_order_is_refused() {
    let mut payload = [0; 57];
    payload[0] = 1;
    payload[1] = 1;
    let text = format!("tincan:{}", tincan_wire::base64url::encode(&payload));
    check(&text, InviteError::BadKey(tincan_wire::UserIdError::SmallOrder));
}

#[test]
fn brokers_are_checked() {
    for broker in [
        "http://a.example",
        "mqtt://",
        "mqtt:/a",
        "mqtt://user:pass@a.example",
        "mqtt://a.example:99999",
        "ws://a.example/a b",
        "ws://a.example/?q=1",
        "",
    ] {
        check(&edited(|invite| invite.brokers = vec![broker.to_owned()]), InviteError::BadBroker);
    }
    let long = format!("ws://a.example/{}", "x".repeat(300));
    check(&edited(|invite| invite.brokers = vec![long]), InviteError::BadBroker);
    let five = vec!["mqtt://a.example".to_owned(); 5];
    check(&edited(|invite| invite.brokers = five), InviteError::TooManyBrokers);
}

#[test]
fn too_long_a_text_is_refused() {
    check(&format!("{}&z={}", invite(), "x".repeat(2048)), InviteError::TooLong);
    let long = format!("ws://a.example/{}", "%".repeat(200));
    let invite = Invite { brokers: vec![long; 4], ..invite() };
    assert_eq!(invite.check(), Err(InviteError::TooLong));
}

#[test]
fn every_error_says_what_to_do() {
    for error in [
        InviteError::NotAnInvite,
        InviteError::BadOrigin,
        InviteError::BadEncoding,
        InviteError::WrongLength,
        InviteError::NewerVersion(2),
        InviteError::BadBroker,
        InviteError::TooManyBrokers,
        InviteError::TooLong,
    ] {
        assert!(error.to_string().len() > 20, "{error}");
        assert!(error.reason().starts_with("invite_"));
    }
}

proptest! {
    #[test]
    fn round_trips(
        key in any_user(),
        token in any::<[u8; 16]>(),
        expiry in any::<u64>(),
        name in any::<String>(),
        broker in "(mqtt|mqtts|ws|wss)://[a-z0-9]{1,20}(:[1-9][0-9]{3})?(/[!-~&&[^?#]]{0,20})?",
        hub in proptest::option::of("https?://[a-z0-9.-]{1,20}(:[1-9][0-9]{3})?"),
    ) {
        let name = Some(DisplayName::clean(&name)).filter(|name| !name.is_empty());
        let brokers = vec![broker];
        let invite = Invite { hub, key, token: InviteToken(token), expiry, name, brokers };
        prop_assert_eq!(invite.to_string().parse(), Ok(invite));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(tincan:|https://a/#)?[A-Za-z0-9_&=%-]{0,90}|.*") {
        if let Ok(invite) = text.parse::<Invite>() {
            prop_assert_eq!(invite.to_string().parse(), Ok(invite));
        }
    }
}
