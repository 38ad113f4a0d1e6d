//! What a node asks a hub over HTTP: where its brokers are, a challenge, and STUN and TURN servers.

mod http;
mod origin;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tincan_relay::Credential;

use http::fetch;
pub(crate) use http::{Ask, HttpError, exchange};
pub(crate) use origin::is_loopback;
pub use origin::{Origin, OriginError};

use crate::dial::Dialer;
use crate::ice_servers::IceEntry;

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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct HubConfig {
    /// Addresses of one and the same broker, in the order to try.
    #[serde(default)]
    pub(crate) brokers: Vec<String>,
    /// `stun:host:port`.
    #[serde(default)]
    pub(crate) stun: Vec<String>,
    /// More places at which STUN answers, by which the doctor tells what a router does. The first
    /// server of `stun` answers from them when it is asked to (RFC 5780).
    #[serde(default, rename = "stunProbes")]
    pub(crate) stun_probes: Vec<String>,
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

/// `POST /ice` (protocol §10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ice {
    pub(crate) entries: Vec<IceEntry>,
    /// How long the credentials are good, in seconds.
    pub(crate) ttl: Option<u64>,
}

#[derive(Deserialize)]
struct IceAnswer {
    #[serde(default, alias = "ice_servers", alias = "servers")]
    #[serde(rename = "iceServers")]
    ice_servers: Vec<IceServer>,
    #[serde(default)]
    stun: Vec<String>,
    #[serde(default)]
    ttl: Option<u64>,
}

#[derive(Deserialize)]
struct IceServer {
    #[serde(default)]
    urls: Urls,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    credential: Option<String>,
}

impl IceServer {
    fn entry(self) -> IceEntry {
        let urls = match self.urls {
            Urls::One(url) => vec![url],
            Urls::Many(urls) => urls,
        };
        let login = self.username.zip(self.credential);
        let login = login.map(|(username, password)| Credential { username, password });
        IceEntry { urls, login }
    }
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
    /// The hub that is asked.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn new(dialer: Dialer, origin: Origin) -> Self {
        Self { dialer, origin }
    }

    /// Where its brokers and STUN servers are.
    pub(crate) async fn config(&self) -> Result<HubConfig, HttpError> {
        self.read("/config.json", Ask::Get, HubConfig::read).await
    }

    /// Something to sign, so that a token is fresh whatever our clock says.
    pub(crate) async fn challenge(&self) -> Result<Challenge, HttpError> {
        self.read("/challenge", Ask::Get, Challenge::read).await
    }

    /// STUN and TURN servers.
    pub(crate) async fn ice(&self, token: &str) -> Result<Ice, HttpError> {
        self.read("/ice", Ask::Post { token }, Ice::read).await
    }

    async fn read<T>(
        &self,
        path: &str,
        ask: Ask<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, Unexpected>,
    ) -> Result<T, HttpError> {
        let body = fetch(&self.dialer, &self.origin, path, ask).await?;
        let (origin, path) = (self.origin.clone(), path.to_owned());
        read(&body).map_err(|Unexpected(reason)| HttpError::Content { origin, path, reason })
    }
}

/// What is wrong with an answer.
#[derive(Debug)]
pub(crate) struct Unexpected(String);

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unexpected> {
    serde_json::from_slice(body).map_err(|error| Unexpected(error.to_string()))
}

impl HubConfig {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unexpected> {
        let mut config: Self = json(body)?;
        config.brokers.truncate(MAX_ADDRESSES);
        config.stun.truncate(MAX_ADDRESSES);
        config.stun_probes.truncate(MAX_ADDRESSES);
        Ok(config)
    }
}

impl Challenge {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unexpected> {
        let challenge: Self = json(body)?;
        if challenge.nonce.len().max(challenge.aud.len()) > MAX_TEXT_BYTES {
            return Err(Unexpected("its nonce or name is too long".to_owned()));
        }
        Ok(challenge)
    }
}

impl Ice {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unexpected> {
        let answer: IceAnswer = json(body)?;
        let stun = IceEntry { urls: answer.stun, login: None };
        let listed = answer.ice_servers.into_iter().map(IceServer::entry);
        let mut room = MAX_ADDRESSES;
        let mut entries: Vec<IceEntry> = std::iter::once(stun).chain(listed).collect();
        for entry in &mut entries {
            entry.urls.truncate(room);
            room -= entry.urls.len();
        }
        entries.retain(|entry| !entry.urls.is_empty());
        let texts = entries.iter().filter_map(|entry| entry.login.as_ref());
        if texts
            .clone()
            .any(|login| login.username.len().max(login.password.len()) > MAX_TEXT_BYTES)
        {
            return Err(Unexpected("a name or password for a relay is too long".to_owned()));
        }
        Ok(Self { entries, ttl: answer.ttl })
    }
}

#[cfg(test)]
mod tests;
