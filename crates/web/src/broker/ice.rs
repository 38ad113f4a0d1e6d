//! The hub's STUN and TURN servers, asked beside the connection to the broker, which it must not
//! delay, and again before their credentials expire (protocol §10).

use std::rc::Weak;

use tincan_wire::ice_lifetime::{AGAIN, renew_after};
use wasm_bindgen_futures::spawn_local;

use super::{Broker, Report};
use crate::hub::{self, HubConfig, HubError, Ice, IceServer};
use crate::timer::sleep;

impl Broker {
    /// Tells the servers now and whenever they have new credentials, until the next attempt.
    pub(super) fn keep_ice(&self, config: HubConfig, origin: String, token: String, attempt: u64) {
        let me = Weak::clone(&self.me);
        spawn_local(async move {
            let mut token = Some(token);
            while let Some(broker) = me.upgrade()
                && broker.attempt.get() == attempt
            {
                let again = broker.ask_ice(&config, &origin, token.take()).await;
                drop(broker);
                let Some(seconds) = again else { return };
                sleep(i32::try_from(seconds.saturating_mul(1_000)).unwrap_or(i32::MAX)).await;
            }
        });
    }

    /// In how many seconds to ask again; `None`: not at all.
    async fn ask_ice(
        &self,
        config: &HubConfig,
        origin: &str,
        token: Option<String>,
    ) -> Option<u64> {
        let answer = self.ice(origin, token).await;
        self.count_unreadable(answer.as_ref().err());
        let (servers, again) = match answer {
            Ok(Ice { servers, ttl }) if !servers.is_empty() => (servers, ttl.map(renew_after)),
            Ok(_) | Err(HubError::Status(404)) => (stun_only(config), None),
            // Those that are known may well be good for a while.
            Err(_) if self.ice_of.borrow().as_deref() == Some(origin) => return Some(AGAIN),
            Err(_) => {
                (self.tell)(Report::Ice(stun_only(config)));
                return Some(AGAIN);
            }
        };
        self.ice_of.replace(Some(origin.to_owned()));
        (self.tell)(Report::Ice(servers));
        again
    }

    async fn ice(&self, origin: &str, token: Option<String>) -> Result<Ice, HubError> {
        let token = match token {
            Some(token) => token,
            None => {
                let signed = self.sign(hub::challenge(origin).await?).await;
                signed.ok_or_else(|| HubError::Unreachable("the page is closing".to_owned()))?.token
            }
        };
        hub::ice(origin, &token).await
    }
}

pub(super) fn stun_only(config: &HubConfig) -> Vec<IceServer> {
    match config.stun.is_empty() {
        true => Vec::new(),
        false => vec![IceServer { urls: config.stun.clone(), ..IceServer::default() }],
    }
}
