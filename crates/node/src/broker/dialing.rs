//! One attempt to reach a broker: ask the hub where it is and for a challenge, get a token, open
//! the transport.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tincan_mqtt::Credentials;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::address::BrokerAddress;
use super::link::{Login, Report};
use super::meeting_place::MeetingPlace;
use crate::dial::{ByteStream, DialError, Dialer};
use crate::hub_client::{HttpError, HubClient};
use crate::stun_servers::resolve_all;

/// How long the engine may take to sign a token: microseconds, unless it is gone.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// All that one attempt needs; it owns it, so that it can be dropped at any point.
pub(super) struct Dialing {
    pub(super) dialer: Dialer,
    pub(super) place: MeetingPlace,
    pub(super) login: Login,
    /// Configured STUN servers.
    pub(super) stun: Vec<String>,
    pub(super) client_id: String,
    pub(super) reports: mpsc::Sender<Report>,
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
            self.report_stun(None, self.stun.clone());
            return self.first_that_answers(brokers, None).await;
        };
        let hub = HubClient::new(self.dialer.clone(), origin);
        let (config, challenge) = tokio::join!(hub.config(), hub.challenge());
        let (brokers, mut stun) = (self.place.brokers.clone(), self.stun.clone());
        let brokers = match (config, brokers.is_empty()) {
            (Err(error), true) => return Err(error.to_string()),
            (Err(_), false) => brokers,
            (Ok(config), listed) => {
                stun.extend(config.stun);
                if listed { parse_listed(&config.brokers)? } else { brokers }
            }
        };
        let token = match challenge {
            Ok(challenge) => {
                if let Some(now) = challenge.now {
                    // A shell that is gone needs no report.
                    let _ = self.reports.send(Report::Clock(behind(now))).await;
                }
                Some(self.token(challenge.aud, challenge.nonce).await?)
            }
            // A hub in front of a broker that authenticates nobody has no challenge to give.
            Err(HttpError::Status { status: 404, .. }) => None,
            Err(error) => return Err(error.to_string()),
        };
        self.report_stun(token.as_ref().map(|token| (hub, token.token.clone())), stun);
        self.first_that_answers(brokers, token).await
    }

    async fn token(&self, aud: String, nonce: String) -> Result<Token, String> {
        let (answer, token) = oneshot::channel();
        let asked = self.reports.send(Report::Challenge { aud, nonce, answer }).await;
        match timeout(TOKEN_TIMEOUT, token).await {
            Ok(Ok(token)) if asked.is_ok() => Ok(token),
            _ => Err("the node is shutting down".to_owned()),
        }
    }

    /// Beside the connection, which it must not delay.
    fn report_stun(&self, hub: Option<(HubClient, String)>, listed: Vec<String>) {
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let mut urls = listed;
            if let Some((hub, token)) = hub {
                match hub.ice(&token).await {
                    Ok(stun) => urls.extend(stun),
                    Err(error) => tracing::debug!(%error, "no ICE servers"),
                }
            }
            let servers = resolve_all(&urls).await;
            // A shell that is gone needs no report.
            let _ = reports.send(Report::Stun(servers)).await;
        });
    }

    async fn first_that_answers(
        &self,
        brokers: Vec<BrokerAddress>,
        token: Option<Token>,
    ) -> Result<Dialed, String> {
        let mut last = "the hub names no broker; ask who runs it".to_owned();
        let count = brokers.len();
        for broker in brokers.iter().cycle().skip(self.skip % count.max(1)).take(count) {
            match open(&self.dialer, broker).await {
                Ok(stream) => {
                    let credentials = self.credentials(broker, token);
                    return Ok(Dialed { stream, credentials, broker: broker.to_string() });
                }
                Err(error) => {
                    tracing::debug!(%broker, %error, "broker does not answer");
                    last = error.to_string();
                }
            }
        }
        Err(last)
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

/// By how many milliseconds our wall clock is behind `now`.
fn behind(now: u64) -> i64 {
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let difference = i128::from(now) - i128::try_from(ours).unwrap_or(i128::MAX);
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

/// Addresses of a kind that we don't speak are passed over.
fn parse_listed(listed: &[String]) -> Result<Vec<BrokerAddress>, String> {
    let brokers: Vec<BrokerAddress> = listed.iter().filter_map(|text| text.parse().ok()).collect();
    if brokers.is_empty() {
        return Err(
            "the hub names no broker that this node can talk to; ask who runs it".to_owned()
        );
    }
    Ok(brokers)
}

async fn open(dialer: &Dialer, broker: &BrokerAddress) -> Result<ByteStream, DialError> {
    let (host, port, secure) = (&broker.host, broker.port, broker.scheme.is_secure());
    if broker.scheme.is_websocket() {
        dialer.websocket(host, port, secure, &broker.path).await
    } else {
        dialer.stream(host, port, secure).await
    }
}
