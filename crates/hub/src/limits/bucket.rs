//! A token bucket.

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

impl Rate {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: per_second.max(1), burst: burst.max(1) }
    }

    /// A rate with bursts of so many seconds' worth.
    pub(crate) fn with_bursts(per_second: u32, seconds: u32) -> Self {
        Self::new(per_second, per_second.saturating_mul(seconds))
    }
}

/// Lets `burst` through at once and `per_second` in the long run. Counts in thousandths, so that
/// it needs no fractions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    thousandths: u64,
    at_ms: u64,
}

const ONE: u64 = 1000;

impl Bucket {
    pub(crate) fn full(rate: Rate, now_ms: u64) -> Self {
        Self { thousandths: u64::from(rate.burst) * ONE, at_ms: now_ms }
    }

    /// Takes one if there is one.
    ///
    /// # Errors
    /// In how many milliseconds there will be one.
    pub(crate) fn take(&mut self, rate: Rate, now_ms: u64) -> Result<(), u64> {
        let per_second = u64::from(rate.per_second);
        let elapsed = now_ms.saturating_sub(self.at_ms);
        let gained = elapsed.saturating_mul(per_second);
        self.thousandths = self.thousandths.saturating_add(gained).min(u64::from(rate.burst) * ONE);
        self.at_ms = self.at_ms.max(now_ms);
        match self.thousandths.checked_sub(ONE) {
            Some(rest) => {
                self.thousandths = rest;
                Ok(())
            }
            None => Err((ONE - self.thousandths).div_ceil(per_second)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_burst_passes_and_then_the_rate_counts() {
        let mut bucket = Bucket::full(RATE, 0);
        assert_eq!([(); 3].map(|()| bucket.take(RATE, 0)), [Ok(()); 3]);
        assert_eq!(bucket.take(RATE, 0), Err(100));
        assert_eq!(bucket.take(RATE, 40), Err(60));
        assert_eq!(bucket.take(RATE, 100), Ok(()));
        assert_eq!(bucket.take(RATE, 100), Err(100));
    }

    #[test]
    fn rest_fills_it_no_further_than_the_burst() {
        let mut bucket = Bucket::full(RATE, 0);
        let passed = (0..100).filter(|_| bucket.take(RATE, u64::MAX).is_ok()).count();
        assert_eq!(passed, 3);
    }
}
