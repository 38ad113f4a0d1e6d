//! What each user and each address has of the server: allocations, and bytes a second.

use std::collections::BTreeMap;

use crate::bucket::{Bucket, Rate};

/// Everybody's shares under one kind of key.
///
/// A share is made with the first allocation. It stays for a while after the last one has ended,
/// until its bucket is full again, so that a new allocation brings no new burst. There are at most
/// twice as many shares as allocations can be, some 250 bytes each.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    limit: u32,
    rate: Rate,
    max_shares: usize,
    /// With as many shares as this, those that nobody uses are looked for.
    sweep_at: usize,
    by_key: BTreeMap<K, ShareId>,
    shares: Vec<Option<Share<K>>>,
    free: Vec<ShareId>,
}

/// Names a share, for as long as there are allocations in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShareId(u32);

#[derive(Debug)]
struct Share<K> {
    key: K,
    allocations: u32,
    bucket: Bucket,
}

/// Fewer shares than this are not worth a look.
const FIRST_SWEEP: usize = 64;

impl<K: Ord + Clone> Shares<K> {
    pub(crate) fn new(limit: u32, rate: Rate, max_allocations: usize) -> Self {
        Self {
            limit,
            rate,
            max_shares: max_allocations.saturating_mul(2),
            sweep_at: FIRST_SWEEP,
            by_key: BTreeMap::new(),
            shares: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Counts one more allocation; `None` if that is too many.
    pub(crate) fn enter(&mut self, key: &K, now_ms: u64) -> Option<ShareId> {
        let id = match self.by_key.get(key) {
            Some(id) => *id,
            None => self.insert(key, now_ms)?,
        };
        let limit = self.limit;
        let share = self.get_mut(id)?;
        if share.allocations >= limit {
            return None;
        }
        share.allocations += 1;
        Some(id)
    }

    /// Counts one less.
    pub(crate) fn leave(&mut self, id: ShareId, now_ms: u64) {
        let rate = self.rate;
        let Some(share) = self.get_mut(id) else { return };
        share.allocations = share.allocations.saturating_sub(1);
        if share.allocations == 0 && share.bucket.is_full(rate, now_ms) {
            self.remove(id);
        }
    }

    /// Whether so many bytes may be relayed. It costs nothing yet.
    pub(crate) fn has(&mut self, id: ShareId, bytes: u64, now_ms: u64) -> bool {
        let rate = self.rate;
        self.get_mut(id).is_some_and(|share| share.bucket.has(rate, bytes, now_ms))
    }

    /// Takes the bytes, after [`has`](Self::has).
    pub(crate) fn spend(&mut self, id: ShareId, bytes: u64) {
        if let Some(share) = self.get_mut(id) {
            share.bucket.spend(bytes);
        }
    }

    fn get_mut(&mut self, id: ShareId) -> Option<&mut Share<K>> {
        self.shares.get_mut(id.0 as usize)?.as_mut()
    }

    fn insert(&mut self, key: &K, now_ms: u64) -> Option<ShareId> {
        if self.by_key.len() >= self.sweep_at.min(self.max_shares) {
            self.sweep(now_ms);
        }
        if self.by_key.len() >= self.max_shares {
            return None;
        }
        let bucket = Bucket::full(self.rate, now_ms);
        let share = Some(Share { key: key.clone(), allocations: 0, bucket });
        let id = match self.free.pop() {
            Some(id) => {
                *self.shares.get_mut(id.0 as usize)? = share;
                id
            }
            None => {
                let id = ShareId(u32::try_from(self.shares.len()).ok()?);
                self.shares.push(share);
                id
            }
        };
        self.by_key.insert(key.clone(), id);
        Some(id)
    }

    fn remove(&mut self, id: ShareId) {
        if let Some(share) = self.shares.get_mut(id.0 as usize).and_then(Option::take) {
            self.by_key.remove(&share.key);
            self.free.push(id);
        }
    }

    /// Removes what nobody uses and is as good as new. The next look comes after as many new
    /// shares as there are now, so that it costs little for each.
    fn sweep(&mut self, now_ms: u64) {
        let ids: Vec<ShareId> = self.by_key.values().copied().collect();
        let rate = self.rate;
        for id in ids {
            let Some(share) = self.get_mut(id) else { continue };
            if share.allocations == 0 && share.bucket.is_full(rate, now_ms) {
                self.remove(id);
            }
        }
        self.sweep_at = FIRST_SWEEP.max(self.by_key.len().saturating_mul(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 100, burst: 200 };

    fn take(shares: &mut Shares<u32>, id: ShareId, bytes: u64, now_ms: u64) -> bool {
        let has = shares.has(id, bytes, now_ms);
        if has {
            shares.spend(id, bytes);
        }
        has
    }

    #[test]
    fn allocations_are_counted_per_key() {
        let mut shares = Shares::new(2, RATE, 100);
        let first = shares.enter(&1, 0).unwrap();
        assert_eq!(shares.enter(&1, 0), Some(first));
        assert_eq!(shares.enter(&1, 0), None);
        assert!(shares.enter(&2, 0).is_some());
        shares.leave(first, 0);
        assert_eq!(shares.enter(&1, 0), Some(first));
    }

    #[test]
    fn bytes_are_counted_over_all_allocations_of_a_key() {
        let mut shares = Shares::new(2, RATE, 100);
        let (one, other) = (shares.enter(&1, 0).unwrap(), shares.enter(&1, 0).unwrap());
        assert!(take(&mut shares, one, 150, 0));
        assert!(!take(&mut shares, other, 150, 0));
        assert!(take(&mut shares, other, 150, 1_000));
    }

    #[test]
    fn a_new_allocation_brings_no_new_burst() {
        let mut shares = Shares::new(2, RATE, 100);
        let id = shares.enter(&1, 0).unwrap();
        assert!(take(&mut shares, id, 200, 0));
        shares.leave(id, 0);
        let id = shares.enter(&1, 1).unwrap();
        assert!(!take(&mut shares, id, 100, 1));
    }

    #[test]
    fn shares_are_bounded_and_go_when_they_are_full_again() {
        let mut shares = Shares::new(1, RATE, 100);
        for key in 0..1_000 {
            if let Some(id) = shares.enter(&key, 0) {
                shares.spend(id, 200);
                shares.leave(id, 0);
            }
        }
        assert_eq!(shares.by_key.len(), 200);
        assert!(shares.enter(&2_000, 2_000).is_some());
        assert_eq!(shares.by_key.len(), 1);
        assert_eq!(shares.shares.len(), 200);
    }
}
