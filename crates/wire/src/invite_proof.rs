//! Invite tokens and the proof that a requester holds one (protocol §§1, 7).

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq as _;

use crate::base64url;
use crate::invite::InviteError;
use crate::serde_text::serde_as_text;
use crate::user_id::UserId;

/// 16 random bytes that admit their holder past the stranger rules, until the invite expires.
/// `Debug` hides them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteToken(pub [u8; 16]);

impl InviteToken {
    /// A fresh token.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for InviteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteToken(…)")
    }
}

impl fmt::Display for InviteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl FromStr for InviteToken {
    type Err = InviteError;

    fn from_str(text: &str) -> Result<Self, InviteError> {
        base64url::decode_array(text).map(Self).ok_or(InviteError::BadEncoding)
    }
}

serde_as_text!(InviteToken);

/// Keyed BLAKE3 over requester key ‖ owner key, under BLAKE3 `derive_key("tincan/1/invite",
/// token)`: shows that the requester holds the token without sending it. base64url in JSON.
#[derive(Clone, Copy)]
pub struct InviteProof(pub [u8; 32]);

impl InviteProof {
    /// The proof that `requester` may ask `owner`, whose invite carried `token`.
    pub fn new(token: &InviteToken, requester: &UserId, owner: &UserId) -> Self {
        let key = blake3::derive_key("tincan/1/invite", &token.0);
        let mut message = [0; 64];
        message[..32].copy_from_slice(requester.as_bytes());
        message[32..].copy_from_slice(owner.as_bytes());
        Self(*blake3::keyed_hash(&key, &message).as_bytes())
    }

    /// Whether this is the proof of `token` for these two, in constant time.
    pub fn verify(&self, token: &InviteToken, requester: &UserId, owner: &UserId) -> bool {
        *self == Self::new(token, requester, owner)
    }
}

impl PartialEq for InviteProof {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for InviteProof {}

impl fmt::Debug for InviteProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteProof(…)")
    }
}

impl fmt::Display for InviteProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl FromStr for InviteProof {
    type Err = InviteError;

    fn from_str(text: &str) -> Result<Self, InviteError> {
        base64url::decode_array(text).map(Self).ok_or(InviteError::BadEncoding)
    }
}

serde_as_text!(InviteProof);
