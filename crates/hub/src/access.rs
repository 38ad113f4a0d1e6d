//! Who may come in: challenges and access tokens (protocol §9). One verifier serves the broker
//! and the site.

mod nonce;
mod rules;

use tincan_wire::{AccessToken, AccessTokenError, UserId};

pub(crate) use nonce::NONCE_LIFE_MS;
use nonce::{NonceError, Nonces};
pub(crate) use rules::{PublishDenied, is_contact_request, may_publish, may_subscribe};

/// Issues challenges and verifies tokens made with them.
#[derive(Debug)]
pub(crate) struct Access {
    /// What tokens must be made out to.
    audience: String,
    nonces: Nonces,
}

/// What a client says of itself in CONNECT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: Option<&'a [u8]>,
}

impl Access {
    pub(crate) fn new(audience: String, secret: [u8; 32]) -> Self {
        Self { audience, nonces: Nonces::new(secret) }
    }

    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }

    /// A nonce for a token. Nothing is kept of it.
    pub(crate) fn challenge(&self, now_ms: u64, random: [u8; 8]) -> String {
        self.nonces.issue(now_ms, random)
    }

    /// Checks a token by itself. Its own times only say how long it lives; it is counted from the
    /// nonce, so a client whose clock is wrong by years gets in all the same.
    pub(crate) fn verify(&self, now_ms: u64, token: &str) -> Result<Pass, AccessError> {
        let claims = AccessToken::verify(token)?;
        if claims.aud != self.audience {
            return Err(AccessError::Audience);
        }
        let issued_ms = self.nonces.verify(now_ms, &claims.nonce)?;
        let life_ms = claims.exp.saturating_sub(claims.iat).saturating_mul(1000);
        if now_ms.saturating_sub(issued_ms) >= life_ms {
            return Err(AccessError::Nonce(NonceError::Expired));
        }
        Ok(Pass { user: claims.sub, client_id: claims.cid })
    }

    /// Checks a CONNECT: the token, and that it is this user's for this client id.
    pub(crate) fn admit(&self, now_ms: u64, claimed: Claimed<'_>) -> Result<UserId, AccessError> {
        if !rules::is_client_id(claimed.client_id) {
            return Err(AccessError::ClientId);
        }
        let password = claimed.password.ok_or(AccessError::NoToken)?;
        let token = std::str::from_utf8(password).map_err(|_| AccessTokenError::NotAToken)?;
        let pass = self.verify(now_ms, token)?;
        if pass.client_id != claimed.client_id {
            return Err(AccessError::OtherClientId);
        }
        if claimed.username != Some(pass.user.to_string().as_str()) {
            return Err(AccessError::OtherUser);
        }
        Ok(pass.user)
    }
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) user: UserId,
    pub(crate) client_id: String,
}

/// Why somebody stays outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("an access token is needed; GET /challenge begins one")]
    NoToken,
    #[error(transparent)]
    Token(#[from] AccessTokenError),
    #[error("the access token is made out to another hub; ask this one for a challenge")]
    Audience,
    #[error(transparent)]
    Nonce(#[from] NonceError),
    #[error("an MQTT client id must be `tin` and 16 hex digits")]
    ClientId,
    #[error("the access token is for another client id")]
    OtherClientId,
    #[error("the user name must be the user id of the access token")]
    OtherUser,
}

impl AccessError {
    /// A short stable name, for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "access_no_token",
            Self::Token(error) => error.reason(),
            Self::Audience => "access_audience",
            Self::Nonce(NonceError::Forged) => "access_nonce",
            Self::Nonce(NonceError::Expired) => "access_expired",
            Self::ClientId => "client_id_form",
            Self::OtherClientId => "access_other_client_id",
            Self::OtherUser => "access_other_user",
        }
    }

    /// Whether a fresh token may help, as against one that names the wrong thing.
    pub(crate) fn is_about_credentials(self) -> bool {
        matches!(self, Self::NoToken | Self::Token(_) | Self::Nonce(_))
    }
}

#[cfg(test)]
mod tests;
