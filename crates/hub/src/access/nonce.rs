//! Challenges that the hub need not remember: a time, a random number and a MAC over both.

use tincan_wire::base64url;

/// How long after its issue a nonce is good.
pub(crate) const NONCE_LIFE_MS: u64 = 300_000;

const CONTEXT: &str = "tincan/1/nonce";
const MAC_BYTES: usize = 16;
const NONCE_BYTES: usize = 8 + 8 + MAC_BYTES;

/// Issues nonces and recognises its own. The secret is fresh at each start of the hub, and the
/// times are of its own monotonic clock.
pub(super) struct Nonces {
    key: [u8; 32],
}

/// Why a nonce is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NonceError {
    #[error("the access token's nonce is not of this hub, or of before its restart; ask anew")]
    Forged,
    #[error("the access token has expired; ask for a challenge and make a fresh one")]
    Expired,
}

impl Nonces {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { key: blake3::derive_key(CONTEXT, &secret) }
    }

    /// base64url(milliseconds ‖ random ‖ MAC), 43 characters.
    pub(super) fn issue(&self, now_ms: u64, random: [u8; 8]) -> String {
        let body = [now_ms.to_be_bytes(), random].concat();
        base64url::encode(&[&body[..], &self.mac(&body)].concat())
    }

    /// When it was issued.
    pub(super) fn verify(&self, now_ms: u64, nonce: &str) -> Result<u64, NonceError> {
        let bytes: [u8; NONCE_BYTES] = base64url::decode_array(nonce).ok_or(NonceError::Forged)?;
        let (body, mac) = bytes.split_at(NONCE_BYTES - MAC_BYTES);
        let expected = self.mac(body);
        let difference = expected.iter().zip(mac).fold(0, |sum, (a, b)| sum | (a ^ b));
        if std::hint::black_box(difference) != 0 {
            return Err(NonceError::Forged);
        }
        let (time, _) = body.split_first_chunk().ok_or(NonceError::Forged)?;
        let issued_ms = u64::from_be_bytes(*time);
        match now_ms.checked_sub(issued_ms) {
            Some(age) if age <= NONCE_LIFE_MS => Ok(issued_ms),
            _ => Err(NonceError::Expired),
        }
    }

    fn mac(&self, body: &[u8]) -> [u8; MAC_BYTES] {
        let mut mac = [0; MAC_BYTES];
        blake3::Hasher::new_keyed(&self.key).update(body).finalize_xof().fill(&mut mac);
        mac
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}
