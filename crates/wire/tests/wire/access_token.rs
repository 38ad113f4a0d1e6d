//! Access tokens (protocol §9).

use proptest::prelude::*;
use tincan_wire::{AccessClaims, AccessToken, AccessTokenError, DeviceId, Identity, client_id};

use crate::samples::{alice, bob};

fn claims() -> AccessClaims {
    AccessClaims {
        sub: alice().user_id(),
        aud: "hub.example".to_owned(),
        cid: client_id(&DeviceId([1; 8])),
        iat: 1_763_792_787,
        exp: 1_763_792_787 + 300,
        nonce: "bm9uY2U".to_owned(),
    }
}

fn check(edit: impl FnOnce(&mut AccessClaims), expected: AccessTokenError) {
    let mut claims = claims();
    edit(&mut claims);
    let token = AccessToken::issue(&alice(), &claims);
    assert_eq!(AccessToken::verify(&token), Err(expected));
}

#[test]
fn a_token_gives_back_its_claims() {
    let token = AccessToken::issue(&alice(), &claims());
    assert!(token.starts_with("tin1p."));
    assert_eq!(AccessToken::verify(&token), Ok(claims()));
    assert_eq!(claims().cid, "tin0101010101010101");
}

#[test]
fn only_the_subject_may_sign() {
    let token = AccessToken::issue(&bob(), &claims());
    assert_eq!(AccessToken::verify(&token), Err(AccessTokenError::BadSignature));
}

#[test]
fn claims_of_another_token_do_not_fit() {
    let mine = AccessToken::issue(&alice(), &claims());
    let other = AccessToken::issue(&alice(), &AccessClaims { nonce: "x".to_owned(), ..claims() });
    let (head, _) = mine.rsplit_once('.').expect("two dots");
    let (_, signature) = other.rsplit_once('.').expect("two dots");
    let mixed = format!("{head}.{signature}");
    assert_eq!(AccessToken::verify(&mixed), Err(AccessTokenError::BadSignature));
}

#[test]
fn claims_are_bounded() {
    check(|claims| claims.exp += 1, AccessTokenError::BadLifeSpan);
    check(|claims| claims.exp = claims.iat - 1, AccessTokenError::BadLifeSpan);
    check(|claims| claims.cid = "mine".to_owned(), AccessTokenError::BadClientId);
    check(|claims| claims.cid = "tin0101".to_owned(), AccessTokenError::BadClientId);
    check(|claims| claims.aud.clear(), AccessTokenError::OutOfBounds("aud"));
    check(|claims| claims.aud = "x".repeat(257), AccessTokenError::OutOfBounds("aud"));
    check(|claims| claims.nonce = "x".repeat(257), AccessTokenError::OutOfBounds("nonce"));
    check(|claims| claims.nonce = "x".repeat(2048), AccessTokenError::TooLong);
}

#[test]
fn other_forms_are_refused() {
    let token = AccessToken::issue(&alice(), &claims());
    for text in [
        String::new(),
        "tin1p.".to_owned(),
        "tin1p..".to_owned(),
        token.replacen("tin1p", "tin2p", 1),
        format!("{token}="),
        format!("{token}.x"),
        token.replacen('.', "", 1),
    ] {
        assert!(AccessToken::verify(&text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn round_trips(seed in any::<[u8; 32]>(), aud in ".{1,60}", nonce in ".{0,60}", life in 0_u64..=300) {
        let own = Identity::from_seed(seed);
        let claims = AccessClaims {
            sub: own.user_id(),
            aud,
            nonce,
            exp: claims().iat + life,
            ..claims()
        };
        prop_assert_eq!(AccessToken::verify(&AccessToken::issue(&own, &claims)), Ok(claims));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(tin1p\\.)?[A-Za-z0-9_-]{0,50}\\.?[A-Za-z0-9_-]{0,90}|.*") {
        prop_assert!(AccessToken::verify(&text).is_err());
    }

    #[test]
    fn no_changed_character_verifies(at in any::<proptest::sample::Index>(), to in "[A-Za-z0-9_-]") {
        let token = AccessToken::issue(&alice(), &claims());
        let at = at.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        prop_assume!(changed != token);
        prop_assert!(AccessToken::verify(&changed).is_err());
    }
}
