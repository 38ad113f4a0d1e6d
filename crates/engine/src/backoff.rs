//! Waiting longer after each failure (protocol §8): 1, 2, 4, 8, 16, 32, 32 … seconds, each
//! times a random factor in [0.5, 1].

use std::time::Duration;

use rand_core::Rng;

/// After so many doublings the wait no longer grows: 2^5 s = 32 s.
const MAX_DOUBLINGS: u32 = 5;

/// Counts failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How many attempts have failed since the last reset.
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }

    /// Notes one more failure and says how long to wait before the next attempt.
    pub(crate) fn next(&mut self, rng: &mut impl Rng) -> Duration {
        let full_millis = 1_000_u64 << self.failures.min(MAX_DOUBLINGS);
        self.failures = self.failures.saturating_add(1);
        let half = full_millis / 2;
        Duration::from_millis(half + rng.next_u64() % (half + 1))
    }

    /// The connection was stable: begin again with one second.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha12Rng;
    use rand_core::SeedableRng;

    #[test]
    fn waits_double_up_to_32_seconds_within_half_and_full() {
        let mut rng = ChaCha12Rng::from_seed([7; 32]);
        let mut backoff = Backoff::default();
        for full in [1_u128, 2, 4, 8, 16, 32, 32, 32] {
            let wait = backoff.next(&mut rng).as_millis();
            assert!(
                (full * 500..=full * 1_000).contains(&wait),
                "{wait} ms is outside of half to full of {full} s"
            );
        }
    }

    #[test]
    fn reset_begins_again_with_one_second() {
        let mut rng = ChaCha12Rng::from_seed([7; 32]);
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.next(&mut rng);
        }
        backoff.reset();
        assert!(backoff.next(&mut rng) <= Duration::from_secs(1));
    }
}
