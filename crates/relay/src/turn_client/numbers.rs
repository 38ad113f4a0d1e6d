//! Transaction ids that nobody can guess (RFC 8489 §5).

use std::fmt;

use crate::mac::hmac_sha1;
use crate::message::Transaction;

/// A stream of ids from a secret seed.
pub(super) struct Numbers {
    seed: [u8; 32],
    count: u64,
}

impl Numbers {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: 0 }
    }

    pub(super) fn next(&mut self) -> Transaction {
        self.count += 1;
        let mac = hmac_sha1(&self.seed, &[&self.count.to_be_bytes()]);
        let mut id = [0; 12];
        id.copy_from_slice(&mac[..12]);
        Transaction(id)
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").field("count", &self.count).finish_non_exhaustive()
    }
}
