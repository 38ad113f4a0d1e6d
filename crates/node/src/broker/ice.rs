//! Where STUN and TURN servers are, asked beside the connection to the broker, which it must not
//! delay, and again before their credentials expire (protocol §10).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::dialing::{Token, count_unreadable};
use super::link::Report;
use crate::hub_client::{HubClient, Ice};
use crate::ice_servers::{IceEntry, IceServers};

/// How long the engine may take to sign a token: microseconds, unless it is gone.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// The wait before a renewal that failed is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// The task that keeps the servers known; a new one ends the one before.
#[derive(Debug, Default)]
pub(super) struct IceTask(Mutex<Option<AbortHandle>>);

impl IceTask {
    /// Reports the servers of the hub, if there is one, beside those that are listed anyway.
    pub(super) fn begin(
        &self,
        hub: Option<(HubClient, String)>,
        listed: Vec<String>,
        reports: mpsc::Sender<Report>,
    ) {
        let listed = IceEntry { urls: listed, login: None };
        let task = tokio::spawn(keep_known(hub, listed, reports)).abort_handle();
        if let Some(before) = self.slot().replace(task) {
            before.abort();
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IceTask {
    fn drop(&mut self) {
        if let Some(task) = self.slot().take() {
            task.abort();
        }
    }
}

async fn keep_known(
    hub: Option<(HubClient, String)>,
    listed: IceEntry,
    reports: mpsc::Sender<Report>,
) {
    let Some((hub, token)) = hub else {
        return report(&[listed], &reports).await;
    };
    let mut token = Some(token);
    let mut known = false;
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
                let all = [vec![listed.clone()], entries].concat();
                report(&all, &reports).await;
                known = true;
                let Some(ttl) = ttl else { return };
                renew_after(ttl)
            }
            // What was known may well be good for longer than it says.
            None if known => AGAIN,
            None => {
                report(std::slice::from_ref(&listed), &reports).await;
                AGAIN
            }
        };
        sleep(wait).await;
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

/// Credentials are renewed at 80 % of their life (protocol §10), but neither at once nor never.
fn renew_after(ttl_seconds: u64) -> Duration {
    Duration::from_secs(ttl_seconds.clamp(60, 24 * 3_600) * 4 / 5)
}
