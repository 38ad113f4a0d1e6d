use tincan_wire::{AccessClaims, Identity};

use super::*;

const CLIENT: &str = "tin0011223344556677";

fn access() -> Access {
    Access::new("hub".into(), [7; 32])
}

fn identity(n: u8) -> Identity {
    Identity::from_seed([n; 32])
}

/// Claims that are right at `now_ms`, by a clock that is not the hub's.
fn claims(access: &Access, now_ms: u64) -> AccessClaims {
    AccessClaims {
        sub: identity(1).user_id(),
        aud: "hub".into(),
        cid: CLIENT.into(),
        iat: 5,
        exp: 305,
        nonce: access.challenge(now_ms, [3; 8]),
    }
}

fn admit(access: &Access, now_ms: u64, claims: &AccessClaims) -> Result<UserId, AccessError> {
    let token = AccessToken::issue(&identity(1), claims);
    let username = identity(1).user_id().to_string();
    let (client_id, username) = (CLIENT, Some(username.as_str()));
    access.admit(now_ms, Claimed { client_id, username, password: Some(token.as_bytes()) })
}

fn check(change: impl FnOnce(&mut AccessClaims), expected: Result<(), &str>) {
    let access = access();
    let mut claims = claims(&access, 1_000);
    change(&mut claims);
    let got = admit(&access, 2_000, &claims).map(drop).map_err(AccessError::reason);
    assert_eq!(got, expected);
}

#[test]
fn a_good_token_names_its_user() {
    let access = access();
    assert_eq!(admit(&access, 2_000, &claims(&access, 1_000)), Ok(identity(1).user_id()));
}

#[test]
fn a_clients_clock_does_not_matter() {
    check(|claims| (claims.iat, claims.exp) = (0, 300), Ok(()));
    check(|claims| (claims.iat, claims.exp) = (1 << 52, (1 << 52) + 300), Ok(()));
}

#[test]
fn wrong_claims_are_refused() {
    check(|claims| claims.aud = "other".into(), Err("access_audience"));
    check(|claims| claims.cid = "tin0011223344556678".into(), Err("access_other_client_id"));
    check(|claims| claims.cid = "tin".into(), Err("access_client_id"));
    check(|claims| claims.exp = 306, Err("access_life_span"));
    check(|claims| claims.nonce = String::new(), Err("access_nonce"));
    check(|claims| claims.sub = identity(2).user_id(), Err("access_signature"));
}

#[test]
fn a_token_lives_as_long_as_it_says_from_its_nonce() {
    let access = access();
    let mut claims = claims(&access, 1_000);
    assert!(admit(&access, 300_999, &claims).is_ok());
    assert_eq!(admit(&access, 301_000, &claims), Err(AccessError::Nonce(NonceError::Expired)));
    claims.exp = claims.iat + 10;
    assert!(admit(&access, 10_999, &claims).is_ok());
    assert_eq!(admit(&access, 11_000, &claims), Err(AccessError::Nonce(NonceError::Expired)));
}

#[test]
fn a_nonce_of_the_future_or_another_hub_is_refused() {
    let access = access();
    assert_eq!(
        admit(&access, 500, &claims(&access, 1_000)),
        Err(AccessError::Nonce(NonceError::Expired))
    );
    let other = Access::new("hub".into(), [8; 32]);
    let claims = claims(&other, 1_000);
    assert_eq!(admit(&access, 2_000, &claims), Err(AccessError::Nonce(NonceError::Forged)));
}

#[test]
fn every_bit_of_a_nonce_counts() {
    let nonces = Nonces::new([9; 32]);
    let nonce = nonces.issue(77, [1; 8]);
    assert_eq!(nonces.verify(77, &nonce), Ok(77));
    let bytes = tincan_wire::base64url::decode(&nonce).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut forged = bytes.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let forged = tincan_wire::base64url::encode(&forged);
        assert_eq!(nonces.verify(77, &forged), Err(NonceError::Forged), "bit {bit}");
    }
}

#[test]
fn connect_must_match_the_token() {
    let access = access();
    let token = AccessToken::issue(&identity(1), &claims(&access, 1_000));
    let (me, other) = (identity(1).user_id().to_string(), identity(2).user_id().to_string());
    let check = |client_id, username: Option<&str>, password: Option<&[u8]>, expected| {
        let got = access.admit(2_000, Claimed { client_id, username, password });
        assert_eq!(got.map_err(AccessError::reason).map(drop), expected);
    };
    let password = Some(token.as_bytes());
    check(CLIENT, Some(&me), password, Ok(()));
    check(CLIENT, Some(&other), password, Err("access_other_user"));
    check(CLIENT, None, password, Err("access_other_user"));
    check(CLIENT, Some(&me), None, Err("access_no_token"));
    check(CLIENT, Some(&me), Some(b"\xff"), Err("access_form"));
    check("tin00112233445566aa", Some(&me), password, Err("access_other_client_id"));
    for malformed in ["", "tin", "mosq", "tin00112233445566AA", "tin001122334455667", "../../x"] {
        check(malformed, Some(&me), password, Err("client_id_form"));
    }
}

#[test]
fn only_own_topics_may_be_read() {
    let (me, other) = (identity(1).user_id(), identity(2).user_id());
    let check = |filter: &str, expected| {
        assert_eq!(may_subscribe(&me, filter), expected, "{filter}");
    };
    check(&format!("user/{me}/+"), true);
    check(&format!("user/{me}/offer"), true);
    check(&format!("user/{me}/#"), false);
    check(&format!("user/{me}/mail"), false);
    check(&format!("user/{me}"), false);
    check(&format!("$share/g/user/{me}/+"), false);
    check(&format!("user/{other}/+"), false);
    check(&format!("user/{other}/offer"), false);
    for filter in ["user/+/offer", "user/#", "#", "+/+/+", "$SYS/#", ""] {
        check(filter, false);
    }
}

#[test]
fn only_leaves_of_users_may_be_written() {
    let user = identity(2).user_id();
    let check = |topic: &str, retain, expected| {
        let got = may_publish(topic, retain).map(drop).map_err(PublishDenied::reason);
        assert_eq!(got, expected, "{topic}");
    };
    check(&format!("user/{user}/offer"), false, Ok(()));
    check(&format!("user/{user}/offer"), true, Err("publish_retained"));
    check(&format!("user/{user}/mail"), false, Err("topic_leaf"));
    check(&format!("user/{user}/offer/x"), false, Err("topic_leaf"));
    check("user/bob/offer", false, Err("topic_user"));
    check("$SYS/broker", false, Err("topic_form"));
}
