//! The time, as the shell tells it.

/// An instant on the two clocks that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never goes back, counted from anywhere.
    pub ms: u64,
    /// Seconds since 1970, by which credentials expire.
    pub unix_seconds: u64,
}

impl Now {
    /// That many milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        let seconds = (self.ms % 1000 + ms) / 1000;
        Self { ms: self.ms + ms, unix_seconds: self.unix_seconds + seconds }
    }
}
