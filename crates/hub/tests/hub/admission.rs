//! Who gets in, and which code the others get.

use tincan_mqtt::{Credentials, Refusal, Version};
use tincan_wire::{AccessClaims, AccessToken};

use crate::client::{ALL_WAYS, Client, Over};
use crate::user::User;
use crate::{hub, hub_with};

#[tokio::test]
async fn a_good_token_is_admitted_every_way() {
    let hub = hub().await;
    for (n, way) in ALL_WAYS.into_iter().enumerate() {
        let _client = Client::by(way, &User::new(n as u8), &hub).await;
    }
    assert_eq!(hub.stats().sessions, ALL_WAYS.len());
}

/// Checks the refusal of a token whose claims are changed, every way.
async fn check(change: impl Fn(&mut AccessClaims), expected: Refusal) {
    let (hub, user) = (hub().await, User::new(1));
    for way in ALL_WAYS {
        let mut claims = user.claims(&hub).await;
        change(&mut claims);
        let token = AccessToken::issue(&user.identity(), &claims);
        let refusal = Client::refusal(way, user.credentials(token), &hub).await;
        assert_eq!(refusal, expected, "{way:?}");
    }
}

#[tokio::test]
async fn a_token_for_another_hub_is_not_authorized() {
    check(|claims| claims.aud = "another".into(), Refusal::NotAuthorized).await;
}

#[tokio::test]
async fn a_token_for_another_device_is_not_authorized() {
    check(|claims| claims.cid = "tin0000000000000000".into(), Refusal::NotAuthorized).await;
}

#[tokio::test]
async fn a_nonce_of_nobody_is_a_bad_credential() {
    check(|claims| claims.nonce = "A".repeat(43), Refusal::BadCredentials).await;
}

#[tokio::test]
async fn a_token_of_no_life_is_a_bad_credential() {
    check(|claims| claims.iat = claims.exp, Refusal::BadCredentials).await;
}

#[tokio::test]
async fn a_token_signed_by_somebody_else_is_a_bad_credential() {
    let somebody_else = User::new(2).id();
    check(move |claims| claims.sub = somebody_else, Refusal::BadCredentials).await;
}

#[tokio::test]
async fn a_token_of_before_a_restart_is_a_bad_credential() {
    let (before, user) = (hub().await, User::new(1));
    let token = user.token(&before).await;
    before.shutdown().await;
    let after = hub().await;
    let refusal = Client::refusal(ALL_WAYS[0], user.credentials(token), &after).await;
    assert_eq!(refusal, Refusal::BadCredentials);
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let (hub, user) = (hub().await, User::new(1));
    for way in ALL_WAYS {
        let credentials = Credentials::anonymous(&*user.client_id);
        let refusal = Client::refusal(way, credentials, &hub).await;
        assert_eq!(refusal, Refusal::BadCredentials, "{way:?}");
        let refusal = Client::refusal(way, user.credentials("guess"), &hub).await;
        assert_eq!(refusal, Refusal::BadCredentials, "{way:?}");
    }
}

#[tokio::test]
async fn nobody_gets_in_under_another_name() {
    let (hub, user) = (hub().await, User::new(1));
    for way in ALL_WAYS {
        let token = user.token(&hub).await;
        let name = User::new(2).id().to_string();
        let credentials = Credentials::with_password(&*user.client_id, name, token);
        let refusal = Client::refusal(way, credentials, &hub).await;
        assert_eq!(refusal, Refusal::NotAuthorized, "{way:?}");
    }
}

#[tokio::test]
async fn a_client_id_of_another_form_is_refused() {
    let (hub, user) = (hub().await, User::new(1));
    let token = user.token(&hub).await;
    for (version, expected) in
        [(Version::V5, Refusal::Other(0x85)), (Version::V311, Refusal::Other(2))]
    {
        let name = user.id().to_string();
        let credentials = Credentials::with_password("mosq-1", name, &*token);
        assert_eq!(Client::refusal((Over::Tcp, version), credentials, &hub).await, expected);
    }
}

#[tokio::test]
async fn a_client_id_belongs_to_its_user() {
    let (hub, owner, mut thief) = (hub().await, User::new(1), User::new(2));
    let mut client = Client::of(&owner, &hub).await;
    thief.client_id = owner.client_id.clone();
    for way in ALL_WAYS {
        let token = thief.token(&hub).await;
        let refusal = Client::refusal(way, thief.credentials(token), &hub).await;
        assert_eq!(refusal, Refusal::NotAuthorized, "{way:?}");
    }
    client.publish(&owner.topic(tincan_wire::Leaf::Offer), "still here").await;
}

#[tokio::test]
async fn a_thief_gains_nothing_with_a_clean_start() {
    let (hub, owner, mut thief) = (hub().await, User::new(1), User::new(2));
    let mut client = Client::of(&owner, &hub).await;
    thief.client_id = owner.client_id.clone();
    let connect = crate::garbage::connect(&thief, &thief.token(&hub).await, true, None);
    assert_eq!(crate::garbage::connack_code(&hub, &connect).await, Some(5));
    client.publish(&owner.topic(tincan_wire::Leaf::Offer), "still here").await;
}

#[tokio::test]
async fn a_will_is_refused() {
    let (hub, user) = (hub().await, User::new(1));
    let topic = User::new(2).topic(tincan_wire::Leaf::Offer);
    let token = user.token(&hub).await;
    let connect = crate::garbage::connect(&user, &token, true, Some(&topic));
    assert_eq!(crate::garbage::connack_code(&hub, &connect).await, Some(5));
    let connect = crate::garbage::connect(&user, &token, true, None);
    assert_eq!(crate::garbage::connack_code(&hub, &connect).await, Some(0));
}

#[tokio::test]
async fn a_hub_full_of_sessions_takes_no_new_ones() {
    let hub = hub_with(|config| config.limits.sessions = 1).await;
    let (first, second) = (User::new(1), User::new(2));
    let mut client = Client::of(&first, &hub).await;
    for way in ALL_WAYS {
        let token = second.token(&hub).await;
        let refusal = Client::refusal(way, second.credentials(token), &hub).await;
        assert_eq!(refusal, Refusal::ServerUnavailable, "{way:?}");
    }
    client.disconnect().await;
    client.sign_in(Over::Tcp, &first, &hub).await;
}
