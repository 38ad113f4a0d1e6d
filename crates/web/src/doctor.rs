//! What a network and a browser do to a chat, measured: the page's half of the doctor.
//!
//! As in the native node, an identity signs in that is made for one look and forgotten. All of it
//! is in the second part of the code: only what is loaded later leads here.

mod broker;
mod candidate;
mod nat;
mod probe;
mod relay;
mod storage;

use std::time::Duration;

use futures_util::future::{Either, join, join_all, select};
use tincan_doctor::{Fault, Hub, Measurements, MeetingPlace, Place, Relay, Stun, StunAnswer, Way};
use tincan_wire::{AccessClaims, AccessToken, DeviceId, Identity, client_id, own_filter};

use crate::clock::{steady_ms, to_millis};
use crate::hub::{self, Challenge, HubConfig, HubError, IceServer};
use crate::timer::sleep;

/// How long one check may take.
const CHECK_MS: i32 = 6_000;

/// Looks at everything that a chat at this hub needs. Two or three seconds on a good network.
pub async fn examine(origin: &str) -> Measurements {
    let began = steady_ms();
    let (storage, mut seen) = join(storage::look(), network(origin)).await;
    seen.storage = Some(storage);
    seen.took = since(began);
    seen
}

/// Who signs in: somebody who is made for this look alone.
struct Pass {
    identity: Identity,
    challenge: Challenge,
}

/// A pass for one connection.
struct Token {
    client_id: String,
    username: String,
    token: String,
    filter: String,
}

impl Pass {
    /// `None` where the browser has no randomness to give.
    fn new(challenge: Challenge) -> Option<Self> {
        Some(Self { identity: Identity::from_seed(random()?), challenge })
    }

    fn token(&self) -> Option<Token> {
        /// What a token is good for (protocol §9).
        const SECONDS: u64 = 300;
        let client_id = client_id(&DeviceId(random()?));
        let iat = to_millis(js_sys::Date::now()) / 1_000;
        let claims = AccessClaims {
            sub: self.identity.user_id(),
            aud: self.challenge.aud.clone(),
            cid: client_id.clone(),
            iat,
            exp: iat + SECONDS,
            nonce: self.challenge.nonce.clone(),
        };
        let token = AccessToken::issue(&self.identity, &claims);
        let (username, filter) = (claims.sub.to_string(), own_filter(&claims.sub));
        Some(Token { client_id, username, token, filter })
    }
}

/// All but the browser's storage.
async fn network(origin: &str) -> Measurements {
    let mut seen = Measurements { place: MeetingPlace::Hub, ..Measurements::default() };
    let began = steady_ms();
    let (config, challenge) = join(hub::config(origin), hub::challenge(origin)).await;
    let place = place(if origin.starts_with("https:") { Way::Https } else { Way::Http }, origin);
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            seen.hub = Some(Hub { place, answered: Err(fault(error)), admitted: None });
            return seen;
        }
    };
    let took = since(began);
    seen.clock_behind_ms =
        challenge.as_ref().ok().and_then(|challenge| challenge.now).map(crate::broker::behind);
    let pass = match challenge {
        Ok(challenge) => Ok(Pass::new(challenge)),
        Err(HubError::Status(404)) => Ok(None),
        Err(error) => Err(fault(error)),
    };
    let known = pass.as_ref().ok().and_then(Option::as_ref);
    let (brokers, paths, (admitted, relays)) = futures_util::join!(
        broker::try_all(&config, origin, known),
        nat::look(&config.stun, &config.stun_probes),
        relays(origin, known),
    );
    seen.hub = Some(Hub { place, answered: Ok(took), admitted: pass.err().map(Err).or(admitted) });
    seen.udp = udp(&config, paths.answer, &relays);
    (seen.brokers, seen.nat, seen.relays) = (brokers, paths.nat, relays);
    seen
}

/// Browsers hide an answer that names an address of the machine itself; a relay that works over
/// UDP shows that it gets out all the same.
fn udp(config: &HubConfig, answer: Option<StunAnswer>, relays: &[Relay]) -> Option<Stun> {
    let by_udp = relays.iter().filter(|relay| relay.place.way == Way::TurnUdp);
    let relayed = by_udp.filter_map(|relay| relay.outcome.as_ref().ok()).next();
    let relayed = relayed.map(|relayed| StunAnswer { mapped: None, took: relayed.allocated });
    let place = place(Way::Stun, config.stun.first()?);
    Some(Stun { place, answer: answer.or(relayed) })
}

async fn relays(origin: &str, pass: Option<&Pass>) -> (Option<Result<(), Fault>>, Vec<Relay>) {
    let Some(token) = pass.and_then(Pass::token) else { return (None, Vec::new()) };
    let servers = match hub::ice(origin, &token.token).await {
        Ok(ice) => ice.servers,
        Err(error) => return (Some(Err(fault(error))), Vec::new()),
    };
    let mut trials = Vec::new();
    for server in &servers {
        for url in server.urls.iter().filter(|url| url.starts_with("turn")) {
            let server = IceServer { urls: vec![url.clone()], ..server.clone() };
            let place = place(relay::way(url), url);
            trials.push(async move {
                let outcome = within(relay::try_one(server)).await;
                Relay { place, outcome: outcome.unwrap_or(Err(Fault::TimedOut)) }
            });
        }
    }
    (Some(Ok(())), join_all(trials).await)
}

/// What comes of it, unless it takes too long.
async fn within<T>(work: impl Future<Output = T>) -> Option<T> {
    let (work, end) = (std::pin::pin!(work), std::pin::pin!(sleep(CHECK_MS)));
    match select(work, end).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

fn fault(error: HubError) -> Fault {
    match error {
        HubError::Unreachable(_) => Fault::TimedOut,
        HubError::Status(status) => Fault::Status(status),
        HubError::Nonsense(_) => Fault::NotAHub,
    }
}

/// Host and port of an address with or without `//`.
fn place(way: Way, url: &str) -> Place {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest).trim_start_matches('/');
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (rest, None),
    };
    let usual = match way {
        Way::Http | Way::Ws => 80,
        Way::Https | Way::Wss => 443,
        Way::Mqtt => 1883,
        Way::Mqtts => 8883,
        Way::Stun | Way::TurnUdp | Way::TurnTcp => 3478,
        Way::TurnTls => 5349,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Place { way, host, port: port.unwrap_or(usual) }
}

fn since(began_ms: f64) -> Duration {
    // To the microsecond; browsers tell no more.
    Duration::from_micros(to_millis((steady_ms() - began_ms) * 1_000.0))
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}
