//! The hash stamp that a stranger's contact request must carry (protocol §7).

use crate::user_id::UserId;

/// Leading zero bits that a stamp's hash must have: about 260,000 hashes, a blink for a person
/// and a cost for a flood.
pub const STAMP_BITS: u32 = 18;

/// A nonce for which BLAKE3(`"tincan/1/stamp"` ‖ requester key ‖ owner key ‖ nonce as 8 bytes
/// big-endian) starts with [`STAMP_BITS`] zero bits. A JSON number on the wire, at most 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp(pub u64);

impl Stamp {
    /// Searches from 0 up and gives the first that fits. Takes some tens of milliseconds.
    pub fn find(requester: &UserId, owner: &UserId) -> Self {
        let prefix = prefix(requester, owner);
        let fits = |nonce: &u64| zero_bits(&prefix, *nonce) >= STAMP_BITS;
        // 2^64 tries cannot all miss a chance of 1 in 2^18, so the fallback is never seen.
        Self((0..=u64::MAX).find(fits).unwrap_or(u64::MAX))
    }

    /// Whether the stamp is paid for a request from `requester` to `owner`.
    pub fn verify(&self, requester: &UserId, owner: &UserId) -> bool {
        zero_bits(&prefix(requester, owner), self.0) >= STAMP_BITS
    }
}

const LABEL: &[u8; 14] = b"tincan/1/stamp";

fn prefix(requester: &UserId, owner: &UserId) -> [u8; 86] {
    let mut bytes = [0; 86];
    bytes[..14].copy_from_slice(LABEL);
    bytes[14..46].copy_from_slice(requester.as_bytes());
    bytes[46..78].copy_from_slice(owner.as_bytes());
    bytes
}

fn zero_bits(prefix: &[u8; 86], nonce: u64) -> u32 {
    let mut bytes = *prefix;
    bytes[78..].copy_from_slice(&nonce.to_be_bytes());
    let hash = blake3::hash(&bytes);
    let mut head = [0; 8];
    head.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_be_bytes(head).leading_zeros()
}
