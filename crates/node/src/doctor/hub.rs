//! The hub: what it says to everybody, and whether it gives us a token.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tincan_doctor::{Fault, Hub, Place, Way};
use tincan_wire::{AccessClaims, AccessToken, DeviceId, Identity, client_id, own_filter};

use super::{CHECK, fault, random};
use crate::broker::behind;
use crate::dial::Dialer;
use crate::hub_client::{Challenge, HttpError, HubClient, HubConfig, Origin};

/// What a hub said.
pub(super) struct Asked {
    place: Place,
    config: Result<(HubConfig, Duration), Fault>,
    pass: Result<Option<Pass>, Fault>,
    pub(super) clock_behind_ms: Option<i64>,
}

/// Who we say we are: somebody who is made for this look alone.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    identity: Identity,
    challenge: Challenge,
}

/// A pass for one connection, under a client id that no other has.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) client_id: String,
    pub(super) username: String,
    pub(super) token: String,
    /// What this user may listen to.
    pub(super) filter: String,
}

impl Asked {
    pub(super) async fn ask(dialer: &Dialer, origin: &Origin) -> Self {
        let hub = HubClient::new(dialer.clone(), origin.clone());
        let config = async {
            let began = Instant::now();
            hub.config().await.map(|config| (config, began.elapsed()))
        };
        let both = async { tokio::join!(config, hub.challenge()) };
        let way = if origin.secure { Way::Https } else { Way::Http };
        let place = Place { way, host: origin.host.clone(), port: origin.port };
        let Ok((config, challenge)) = tokio::time::timeout(CHECK, both).await else {
            let silent = || Fault::TimedOut;
            return Self {
                place,
                config: Err(silent()),
                pass: Err(silent()),
                clock_behind_ms: None,
            };
        };
        let now = challenge.as_ref().ok().and_then(|challenge| challenge.now);
        let pass = match challenge {
            Ok(challenge) => Ok(Some(Pass::new(challenge))),
            // A hub in front of a broker that authenticates nobody has no challenge to give.
            Err(HttpError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(fault::of_http(error)),
        };
        let config = config.map_err(fault::of_http);
        Self { place, config, pass, clock_behind_ms: now.map(behind) }
    }

    /// What it says to everybody; nothing if it does not answer.
    pub(super) fn public(&self) -> HubConfig {
        self.config.as_ref().map(|(config, _)| config.clone()).unwrap_or_default()
    }

    pub(super) fn pass(&self) -> Option<&Pass> {
        self.pass.as_ref().ok()?.as_ref()
    }

    /// `relays` says whether it told us where they are.
    pub(super) fn into_hub(self, relays: Option<Result<(), Fault>>) -> Hub {
        let answered = self.config.map(|(_, took)| took);
        Hub { place: self.place, answered, admitted: self.pass.err().map(Err).or(relays) }
    }
}

impl Pass {
    fn new(challenge: Challenge) -> Self {
        Self { identity: Identity::from_seed(random()), challenge }
    }

    /// Signs one.
    pub(super) fn token(&self) -> Token {
        /// What a token is good for (protocol §9).
        const SECONDS: u64 = 300;
        let client_id = client_id(&DeviceId(random()));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = AccessClaims {
            sub: self.identity.user_id(),
            aud: self.challenge.aud.clone(),
            cid: client_id.clone(),
            iat: since.as_secs(),
            exp: since.as_secs() + SECONDS,
            nonce: self.challenge.nonce.clone(),
        };
        let token = AccessToken::issue(&self.identity, &claims);
        let (username, filter) = (claims.sub.to_string(), own_filter(&claims.sub));
        Token { client_id, username, token, filter }
    }
}
