//! A rate for every address of the internet, in a table of fixed size.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use tincan_relay::AddressKey;

use super::{Bucket, Rate};

/// Buckets in the table. Addresses that share one by chance share its rate; with 4,096 that is
/// rare for the users of one hub, and a flood of forged addresses cannot grow the table.
const BUCKETS: usize = 4096;

/// One bucket per address, chosen by a hash that an attacker cannot foresee.
#[derive(Debug)]
pub(crate) struct AddressBuckets {
    rate: Rate,
    hasher: RandomState,
    buckets: Vec<Bucket>,
}

impl AddressBuckets {
    pub(crate) fn new(rate: Rate) -> Self {
        let buckets = vec![Bucket::full(rate, 0); BUCKETS];
        Self { rate, hasher: RandomState::new(), buckets }
    }

    /// Whether this address may do one more.
    pub(crate) fn take(&mut self, address: IpAddr, now_ms: u64) -> bool {
        self.take_or_wait(address, now_ms).is_ok()
    }

    /// The same for who can wait.
    ///
    /// # Errors
    /// In how many milliseconds it may, if nobody else with its bucket is quicker.
    pub(crate) fn take_or_wait(&mut self, address: IpAddr, now_ms: u64) -> Result<(), u64> {
        let hash = self.hasher.hash_one(AddressKey::from(address));
        let index = usize::try_from(hash % BUCKETS as u64).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(index) else { return Err(1000) };
        bucket.take(self.rate, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str) -> AddressKey {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
        assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
    }

    #[test]
    fn one_address_does_not_spend_the_rate_of_all() {
        let mut buckets = AddressBuckets::new(Rate::new(1, 2));
        let (mut refused, loud) = (0, "192.0.2.1".parse().unwrap());
        for _ in 0..100 {
            refused += usize::from(!buckets.take(loud, 0));
        }
        assert_eq!(refused, 98);
        let others = (2..=250u8).filter(|n| buckets.take(IpAddr::from([192, 0, 2, *n]), 0));
        assert!(others.count() > 200);
    }
}
