//! Access tokens: how a user signs in to a broker that authenticates (protocol §9).

use thiserror::Error;

use crate::base64url;
use crate::identity::{self, Identity};
use crate::ids::DeviceId;
use crate::json::{JsonError, Object};
use crate::json_writer::write_object;
use crate::user_id::UserId;

/// Longest token in bytes; it travels as an MQTT password.
pub const MAX_ACCESS_TOKEN_BYTES: usize = 2048;

/// Longest life of a token in seconds.
pub const MAX_ACCESS_SECONDS: u64 = 300;

/// Longest hub name in bytes.
pub const MAX_AUDIENCE_BYTES: usize = 256;

/// Longest nonce in bytes.
pub const MAX_NONCE_BYTES: usize = 256;

const PREFIX: &str = "tin1p.";
const SIGNATURE_LABEL: &[u8] = b"tincan/1/access";

/// The MQTT client id of an installation: `tin` and 16 hex digits.
pub fn client_id(device: &DeviceId) -> String {
    format!("tin{device}")
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose token it is, and whose key signs it.
    pub sub: UserId,
    /// The hub it is for; 1 to [`MAX_AUDIENCE_BYTES`].
    pub aud: String,
    /// The MQTT client id it is for: see [`client_id`].
    pub cid: String,
    /// Issued at, in seconds since the Unix epoch by the hub's clock.
    pub iat: u64,
    /// Expires at, likewise; at most [`MAX_ACCESS_SECONDS`] after `iat`.
    pub exp: u64,
    /// The hub's challenge; at most [`MAX_NONCE_BYTES`].
    pub nonce: String,
}

/// Makes and verifies tokens: `tin1p.<base64url of the claims' JSON>.<base64url signature>`.
#[derive(Debug, Clone, Copy)]
pub enum AccessToken {}

impl AccessToken {
    /// Signs `claims`. They must be the signer's own and within bounds, or nobody accepts them.
    pub fn issue(own: &Identity, claims: &AccessClaims) -> String {
        let encoded = base64url::encode(claims.to_json().as_bytes());
        let signature = own.sign(&signed_bytes(&encoded));
        format!("{PREFIX}{encoded}.{}", base64url::encode(&signature))
    }

    /// Checks form, bounds, life span and signature. Whether it is for this hub, this client and
    /// this moment is for the hub to check: `aud`, `cid`, `nonce`, `iat` and `exp`.
    ///
    /// # Errors
    /// See [`AccessTokenError`].
    pub fn verify(token: &str) -> Result<AccessClaims, AccessTokenError> {
        if token.len() > MAX_ACCESS_TOKEN_BYTES {
            return Err(AccessTokenError::TooLong);
        }
        let rest = token.strip_prefix(PREFIX).ok_or(AccessTokenError::NotAToken)?;
        let (encoded, signature) = rest.split_once('.').ok_or(AccessTokenError::NotAToken)?;
        let json = base64url::decode(encoded).ok_or(AccessTokenError::NotAToken)?;
        let signature = base64url::decode_array(signature).ok_or(AccessTokenError::NotAToken)?;
        let claims = AccessClaims::parse(&json)?;
        claims.check()?;
        if !identity::verify(&claims.sub, &signed_bytes(encoded), &signature) {
            return Err(AccessTokenError::BadSignature);
        }
        Ok(claims)
    }
}

/// `"tincan/1/access"` ‖ the claims as they stand in the token, in base64url.
fn signed_bytes(encoded_claims: &str) -> Vec<u8> {
    [SIGNATURE_LABEL, encoded_claims.as_bytes()].concat()
}

impl AccessClaims {
    fn to_json(&self) -> String {
        let mut out = String::with_capacity(256);
        write_object(&mut out, |object| {
            object.plain("sub", self.sub).string("aud", &self.aud).string("cid", &self.cid);
            object.integer("iat", self.iat).integer("exp", self.exp).string("nonce", &self.nonce);
        });
        out
    }

    fn parse(json: &[u8]) -> Result<Self, JsonError> {
        let mut object = Object::parse(json)?;
        Ok(Self {
            sub: object.text("sub")?,
            aud: object.string("aud")?.into_owned(),
            cid: object.string("cid")?.into_owned(),
            iat: object.integer("iat")?,
            exp: object.integer("exp")?,
            nonce: object.string("nonce")?.into_owned(),
        })
    }

    fn check(&self) -> Result<(), AccessTokenError> {
        let device = self.cid.strip_prefix("tin").map(str::parse::<DeviceId>);
        if !matches!(device, Some(Ok(_))) {
            return Err(AccessTokenError::BadClientId);
        }
        if !(1..=MAX_AUDIENCE_BYTES).contains(&self.aud.len()) {
            return Err(AccessTokenError::OutOfBounds("aud"));
        }
        if self.nonce.len() > MAX_NONCE_BYTES {
            return Err(AccessTokenError::OutOfBounds("nonce"));
        }
        match self.exp.checked_sub(self.iat) {
            Some(seconds) if seconds <= MAX_ACCESS_SECONDS => Ok(()),
            _ => Err(AccessTokenError::BadLifeSpan),
        }
    }
}

/// Why a token gives no access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AccessTokenError {
    /// Longer than [`MAX_ACCESS_TOKEN_BYTES`].
    #[error("an access token has at most {MAX_ACCESS_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not of the form `tin1p.<claims>.<signature>`.
    #[error("this is no access token; sign in with one made by a Tincan client")]
    NotAToken,
    /// The claims cannot be read.
    #[error("the access token's claims cannot be read: {0}")]
    Claims(#[from] JsonError),
    /// The client id is not `tin` and 16 hex digits.
    #[error("the access token's client id must be `tin` and 16 hex digits")]
    BadClientId,
    /// It ends before it begins, or lives too long.
    #[error("an access token lives at most {MAX_ACCESS_SECONDS} seconds; make a fresh one")]
    BadLifeSpan,
    /// A claim breaks its bound.
    #[error("the access token's claim `{0}` is out of bounds")]
    OutOfBounds(&'static str),
    /// The signature is not that of `sub`.
    #[error("the access token is not signed by the user it names; sign in with the right identity")]
    BadSignature,
}

impl AccessTokenError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "access_too_long",
            Self::NotAToken => "access_form",
            Self::Claims(error) => error.reason(),
            Self::BadClientId => "access_client_id",
            Self::BadLifeSpan => "access_life_span",
            Self::OutOfBounds(_) => "access_out_of_bounds",
            Self::BadSignature => "access_signature",
        }
    }
}
