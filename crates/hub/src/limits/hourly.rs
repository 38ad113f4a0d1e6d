//! So many an hour for each of many keys.

use std::collections::BTreeMap;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Keys remembered at once; ids are free, so somebody could make up any number. At some 100 bytes
/// each this is 10 MB at worst.
const MAX_KEYS: usize = 100_000;

/// Allows `limit` an hour per key, counted in windows that begin with the first.
#[derive(Debug)]
pub(crate) struct Hourly<K> {
    limit: u32,
    windows: BTreeMap<K, Window>,
    /// Before this, a full table holds no window that has ended; so a flood of new keys does not
    /// cost a search each.
    full_until_ms: u64,
}

#[derive(Debug)]
struct Window {
    began_ms: u64,
    count: u32,
}

impl<K: Ord> Hourly<K> {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, windows: BTreeMap::new(), full_until_ms: 0 }
    }

    /// Whether `key` has some left. It costs nothing yet.
    ///
    /// A full table refuses new keys until an hour has passed for some: with that many senders
    /// within an hour the hub is under attack.
    pub(crate) fn allows(&mut self, key: &K, now_ms: u64) -> bool {
        match self.windows.get(key).filter(|window| window.lasts(now_ms)) {
            Some(window) => window.count < self.limit,
            None => self.limit > 0 && self.has_room(now_ms),
        }
    }

    /// Spends one, after [`allows`](Self::allows).
    pub(crate) fn spend(&mut self, key: K, now_ms: u64) {
        let window = self.windows.entry(key).or_insert(Window { began_ms: now_ms, count: 0 });
        if !window.lasts(now_ms) {
            *window = Window { began_ms: now_ms, count: 0 };
        }
        window.count = window.count.saturating_add(1);
    }

    fn has_room(&mut self, now_ms: u64) -> bool {
        if self.windows.len() >= MAX_KEYS && now_ms >= self.full_until_ms {
            self.windows.retain(|_, window| window.lasts(now_ms));
            let oldest = self.windows.values().map(|window| window.began_ms).min();
            self.full_until_ms = oldest.unwrap_or(now_ms).saturating_add(HOUR_MS);
        }
        self.windows.len() < MAX_KEYS
    }
}

impl Window {
    fn lasts(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.began_ms) < HOUR_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(hourly: &mut Hourly<u32>, key: u32, now_ms: u64) -> bool {
        let allowed = hourly.allows(&key, now_ms);
        if allowed {
            hourly.spend(key, now_ms);
        }
        allowed
    }

    #[test]
    fn the_limit_counts_per_key_and_hour() {
        let mut hourly = Hourly::new(2);
        assert!(take(&mut hourly, 1, 0) && take(&mut hourly, 1, 1));
        assert!(!take(&mut hourly, 1, HOUR_MS - 1));
        assert!(take(&mut hourly, 2, 2));
        assert!(take(&mut hourly, 1, HOUR_MS));
    }

    #[test]
    fn the_table_is_bounded_and_recovers() {
        let mut hourly = Hourly::new(1);
        let accepted = (0..200_000).filter(|key| take(&mut hourly, *key, 0)).count();
        assert_eq!(accepted, MAX_KEYS);
        assert!(take(&mut hourly, 200_001, HOUR_MS));
        assert_eq!(hourly.windows.len(), 1);
    }
}
