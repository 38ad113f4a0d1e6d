//! A rate of answers for every address of the Internet, in a table of fixed size.
//!
//! Who has not proved its address gets few answers, so that nobody gains by forging a sender.

use std::hash::BuildHasher as _;
use std::net::IpAddr;

use foldhash::fast::FixedState;

use crate::address::AddressKey;
use crate::bucket::{Bucket, Rate};

/// Buckets in the table, 64 KB. Addresses that share one by chance share its rate; a flood of
/// forged addresses cannot grow the table.
const BUCKETS: usize = 4096;

/// One bucket per address, chosen by a hash that an attacker cannot foresee.
#[derive(Debug)]
pub(crate) struct Answers {
    rate: Rate,
    hasher: FixedState,
    buckets: Vec<Bucket>,
}

impl Answers {
    pub(crate) fn new(rate: Rate, seed: u64) -> Self {
        let buckets = vec![Bucket::full(rate, 0); BUCKETS];
        Self { rate, hasher: FixedState::with_seed(seed), buckets }
    }

    /// Whether this address may have one more answer.
    pub(crate) fn take(&mut self, address: IpAddr, now_ms: u64) -> bool {
        let hash = self.hasher.hash_one(AddressKey::from(address));
        let index = usize::try_from(hash % BUCKETS as u64).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(index) else { return false };
        let has = bucket.has(self.rate, 1, now_ms);
        if has {
            bucket.spend(1);
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_spend_the_answers_of_all() {
        let mut answers = Answers::new(Rate { per_second: 1, burst: 2 }, 7);
        let loud = "192.0.2.1".parse().unwrap();
        assert_eq!((0..100).filter(|_| answers.take(loud, 0)).count(), 2);
        let others = (2..=250u8).filter(|n| answers.take(IpAddr::from([192, 0, 2, *n]), 0));
        assert!(others.count() > 200);
    }
}
