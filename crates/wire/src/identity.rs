//! The Ed25519 key pair that a user is (protocol §1).

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use rand_core::CryptoRng;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use crate::user_id::UserId;

/// The secret half of a user. Its memory is wiped when it is dropped and `Debug` shows none of it.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    user_id: UserId,
}

impl Identity {
    /// The identity of a 32-byte Ed25519 seed (RFC 8032 §5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let key = SigningKey::from_bytes(&seed);
        let user_id = UserId::of_own_key(&key.verifying_key());
        Self { key, user_id }
    }

    /// A fresh identity.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// The seed, for storage. Whoever has it is this user.
    pub fn seed(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The public half.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// Signs `message` (Ed25519, RFC 8032).
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// The X25519 form of the secret (RFC 7748 clamping is applied when it is used).
    pub(crate) fn x25519(&self) -> StaticSecret {
        StaticSecret::from(self.key.to_scalar_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Strict Ed25519 verification: canonical, no small-order parts (RFC 8032 §5.1.7, cofactorless).
pub(crate) fn verify(signer: &UserId, message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    signer.verifying_key().verify_strict(message, &signature).is_ok()
}
