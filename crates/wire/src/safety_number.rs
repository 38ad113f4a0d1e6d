//! The 60 digits that two people compare to know that no one stands between them (protocol §1).

use std::fmt;

use sha2::{Digest as _, Sha512};

use crate::user_id::UserId;

/// SHA-512(`"tincan/1/safety"` ‖ lower key ‖ higher key) as 12 groups of 5 digits, the same for
/// both users. Group `i` is bytes `5i .. 5i+5` of the hash as a big-endian number, modulo 100,000.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SafetyNumber([u32; 12]);

impl SafetyNumber {
    /// The number of two users, in either order.
    pub fn new(one: &UserId, other: &UserId) -> Self {
        let hash = Sha512::new()
            .chain_update(b"tincan/1/safety")
            .chain_update(one.min(other).as_bytes())
            .chain_update(one.max(other).as_bytes())
            .finalize();
        let mut groups = [0; 12];
        for (group, chunk) in groups.iter_mut().zip(hash.chunks_exact(5)) {
            // (accumulator * 256 + byte) stays below 2^25 because it is reduced at each step.
            *group = chunk.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % 100_000);
        }
        Self(groups)
    }

    /// The 60 digits without spaces, as the QR code carries them.
    pub fn digits(&self) -> String {
        self.0.iter().map(|group| format!("{group:05}")).collect()
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{group:05}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafetyNumber({self})")
    }
}
