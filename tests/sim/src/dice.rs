//! Seeded chance. Each part of the world throws its own dice, so that leaving out an action of a
//! plan changes little of what happens elsewhere.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// One sequence of throws.
#[derive(Debug)]
pub struct Dice(ChaCha12Rng);

impl Dice {
    /// The throws of `seed` for the part of the world that is called `part`, at most 24 bytes.
    #[must_use]
    pub fn new(seed: u64, part: &str) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        for (to, from) in bytes[8..].iter_mut().zip(part.bytes()) {
            *to = from;
        }
        Self(ChaCha12Rng::from_seed(bytes))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number of `0 .. end`; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64().checked_rem(end).unwrap_or(0)
    }

    /// True so many times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of several.
    ///
    /// # Panics
    /// There is none.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Bytes for an engine's own randomness.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// The generator itself, for what asks for one.
    pub fn generator(&mut self) -> &mut ChaCha12Rng {
        &mut self.0
    }
}
