//! Who gets which name and password for the relay (protocol §10).

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tincan_relay::{Credential, Secret, Secrets};
use tincan_wire::UserId;

use crate::config::RelayConfig;

/// How long a credential is good, in seconds.
pub(crate) const LIFE_SECONDS: u64 = 3600;

/// The secrets, and what names are made from.
pub(crate) struct Credentials {
    secrets: Mutex<Secrets>,
    /// Shared with a relay elsewhere, or with other hubs: it stays as it is.
    is_shared: bool,
    names: [u8; 32],
}

impl Credentials {
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn new(config: &RelayConfig) -> Result<Self, getrandom::Error> {
        let mut names = [0; 32];
        getrandom::fill(&mut names)?;
        let current = match &config.secret {
            Some(secret) => Secret::new(secret.as_bytes()),
            None => random_secret()?,
        };
        let secrets = Mutex::new(Secrets { current, previous: None });
        Ok(Self { secrets, is_shared: config.secret.is_some(), names })
    }

    pub(super) fn secrets(&self) -> Secrets {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn rotates(&self) -> bool {
        !self.is_shared
    }

    /// Takes a new secret; credentials of the one before stay good.
    pub(super) fn rotate(&self) -> Secrets {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        match random_secret() {
            Ok(fresh) => {
                let before = std::mem::replace(&mut secrets.current, fresh);
                secrets.previous = Some(before);
            }
            Err(error) => tracing::error!(%error, "the system gives no random numbers"),
        }
        secrets.clone()
    }

    /// For this user, from now on. The name tells the relay's users apart, as its quotas need,
    /// and tells nobody who they are.
    pub(crate) fn issue(&self, user: &UserId) -> Credential {
        let name = blake3::keyed_hash(&self.names, user.to_string().as_bytes()).to_hex();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let name = name.as_str().get(..24).unwrap_or_default();
        Credential::issue(&self.secrets().current, now + LIFE_SECONDS, name)
    }
}

fn random_secret() -> Result<Secret, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(bytes))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("is_shared", &self.is_shared).finish_non_exhaustive()
    }
}
