//! A token bucket.

/// How fast a bucket fills and how much it holds, in bytes or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What it lets through in a second in the long run.
    pub per_second: u64,
    /// What it lets through at once after a rest.
    pub burst: u64,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self { per_second: u64::MAX, burst: u64::MAX };

    /// A rate with bursts of so many seconds' worth.
    #[must_use]
    pub const fn with_bursts(per_second: u64, seconds: u64) -> Self {
        Self { per_second, burst: per_second.saturating_mul(seconds) }
    }
}

/// Counts in thousandths, so that it needs no fractions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    thousandths: u64,
    at_ms: u64,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now_ms: u64) -> Self {
        Self { thousandths: rate.burst.saturating_mul(1000), at_ms: now_ms }
    }

    /// Whether there is as much in it. It costs nothing yet.
    pub(crate) fn has(&mut self, rate: Rate, amount: u64, now_ms: u64) -> bool {
        let elapsed_ms = now_ms.saturating_sub(self.at_ms);
        let gained = elapsed_ms.saturating_mul(rate.per_second);
        let most = rate.burst.saturating_mul(1000);
        self.thousandths = self.thousandths.saturating_add(gained).min(most);
        self.at_ms = self.at_ms.max(now_ms);
        self.thousandths >= amount.saturating_mul(1000)
    }

    /// Takes it out, after [`has`](Self::has).
    pub(crate) fn spend(&mut self, amount: u64) {
        self.thousandths = self.thousandths.saturating_sub(amount.saturating_mul(1000));
    }

    pub(crate) fn is_full(&mut self, rate: Rate, now_ms: u64) -> bool {
        self.has(rate, rate.burst, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    fn take(bucket: &mut Bucket, rate: Rate, amount: u64, now_ms: u64) -> bool {
        let has = bucket.has(rate, amount, now_ms);
        if has {
            bucket.spend(amount);
        }
        has
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_counts() {
        let mut bucket = Bucket::full(RATE, 0);
        assert!(take(&mut bucket, RATE, 2, 0) && take(&mut bucket, RATE, 1, 0));
        assert!(!take(&mut bucket, RATE, 1, 99));
        assert!(take(&mut bucket, RATE, 1, 100));
        assert!(!take(&mut bucket, RATE, 4, 10_000), "no more than a burst at once");
    }

    #[test]
    fn rest_fills_it_no_further_than_the_burst() {
        let mut bucket = Bucket::full(RATE, 0);
        let passed = (0..100).filter(|_| take(&mut bucket, RATE, 1, u64::MAX)).count();
        assert_eq!(passed, 3);
    }

    #[test]
    fn without_a_limit_nothing_is_refused() {
        let mut bucket = Bucket::full(Rate::UNLIMITED, 0);
        assert!((0..100_000).all(|_| take(&mut bucket, Rate::UNLIMITED, 65_535, 0)));
    }
}
