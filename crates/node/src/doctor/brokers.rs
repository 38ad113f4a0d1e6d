//! Each address of the broker: a sign-in, and good-bye.

use tincan_doctor::{Broker, Fault, Place, Reached, Way};
use tincan_mqtt::Credentials;
use tincan_wire::{DeviceId, Identity, client_id, own_filter};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::hub::{Pass, Token};
use super::{CHECK, fault, random};
use crate::broker::{BrokerAddress, MeetingPlace, Scheme, Signed, brokers_of, try_once};
use crate::config::Config;
use crate::dial::Dialer;

/// The addresses to try: those that were named, else the hub's.
pub(super) fn addresses(place: &MeetingPlace, listed: &[String]) -> Vec<BrokerAddress> {
    match (&place.hub, place.brokers.is_empty()) {
        (Some(origin), true) => brokers_of(origin, listed).unwrap_or_default(),
        _ => place.brokers.clone(),
    }
}

/// All of them at once, in their order.
pub(super) async fn try_all(
    dialer: &Dialer,
    brokers: &[BrokerAddress],
    config: &Config,
    pass: Option<&Pass>,
) -> Vec<Broker> {
    let mut trials = JoinSet::new();
    for (index, broker) in brokers.iter().enumerate() {
        let (dialer, broker) = (dialer.clone(), broker.clone());
        let (credentials, filter) = credentials(&broker, config, pass);
        trials.spawn(async move {
            let trial = try_once(&dialer, &broker, &credentials, &filter);
            let outcome = match timeout(CHECK, trial).await {
                Ok(Ok(Signed { opened, signed_in })) => Ok(Reached { opened, signed_in }),
                Ok(Err(error)) => Err(fault::of_trial(error)),
                Err(_) => Err(Fault::TimedOut),
            };
            (index, Broker { place: place_of(&broker), outcome })
        });
    }
    let mut tried = trials.join_all().await;
    tried.sort_by_key(|(index, _)| *index);
    tried.into_iter().map(|(_, broker)| broker).collect()
}

pub(super) fn place_of(broker: &BrokerAddress) -> Place {
    let way = match broker.scheme {
        Scheme::Mqtt => Way::Mqtt,
        Scheme::Mqtts => Way::Mqtts,
        Scheme::Ws => Way::Ws,
        Scheme::Wss => Way::Wss,
    };
    Place { way, host: broker.host.clone(), port: broker.port }
}

/// What stands in the address wins over the configuration, and that over a token. The client id is
/// nobody's, so that no session of a running node ends.
fn credentials(
    broker: &BrokerAddress,
    config: &Config,
    pass: Option<&Pass>,
) -> (Credentials, String) {
    let (username, password) = match &broker.username {
        Some(_) => (broker.username.clone(), broker.password.clone()),
        None => (config.broker_username.clone(), config.broker_password.clone()),
    };
    if let (None, Some(pass)) = (&username, pass) {
        let Token { client_id, username, token, filter } = pass.token();
        return (Credentials::with_password(client_id, username, token), filter);
    }
    let credentials = Credentials {
        client_id: client_id(&DeviceId(random())),
        username,
        password: password.map(String::into_bytes),
    };
    (credentials, own_filter(&Identity::from_seed(random()).user_id()))
}
