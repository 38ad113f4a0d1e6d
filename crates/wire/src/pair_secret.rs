//! The secret that two users share without a message, for the envelope's flood tag (protocol §3).

use std::fmt;

use subtle::ConstantTimeEq as _;
use x25519_dalek::PublicKey;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::identity::Identity;
use crate::user_id::UserId;

/// BLAKE3 `derive_key("tincan/1/pair", X25519(own, peer))`, the same on both sides.
///
/// Derive it once per contact and keep it: it costs a scalar multiplication. It is wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PairSecret([u8; 32]);

impl PairSecret {
    /// The secret of `own` and `peer`, both in the X25519 form of their Ed25519 keys.
    pub fn derive(own: &Identity, peer: &UserId) -> Self {
        let shared = own.x25519().diffie_hellman(&PublicKey::from(peer.x25519()));
        Self(blake3::derive_key("tincan/1/pair", shared.as_bytes()))
    }

    /// The tag `g` of an envelope: the first 16 bytes of keyed BLAKE3 over the encapsulated key.
    pub(crate) fn tag(&self, encapsulated_key: &[u8; 32]) -> [u8; 16] {
        let hash = blake3::keyed_hash(&self.0, encapsulated_key);
        let mut tag = [0; 16];
        tag.copy_from_slice(&hash.as_bytes()[..16]);
        tag
    }

    /// Whether `tag` is ours, in constant time.
    pub(crate) fn matches(&self, encapsulated_key: &[u8; 32], tag: &[u8; 16]) -> bool {
        self.tag(encapsulated_key).ct_eq(tag).into()
    }
}

impl fmt::Debug for PairSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairSecret(…)")
    }
}
