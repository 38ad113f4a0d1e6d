//! Access tokens (protocol §9).

use serde_json::{Value, json};
use tincan_wire::{AccessClaims, AccessToken, AccessTokenError, DeviceId, client_id};

use super::{hex, refused, user};

fn claims() -> AccessClaims {
    AccessClaims {
        sub: user(1).user_id(),
        aud: "hub.example".to_owned(),
        cid: client_id(&DeviceId([1, 2, 3, 4, 5, 6, 7, 8])),
        iat: 1_763_792_787,
        exp: 1_763_793_087,
        nonce: "bm9uY2U".to_owned(),
    }
}

pub(super) fn access_tokens() -> Value {
    let valid: Value = [claims(), AccessClaims { aud: "Hub \"1\"".to_owned(), ..claims() }]
        .into_iter()
        .map(|claims| {
            json!({
                "seed": hex(user(1).seed()),
                "token": AccessToken::issue(&user(1), &claims),
                "sub": claims.sub,
                "aud": claims.aud,
                "cid": claims.cid,
                "iat": claims.iat,
                "exp": claims.exp,
                "nonce": claims.nonce,
            })
        })
        .collect();
    let invalid = refused("token", wrong(), AccessToken::verify, AccessTokenError::reason);
    json!({ "valid": valid, "invalid": invalid })
}

fn wrong() -> Vec<String> {
    let token = AccessToken::issue(&user(1), &claims());
    let with = |claims: AccessClaims| AccessToken::issue(&user(1), &claims);
    let other = with(AccessClaims { nonce: "x".to_owned(), ..claims() });
    let (head, _) = token.rsplit_once('.').expect("two dots");
    let (_, signature) = other.rsplit_once('.').expect("two dots");
    vec![
        String::new(),
        token.replacen("tin1p", "tin2p", 1),
        format!("{token}="),
        format!("{token}.x"),
        format!("{head}.{signature}"),
        AccessToken::issue(&user(2), &claims()),
        with(AccessClaims { exp: claims().exp + 1, ..claims() }),
        with(AccessClaims { exp: claims().iat - 1, ..claims() }),
        with(AccessClaims { cid: "other".to_owned(), ..claims() }),
        with(AccessClaims { aud: String::new(), ..claims() }),
        with(AccessClaims { nonce: "x".repeat(257), ..claims() }),
        with(AccessClaims { nonce: "x".repeat(2048), ..claims() }),
    ]
}
