//! Who asks (RFC 8489 §9.2.4, RFC 8656 §5).

use crate::client::Client;
use crate::credential::{Key, Name};
use crate::error_code::ErrorCode;
use crate::message::Message;
use crate::message::attribute::{NONCE, REALM, USERNAME};
use crate::now::Now;
use crate::server::Server;

/// A client that has shown that it knows the password.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    pub(super) username: &'a [u8],
    pub(super) key: Key,
    /// Somebody else has made the client's allocation.
    pub(super) is_other: bool,
}

impl Server {
    /// Checks a request's credential. The user of an allocation is known by what it was made
    /// with, even when the name has expired or its secret is gone meanwhile.
    pub(super) fn authenticate<'a>(
        &self,
        now: Now,
        client: &Client,
        message: &Message<'a>,
    ) -> Result<Identity<'a>, ErrorCode> {
        if !message.has_integrity() {
            return Err(ErrorCode::Unauthorized);
        }
        let part = |kind| message.find(kind).ok_or(ErrorCode::BadRequest);
        let (username, realm, nonce) = (part(USERNAME)?, part(REALM)?, part(NONCE)?);
        if realm != self.config.realm.as_bytes() {
            return Err(ErrorCode::Unauthorized);
        }
        let allocation = self.table.of_client(client).and_then(|id| self.table.get(id));
        let is_other = allocation.is_some_and(|known| *known.username != *username);
        let key = match allocation {
            Some(known) if !is_other => Some(known.key.clone()).filter(|key| message.verify(key)),
            Some(_) | None => self.key_of(now, username, message),
        };
        let key = key.ok_or(ErrorCode::Unauthorized)?;
        if !self.nonces.is_fresh(now.ms, client.remote, nonce) {
            return Err(ErrorCode::StaleNonce);
        }
        Ok(Identity { username, key, is_other })
    }

    /// The key of a name that is good now, if the message was made with it.
    fn key_of(&self, now: Now, username: &[u8], message: &Message<'_>) -> Option<Key> {
        let name = Name::parse(username)?;
        if name.expiry_unix_seconds <= now.unix_seconds {
            return None;
        }
        self.secrets.keys(username, &self.config.realm).find(|key| message.verify(key))
    }
}
