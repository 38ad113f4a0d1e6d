//! One attempt to reach a broker: ask the hub where it is and for a challenge, get a token, open
//! the transport.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tincan_engine::Unreadable;
use tincan_mqtt::Credentials;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::address::BrokerAddress;
use super::ice::{IceTask, sign};
use super::link::{Login, Report};
use super::meeting_place::MeetingPlace;
use crate::dial::{ByteStream, DialError, Dialer};
use crate::hub_client::{HttpError, HubClient, Origin};

/// How long one address is alone before the next is tried beside it.
const HEAD_START: Duration = Duration::from_millis(300);

/// All that one attempt needs; it owns it, so that it can be dropped at any point.
pub(super) struct Dialing {
    pub(super) dialer: Dialer,
    pub(super) place: MeetingPlace,
    pub(super) login: Login,
    /// Configured STUN servers.
    pub(super) stun: Vec<String>,
    pub(super) client_id: String,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) ice: Arc<IceTask>,
    /// How many addresses to pass over: those that failed above the transport before.
    pub(super) skip: usize,
}

/// What the engine signs for a hub.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// The MQTT client id that the token is bound to.
    pub(crate) client_id: String,
    /// Our user id.
    pub(crate) username: String,
    /// The access token (protocol §9).
    pub(crate) token: String,
}

/// A transport to a broker, ready for CONNECT.
pub(super) struct Dialed {
    pub(super) stream: ByteStream,
    pub(super) credentials: Credentials,
    /// For a person to read.
    pub(super) broker: String,
}

impl Dialing {
    /// The reason of a failure is a sentence.
    pub(super) async fn run(self) -> Result<Dialed, String> {
        if self.place.is_nowhere() {
            return Err("no hub and no broker is known; name one with --hub, or add a contact \
                        by an invite link that names theirs"
                .to_owned());
        }
        let Some(origin) = self.place.hub.clone() else {
            let brokers = self.place.brokers.clone();
            self.ice.begin(None, self.stun.clone(), self.reports.clone());
            return self.first_that_answers(brokers, None).await;
        };
        let hub = HubClient::new(self.dialer.clone(), origin.clone());
        let (config, challenge) = tokio::join!(hub.config(), hub.challenge());
        count_unreadable(&self.reports, config.as_ref().err()).await;
        count_unreadable(&self.reports, challenge.as_ref().err()).await;
        let (brokers, mut stun) = (self.place.brokers.clone(), self.stun.clone());
        let brokers = match (config, brokers.is_empty()) {
            (Err(error), true) => return Err(error.to_string()),
            (Err(_), false) => brokers,
            (Ok(config), listed) => {
                stun.extend(config.stun);
                if listed { brokers_of(&origin, &config.brokers)? } else { brokers }
            }
        };
        let token = match challenge {
            Ok(challenge) => {
                if let Some(now) = challenge.now {
                    // A shell that is gone needs no report.
                    let _ = self.reports.send(Report::Clock(behind(now))).await;
                }
                let token = sign(challenge.aud, challenge.nonce, &self.reports).await;
                Some(token.ok_or_else(|| "the node is shutting down".to_owned())?)
            }
            // A hub in front of a broker that authenticates nobody has no challenge to give.
            Err(HttpError::Status { status: 404, .. }) => None,
            Err(error) => return Err(error.to_string()),
        };
        let asking = token.as_ref().map(|token| (hub, token.token.clone()));
        self.ice.begin(asking, stun, self.reports.clone());
        self.first_that_answers(brokers, token).await
    }

    async fn first_that_answers(
        &self,
        brokers: Vec<BrokerAddress>,
        token: Option<Token>,
    ) -> Result<Dialed, String> {
        let mut last = "the hub names no broker; ask who runs it".to_owned();
        let count = brokers.len();
        let order = brokers.iter().cycle().skip(self.skip % count.max(1)).take(count);
        // The next one begins a moment later, unless the one before has failed by then: a
        // firewall that swallows what goes to some ports must not cost seconds for each.
        // One in the clear never overtakes one with TLS, or a password would go in the clear.
        let mut waiting = order.cloned().peekable();
        let mut attempts = JoinSet::new();
        let mut secure = 0;
        loop {
            let more = waiting.next_if(|broker| secure == 0 || broker.scheme.is_secure());
            let exhausted = more.is_none();
            if let Some(broker) = more {
                let dialer = self.dialer.clone();
                secure += usize::from(broker.scheme.is_secure());
                attempts.spawn(async move { (open(&dialer, &broker).await, broker) });
            }
            let ended = if exhausted {
                attempts.join_next().await
            } else {
                match timeout(HEAD_START, attempts.join_next()).await {
                    Ok(ended) => ended,
                    Err(_) => continue,
                }
            };
            match ended {
                Some(Ok((Ok(stream), broker))) => {
                    let credentials = self.credentials(&broker, token);
                    return Ok(Dialed { stream, credentials, broker: broker.to_string() });
                }
                Some(Ok((Err(error), broker))) => {
                    tracing::debug!(%broker, %error, "broker does not answer");
                    secure -= usize::from(broker.scheme.is_secure());
                    last = error.to_string();
                }
                // It panicked; whether it was a secure one is not known any more.
                Some(Err(error)) => return Err(error.to_string()),
                None if exhausted => return Err(last),
                None => {}
            }
        }
    }

    /// What stands in the address wins over the configuration, and that over a token.
    fn credentials(&self, broker: &BrokerAddress, token: Option<Token>) -> Credentials {
        let (username, password) = match &broker.username {
            Some(_) => (broker.username.clone(), broker.password.clone()),
            None => (self.login.username.clone(), self.login.password.clone()),
        };
        match (username, token) {
            (None, Some(token)) => {
                Credentials::with_password(token.client_id, token.username, token.token)
            }
            (username, _) => Credentials {
                client_id: self.client_id.clone(),
                username,
                password: password.map(String::into_bytes),
            },
        }
    }
}

pub(super) async fn count_unreadable(reports: &mpsc::Sender<Report>, error: Option<&HttpError>) {
    if error.is_some_and(HttpError::is_unreadable) {
        // A shell that is gone counts no more.
        let _ = reports.send(Report::Unreadable(Unreadable::HubAnswer)).await;
    }
}

/// By how many milliseconds our wall clock is behind `now`.
pub(crate) fn behind(now: u64) -> i64 {
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let difference = i128::from(now) - i128::try_from(ours).unwrap_or(i128::MAX);
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

/// The brokers of a hub, in the order to try. Addresses of a kind that we don't speak are passed
/// over. Whoever asked for TLS gets it here, too: the token must not go in the clear. A hub behind
/// a proxy that ends TLS does not know of it; its broker is on the same port, at `/mqtt`.
pub(crate) fn brokers_of(origin: &Origin, listed: &[String]) -> Result<Vec<BrokerAddress>, String> {
    let mut brokers: Vec<BrokerAddress> =
        listed.iter().filter_map(|text| text.parse().ok()).collect();
    if origin.secure {
        brokers.retain(|broker| broker.scheme.is_secure());
        let beside = BrokerAddress::beside(&origin.host, origin.port);
        if !brokers.contains(&beside) {
            brokers.insert(0, beside);
        }
    }
    if brokers.is_empty() {
        return Err(
            "the hub names no broker that this node can talk to; ask who runs it".to_owned()
        );
    }
    Ok(brokers)
}

/// Opens the transport to a broker.
pub(super) async fn open(dialer: &Dialer, broker: &BrokerAddress) -> Result<ByteStream, DialError> {
    let (host, port, secure) = (&broker.host, broker.port, broker.scheme.is_secure());
    if broker.scheme.is_websocket() {
        dialer.websocket(host, port, secure, &broker.path).await
    } else {
        dialer.stream(host, port, secure).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &str, listed: &[&str], expected: &[&str]) {
        let listed: Vec<String> = listed.iter().map(|text| (*text).to_owned()).collect();
        let found = brokers_of(&origin.parse().unwrap(), &listed).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{origin} lists {listed:?}");
    }

    #[test]
    fn a_hub_without_tls_is_taken_at_its_word() {
        check(
            "http://h:8080",
            &["mqtt://h", "gopher://x", "ws://h:8080/mqtt"],
            &["mqtt://h:1883", "ws://h:8080/mqtt"],
        );
        let origin = "http://h".parse().unwrap();
        assert!(brokers_of(&origin, &["gopher://x".to_owned()]).is_err());
    }

    #[test]
    fn a_hub_behind_tls_is_never_left_for_a_broker_in_the_clear() {
        check("https://h", &["mqtt://h", "ws://h:8080/mqtt"], &["wss://h:443/mqtt"]);
        check("https://h:8", &["mqtt://h", "mqtts://b"], &["wss://h:8/mqtt", "mqtts://b:8883"]);
        check("https://h", &["mqtts://b", "wss://h/mqtt"], &["mqtts://b:8883", "wss://h:443/mqtt"]);
        check("https://h", &[], &["wss://h:443/mqtt"]);
    }
}
