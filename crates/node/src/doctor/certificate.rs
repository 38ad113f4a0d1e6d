//! Until when certificates are good. That they are good at all is seen where they are needed.

use std::time::{SystemTime, UNIX_EPOCH};

use tincan_doctor::{Certificate, Place, Way, last_second};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::CHECK;
use super::brokers::place_of;
use crate::broker::{BrokerAddress, MeetingPlace};
use crate::dial::Dialer;

/// Those of the hub and of the brokers.
pub(super) async fn of_all(
    dialer: &Dialer,
    place: &MeetingPlace,
    brokers: &[BrokerAddress],
) -> Vec<Certificate> {
    let hub = place.hub.iter().filter(|origin| origin.secure);
    let hub = hub.map(|hub| Place { way: Way::Https, host: hub.host.clone(), port: hub.port });
    look(dialer, hub.chain(brokers.iter().map(place_of)).collect()).await
}

/// Those of the places that have TLS, each host and port once.
pub(super) async fn look(dialer: &Dialer, places: Vec<Place>) -> Vec<Certificate> {
    let mut different: Vec<Place> = Vec::new();
    for place in places.into_iter().filter(|place| place.way.is_secure()) {
        if !different.iter().any(|other| other.host == place.host && other.port == place.port) {
            different.push(place);
        }
    }
    let mut looks = JoinSet::new();
    for place in different {
        let dialer = dialer.clone();
        looks.spawn(async move {
            let shown = timeout(CHECK, dialer.certificate(&place.host, place.port)).await;
            let shown = shown.ok()?.ok()?;
            let seconds_left = last_second(&shown).map(|last| last.saturating_sub(now()));
            Some(Certificate { place, seconds_left })
        });
    }
    let mut found: Vec<Certificate> = looks.join_all().await.into_iter().flatten().collect();
    found.sort_by(|a, b| (&a.place.host, a.place.port).cmp(&(&b.place.host, b.place.port)));
    found
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
