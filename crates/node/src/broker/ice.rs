//! Where STUN and TURN servers are, asked beside the connection to the broker, which it must not
//! delay, and again before their credentials expire (protocol §10).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tincan_wire::ice_lifetime::{AGAIN, MAX_TTL, renew_after};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::dialing::{Token, count_unreadable};
use super::link::Report;
use crate::hub_client::{HubClient, Ice};
use crate::ice_servers::{IceEntry, IceServers};

/// How long the engine may take to sign a token: microseconds, unless it is gone.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// The task that keeps the servers known; a new one ends the one before.
#[derive(Debug, Default)]
pub(super) struct IceTask {
    running: Mutex<Option<AbortHandle>>,
    last: Arc<Mutex<Option<LastGood>>>,
}

/// What a hub said last, which the next task begins with.
#[derive(Clone, Debug)]
struct LastGood {
    origin: String,
    entries: Vec<IceEntry>,
    /// When its credentials expire; `None`: never.
    until: Option<Instant>,
}

impl IceTask {
    /// Reports the servers of the hub, if there is one, beside those that are listed anyway.
    pub(super) fn begin(
        &self,
        hub: Option<(HubClient, String)>,
        listed: Vec<String>,
        reports: mpsc::Sender<Report>,
    ) {
        let listed = IceEntry { urls: listed, login: None };
        let last = Arc::clone(&self.last);
        let task = tokio::spawn(keep_known(hub, listed, last, reports)).abort_handle();
        if let Some(before) = slot(&self.running).replace(task) {
            before.abort();
        }
    }
}

fn slot<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for IceTask {
    fn drop(&mut self) {
        if let Some(task) = slot(&self.running).take() {
            task.abort();
        }
    }
}

async fn keep_known(
    hub: Option<(HubClient, String)>,
    listed: IceEntry,
    last: Arc<Mutex<Option<LastGood>>>,
    reports: mpsc::Sender<Report>,
) {
    let Some((hub, token)) = hub else {
        return report(&[listed], &reports).await;
    };
    let origin = hub.origin().to_string();
    let mut token = Some(token);
    loop {
        let ice = match token.take() {
            Some(token) => ask(&hub, &token, &reports).await,
            None => match fresh_token(&hub, &reports).await {
                Some(token) => ask(&hub, &token, &reports).await,
                None => None,
            },
        };
        let wait = match ice {
            Some(Ice { entries, ttl }) => {
                let all = [vec![listed.clone()], entries.clone()].concat();
                let until = ttl.map(|ttl| Instant::now() + Duration::from_secs(ttl.min(MAX_TTL)));
                let good = LastGood { origin: origin.clone(), entries, until };
                *slot(&last) = Some(good);
                report(&all, &reports).await;
                let Some(ttl) = ttl else { return };
                renew_after(ttl)
            }
            None => {
                let known = slot(&last).clone().filter(|known| known.is_good_for(&origin));
                let known = known.map_or_else(Vec::new, |known| known.entries);
                report(&[vec![listed.clone()], known].concat(), &reports).await;
                AGAIN
            }
        };
        sleep(Duration::from_secs(wait)).await;
    }
}

impl LastGood {
    fn is_good_for(&self, origin: &str) -> bool {
        self.origin == origin && self.until.is_none_or(|until| Instant::now() < until)
    }
}

async fn ask(hub: &HubClient, token: &str, reports: &mpsc::Sender<Report>) -> Option<Ice> {
    match hub.ice(token).await {
        Ok(ice) => Some(ice),
        Err(error) => {
            count_unreadable(reports, Some(&error)).await;
            tracing::debug!(%error, "no ICE servers");
            None
        }
    }
}

async fn fresh_token(hub: &HubClient, reports: &mpsc::Sender<Report>) -> Option<String> {
    let challenge = hub.challenge().await.ok()?;
    sign(challenge.aud, challenge.nonce, reports).await.map(|token| token.token)
}

/// What the engine signs; `None` when it is gone.
pub(super) async fn sign(
    aud: String,
    nonce: String,
    reports: &mpsc::Sender<Report>,
) -> Option<Token> {
    let (answer, token) = oneshot::channel();
    reports.send(Report::Challenge { aud, nonce, answer }).await.ok()?;
    timeout(TOKEN_TIMEOUT, token).await.ok()?.ok()
}

async fn report(entries: &[IceEntry], reports: &mpsc::Sender<Report>) {
    let servers = IceServers::resolve(entries).await;
    // A shell that is gone needs no report.
    let _ = reports.send(Report::Ice(servers)).await;
}
