//! What the page asks a hub over HTTP: where its broker is, a challenge, and ICE servers.

use std::borrow::Cow;

use tincan_wire::json::{JsonError, Object, Value};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Request, RequestInit, Response};

use crate::words::words;

/// How long a hub may take to answer.
const TIMEOUT_MS: u32 = 8_000;

/// The most addresses taken from a hub's list; more would only prolong a failing attempt.
const MAX_ADDRESSES: usize = 8;

/// `GET /config.json`: what is public about a hub.
#[derive(Clone, Debug)]
pub(crate) struct HubConfig {
    /// Addresses of one and the same broker, in the order to try.
    pub(crate) brokers: Vec<String>,
    /// The same for browsers: paths on the hub's own origin, or addresses.
    pub(crate) web: Vec<String>,
    /// `stun:host:port`.
    pub(crate) stun: Vec<String>,
    /// More places at which STUN answers, by which the doctor tells what a router does.
    pub(crate) stun_probes: Vec<String>,
}

impl HubConfig {
    fn read(mut answer: Object<'_>) -> Result<Self, JsonError> {
        let mut listed = |key| {
            let mut addresses = texts(&mut answer, key)?;
            addresses.truncate(MAX_ADDRESSES);
            Ok::<_, JsonError>(addresses)
        };
        Ok(Self {
            brokers: listed("brokers")?,
            web: listed("web")?,
            stun: listed("stun")?,
            stun_probes: listed("stunProbes")?,
        })
    }

    /// The brokers that a browser can use, in the order to try; `origin` is the hub's.
    pub(crate) fn sockets(&self, origin: &str) -> Vec<String> {
        let listed = self.web.iter().chain(&self.brokers);
        let mut sockets: Vec<String> = Vec::new();
        for address in listed {
            let socket = match address.strip_prefix('/') {
                // http becomes ws, and https wss.
                Some(_) => format!("{}{address}", origin.replacen("http", "ws", 1)),
                None => address.clone(),
            };
            let usable = socket.starts_with("ws://") || socket.starts_with("wss://");
            if usable && !sockets.contains(&socket) {
                sockets.push(socket);
            }
        }
        sockets
    }
}

/// `GET /challenge` (protocol §9).
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    pub(crate) nonce: String,
    pub(crate) aud: String,
    /// The hub's clock in milliseconds since the epoch, if it tells it.
    pub(crate) now: Option<u64>,
}

impl Challenge {
    fn read(mut answer: Object<'_>) -> Result<Self, JsonError> {
        let (nonce, aud) = (answer.string("nonce")?, answer.string("aud")?);
        let now = answer.optional_integer("now")?;
        Ok(Self { nonce: nonce.into_owned(), aud: aud.into_owned(), now })
    }
}

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IceServer {
    pub(crate) urls: Vec<String>,
    pub(crate) username: Option<String>,
    pub(crate) credential: Option<String>,
}

/// `POST /ice` (protocol §10).
#[derive(Clone, Debug)]
pub(crate) struct Ice {
    pub(crate) servers: Vec<IceServer>,
    /// How long the credentials are good, in seconds.
    pub(crate) ttl: Option<u64>,
}

impl Ice {
    fn read(mut answer: Object<'_>) -> Result<Self, JsonError> {
        let servers = answer.array("iceServers")?.into_iter().take(MAX_ADDRESSES);
        let servers = servers.map(IceServer::read).collect::<Result<_, _>>()?;
        Ok(Self { servers, ttl: answer.optional_integer("ttl")? })
    }
}

impl IceServer {
    fn read(server: Value<'_>) -> Result<Self, JsonError> {
        let Value::Object(mut server) = server else {
            return Err(JsonError::BadField("iceServers"));
        };
        let mut urls = texts(&mut server, "urls")?;
        urls.truncate(MAX_ADDRESSES);
        let mut optional =
            |key| Ok::<_, JsonError>(server.optional_string(key)?.map(Cow::into_owned));
        Ok(Self { urls, username: optional("username")?, credential: optional("credential")? })
    }
}

/// Takes an array of strings; a missing one is empty.
fn texts(object: &mut Object<'_>, key: &'static str) -> Result<Vec<String>, JsonError> {
    let text = |item| match item {
        Value::String(text) => Ok(text.into_owned()),
        _ => Err(JsonError::BadField(key)),
    };
    object.array(key)?.into_iter().map(text).collect()
}

/// Why a hub gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HubError {
    /// No answer at all.
    Unreachable(String),
    /// An answer other than 200.
    Status(u16),
    /// An answer that is not what a hub says.
    Nonsense(String),
}

impl HubError {
    /// For the person.
    pub(crate) fn sentence(&self, hub: &str) -> String {
        match self {
            Self::Unreachable(_) => {
                format!("the hub {hub} does not answer; it may be down, or you are offline")
            }
            Self::Status(status) => format!("the hub {hub} answered with HTTP status {status}"),
            Self::Nonsense(reason) => format!("{hub} does not answer as a hub does: {reason}"),
        }
    }
}

/// Where the broker and STUN servers are.
pub(crate) async fn config(origin: &str) -> Result<HubConfig, HubError> {
    read(&fetch(origin, "/config.json", &RequestInit::new()).await?, HubConfig::read)
}

/// Something to sign, so that a token is fresh whatever our clock says.
pub(crate) async fn challenge(origin: &str) -> Result<Challenge, HubError> {
    read(&fetch(origin, "/challenge", &RequestInit::new()).await?, Challenge::read)
}

/// STUN and TURN servers with their credentials.
pub(crate) async fn ice(origin: &str, token: &str) -> Result<Ice, HubError> {
    let init = RequestInit::new();
    init.set_method("POST");
    let headers = web_sys::Headers::new().map_err(unreachable_hub)?;
    let bearer = format!("Bearer {token}");
    headers.set("Authorization", &bearer).map_err(unreachable_hub)?;
    init.set_headers(&headers);
    read(&fetch(origin, "/ice", &init).await?, Ice::read)
}

fn read<T>(text: &str, read: fn(Object<'_>) -> Result<T, JsonError>) -> Result<T, HubError> {
    let read = Object::parse(text.as_bytes()).and_then(read);
    read.map_err(|error| HubError::Nonsense(error.to_string()))
}

async fn fetch(origin: &str, path: &str, init: &RequestInit) -> Result<String, HubError> {
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT_MS)));
    let url = format!("{origin}{path}");
    let request = Request::new_with_str_and_init(&url, init).map_err(unreachable_hub)?;
    let window = web_sys::window().ok_or_else(|| HubError::Unreachable("no window".to_owned()))?;
    let response = JsFuture::from(window.fetch_with_request(&request)).await;
    let response: Response =
        response.and_then(|response| response.dyn_into()).map_err(unreachable_hub)?;
    if !response.ok() {
        return Err(HubError::Status(response.status()));
    }
    let text = response.text().map_err(unreachable_hub)?;
    let text = JsFuture::from(text).await.map_err(unreachable_hub)?;
    Ok(text.as_string().unwrap_or_default())
}

fn unreachable_hub(thrown: impl Into<JsValue>) -> HubError {
    HubError::Unreachable(words(&thrown.into()))
}
