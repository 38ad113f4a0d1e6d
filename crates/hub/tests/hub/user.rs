//! A person with a device, and the tokens they make.

use serde_json::Value;
use tincan_hub::Hub;
use tincan_mqtt::Credentials;
use tincan_wire::{AccessClaims, AccessToken, DeviceId, Identity, Leaf, Topic, UserId, client_id};

use crate::http;

#[derive(Clone, Debug)]
pub(crate) struct User {
    seed: u8,
    pub(crate) client_id: String,
}

impl User {
    pub(crate) fn new(seed: u8) -> Self {
        let device: DeviceId = format!("{:016x}", 0xABCD_0000 + u64::from(seed)).parse().unwrap();
        Self { seed, client_id: client_id(&device) }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::from_seed([self.seed; 32])
    }

    pub(crate) fn id(&self) -> UserId {
        self.identity().user_id()
    }

    pub(crate) fn topic(&self, leaf: Leaf) -> String {
        Topic { user: self.id(), leaf }.to_string()
    }

    /// The claims of a good token for this hub.
    pub(crate) async fn claims(&self, hub: &Hub) -> AccessClaims {
        self.claims_for(&http::get(hub.addresses().http, "/challenge").await.json())
    }

    /// The claims that a challenge asks for.
    pub(crate) fn claims_for(&self, challenge: &Value) -> AccessClaims {
        AccessClaims {
            sub: self.id(),
            aud: challenge["aud"].as_str().unwrap().to_owned(),
            cid: self.client_id.clone(),
            iat: 1_000_000,
            exp: 1_000_300,
            nonce: challenge["nonce"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) async fn token(&self, hub: &Hub) -> String {
        AccessToken::issue(&self.identity(), &self.claims(hub).await)
    }

    /// What a client with that token says in CONNECT.
    pub(crate) fn credentials(&self, token: impl Into<Vec<u8>>) -> Credentials {
        Credentials::with_password(&*self.client_id, self.id().to_string(), token)
    }
}
