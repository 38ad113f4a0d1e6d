//! What a network and a machine do to a chat, measured: the native half of `tincan doctor`.
//!
//! Nothing of the node's own is touched. The identity that signs in is made for this one look
//! and forgotten; no session stays at the broker, and no allocation on a relay. What a running
//! node has in its home is read, not written.

mod brokers;
mod certificate;
mod fault;
mod home;
mod hub;
mod multicast;
mod nat;
mod own;
mod paths;
mod relay;
mod stun;

use std::time::{Duration, Instant};

use tincan_doctor::{Measurements, MeetingPlace as Place};

use crate::broker::{MeetingPlace, MeetingPlaceError};
use crate::config::Config;
use crate::dial::{Dialer, Patience, TlsSettings};
use own::Own;

/// How long the steps of a connection may take: a person waits.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    handshake: Duration::from_secs(3),
    exchange: Duration::from_secs(3),
};

/// How long one check may take, whatever its steps may.
const CHECK: Duration = Duration::from_secs(6);

/// Looks at everything that a chat with these settings needs. On a good network it takes two or
/// three seconds, on a bad one up to twenty.
///
/// # Errors
/// The configured hub or a broker is no address.
pub async fn examine(config: &Config) -> Result<Measurements, MeetingPlaceError> {
    let began = Instant::now();
    let configured = MeetingPlace::new(config.hub.as_deref(), &config.brokers)?;
    let (running, theirs) = home::running(&config.home).await;
    let place = match (configured.is_nowhere(), theirs) {
        (false, _) => configured,
        (true, Some(theirs)) => theirs,
        (true, None) => home::remembered(&config.home).await,
    };
    let (storage, mut seen) = tokio::join!(home::storage(&config.home), network(config, &place));
    seen.storage = Some(storage);
    seen.running = Some(running);
    seen.took = began.elapsed();
    Ok(seen)
}

/// All but the home.
async fn network(config: &Config, place: &MeetingPlace) -> Measurements {
    let mut seen = Measurements { place: kind(place), ..Measurements::default() };
    if place.is_nowhere() {
        return seen;
    }
    let tls = TlsSettings { ca_file: config.ca_file.clone(), pinned_key: config.pinned_key };
    let mut dialer = Dialer::new(tls);
    dialer.patience = PATIENCE;
    let asked = match &place.hub {
        Some(origin) => Some(hub::Asked::ask(&dialer, origin).await),
        None => None,
    };
    let public = asked.as_ref().map(hub::Asked::public).unwrap_or_default();
    let pass = asked.as_ref().and_then(hub::Asked::pass);
    let stun = [&config.stun[..], &public.stun].concat();
    let brokers = brokers::addresses(place, &public.brokers);
    let own = Own::look(place.is_loopback());
    let (tried, certificates, paths, relays, multicast) = tokio::join!(
        brokers::try_all(&dialer, &brokers, config, pass),
        certificate::of_all(&dialer, place, &brokers),
        paths::look(&stun, &public.stun_probes, own),
        relay::ask_and_try_all(&dialer, place, pass),
        multicast::look(own),
    );
    (seen.brokers, seen.certificates, seen.multicast) = (tried, certificates, multicast);
    seen.certificates.extend(relays.certificates);
    seen.relays = relays.tried;
    seen.clock_behind_ms = asked.as_ref().and_then(|asked| asked.clock_behind_ms);
    seen.hub = asked.map(|asked| asked.into_hub(relays.admitted));
    seen.has_ipv4 = Some(own.v4.is_some());
    (seen.udp, seen.nat, seen.ipv6, seen.mtu) = (paths.udp, paths.nat, paths.ipv6, paths.mtu);
    seen
}

fn kind(place: &MeetingPlace) -> Place {
    match (&place.hub, place.brokers.is_empty()) {
        (_, false) => Place::Broker,
        (Some(_), true) => Place::Hub,
        (None, true) => Place::Nowhere,
    }
}

/// Randomness for what must not be guessed, or zeros where the system has none.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without it a guess could disturb a measurement, and nothing else.
    let _ = getrandom::fill(&mut bytes);
    bytes
}
