//! What a node asks a hub over HTTP: where its brokers are, a challenge, and STUN servers.

mod http;
mod origin;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use http::HttpError;
use http::{Ask, fetch};
pub(crate) use origin::is_loopback;
pub use origin::{Origin, OriginError};

use crate::dial::Dialer;

/// The most addresses taken from a hub's list; more would only prolong a failing attempt.
const MAX_ADDRESSES: usize = 8;

/// The longest nonce or name taken; a hub's are tens of bytes, and a token holds both.
const MAX_TEXT_BYTES: usize = 512;

/// A hub, asked anew each time.
#[derive(Clone, Debug)]
pub(crate) struct HubClient {
    dialer: Dialer,
    origin: Origin,
}

/// `GET /config.json`: what is public about a hub.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct HubConfig {
    /// Addresses of one and the same broker, in the order to try.
    #[serde(default)]
    pub(crate) brokers: Vec<String>,
    /// `stun:host:port`.
    #[serde(default)]
    pub(crate) stun: Vec<String>,
}

/// `GET /challenge` (protocol §9).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// To be signed.
    pub(crate) nonce: String,
    /// The hub's name.
    pub(crate) aud: String,
    /// The hub's clock in milliseconds since the epoch, if it tells it.
    #[serde(default)]
    pub(crate) now: Option<u64>,
}

/// `POST /ice` (protocol §10), of which only the URLs matter to a node without a relay.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
struct IceAnswer {
    #[serde(default, alias = "ice_servers", alias = "servers")]
    #[serde(rename = "iceServers")]
    ice_servers: Vec<IceServer>,
    #[serde(default)]
    stun: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct IceServer {
    #[serde(default)]
    urls: Urls,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
enum Urls {
    One(String),
    Many(Vec<String>),
}

impl Default for Urls {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl HubClient {
    pub(crate) fn new(dialer: Dialer, origin: Origin) -> Self {
        Self { dialer, origin }
    }

    /// Where its brokers and STUN servers are.
    pub(crate) async fn config(&self) -> Result<HubConfig, HttpError> {
        let mut config: HubConfig = self.json("/config.json", Ask::Get).await?;
        config.brokers.truncate(MAX_ADDRESSES);
        config.stun.truncate(MAX_ADDRESSES);
        Ok(config)
    }

    /// Something to sign, so that a token is fresh whatever our clock says.
    pub(crate) async fn challenge(&self) -> Result<Challenge, HttpError> {
        let challenge: Challenge = self.json("/challenge", Ask::Get).await?;
        if challenge.nonce.len().max(challenge.aud.len()) > MAX_TEXT_BYTES {
            return Err(self.unexpected("/challenge", "its nonce or name is too long"));
        }
        Ok(challenge)
    }

    /// STUN URLs.
    pub(crate) async fn ice(&self, token: &str) -> Result<Vec<String>, HttpError> {
        let answer: IceAnswer = self.json("/ice", Ask::Post { token }).await?;
        let listed = answer.ice_servers.into_iter().flat_map(|server| match server.urls {
            Urls::One(url) => vec![url],
            Urls::Many(urls) => urls,
        });
        let stun = |url: &String| url.starts_with("stun:");
        Ok(answer.stun.into_iter().chain(listed).filter(stun).take(MAX_ADDRESSES).collect())
    }

    async fn json<T: DeserializeOwned>(&self, path: &str, ask: Ask<'_>) -> Result<T, HttpError> {
        let body = fetch(&self.dialer, &self.origin, path, ask).await?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(path, &error.to_string()))
    }

    fn unexpected(&self, path: &str, reason: &str) -> HttpError {
        HttpError::Content {
            origin: self.origin.clone(),
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
