//! From passphrase to keys: Argon2id (RFC 9106) and what it may cost.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::passphrase::Passphrase;

/// Random bytes that make the keys of each file its own (RFC 9106 §3.1 recommends 16).
pub(crate) const SALT_BYTES: usize = 16;
/// Bytes by which a wrong passphrase is told from a damaged file. They bind the file to one key.
pub(crate) const CHECK_BYTES: usize = 16;
/// Bytes of the key of the chunks.
const KEY_BYTES: usize = 32;

/// Most memory in KiB that a file may ask for: what the weakest phone gives to a tab.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Most passes over it.
const MAX_PASSES: u8 = 16;
/// Most lanes. They run one after the other here, so more than one only helps an attacker.
const MAX_LANES: u8 = 4;
/// Most memory times passes in KiB, five times the default: with it a file can hold up a phone
/// for some seconds, and a computer for one.
const MAX_WORK_KIB: u32 = 1024 * 1024;

/// What the derivation of the key costs whoever knows the passphrase, and whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    memory_kib: u32,
    passes: u8,
    lanes: u8,
}

impl Default for Parameters {
    /// 64 MiB, 3 passes, 1 lane: the memory and passes that RFC 9106 recommends where memory is
    /// scarce, with one lane because a browser computes on one thread. It takes about 0.2 s on a
    /// computer, 0.3 s in its browser, and one to two seconds in a phone's.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

impl Parameters {
    /// Memory in KiB, passes over it, lanes.
    ///
    /// # Errors
    /// Argon2 does not allow them, or they are beyond what a reader accepts.
    pub fn new(memory_kib: u32, passes: u8, lanes: u8) -> Result<Self, ParametersError> {
        let legal = (1..=MAX_LANES).contains(&lanes)
            && (1..=MAX_PASSES).contains(&passes)
            && (u32::from(lanes) * 8..=MAX_MEMORY_KIB).contains(&memory_kib)
            && memory_kib * u32::from(passes) <= MAX_WORK_KIB;
        if legal { Ok(Self { memory_kib, passes, lanes }) } else { Err(ParametersError) }
    }

    pub(crate) fn to_bytes(self) -> [u8; 6] {
        let [a, b, c, d] = self.memory_kib.to_be_bytes();
        [self.lanes, self.passes, a, b, c, d]
    }

    pub(crate) fn from_bytes(
        [lanes, passes, a, b, c, d]: [u8; 6],
    ) -> Result<Self, ParametersError> {
        Self::new(u32::from_be_bytes([a, b, c, d]), passes, lanes)
    }

    /// The keys that a passphrase gives with a salt.
    pub(crate) fn derive(
        self,
        passphrase: &Passphrase,
        salt: &[u8; SALT_BYTES],
    ) -> Result<Keys, NoMemory> {
        let mut out = Zeroizing::new([0; KEY_BYTES + CHECK_BYTES]);
        let no_memory = NoMemory { mebibytes: self.memory_kib.div_ceil(1024) };
        let (m, t, p) = (self.memory_kib, self.passes.into(), self.lanes.into());
        let params = Params::new(m, t, p, Some(out.len())).map_err(|_| no_memory)?;
        let mut blocks: Vec<Block> = Vec::new();
        blocks.try_reserve_exact(params.block_count()).map_err(|_| no_memory)?;
        blocks.resize(params.block_count(), Block::new());
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut out[..], &mut blocks)
            .map_err(|_| no_memory)?;
        let mut keys = Keys { key: Zeroizing::new([0; KEY_BYTES]), check: [0; CHECK_BYTES] };
        keys.key.copy_from_slice(&out[..KEY_BYTES]);
        keys.check.copy_from_slice(&out[KEY_BYTES..]);
        Ok(keys)
    }
}

/// What a passphrase gives.
pub(crate) struct Keys {
    pub(crate) key: Zeroizing<[u8; KEY_BYTES]>,
    pub(crate) check: [u8; CHECK_BYTES],
}

/// The system does not give the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMemory {
    pub(crate) mebibytes: u32,
}

/// Parameters that no reader accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "these costs of the passphrase are out of bounds; memory may be 8 KiB a lane to 256 MiB, passes 1 to 16, lanes 1 to 4, and memory times passes 1 GiB"
)]
pub struct ParametersError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_have_bounds() {
        for (memory, passes, lanes) in
            [(8, 1, 1), (256 * 1024, 4, 1), (64 * 1024, 16, 4), (64 * 1024, 3, 1)]
        {
            assert!(Parameters::new(memory, passes, lanes).is_ok(), "{memory} {passes} {lanes}");
        }
        for (memory, passes, lanes) in [
            (7, 1, 1),
            (8, 0, 1),
            (8, 1, 0),
            (31, 1, 4),
            (64, 1, 5),
            (64, 17, 1),
            (256 * 1024 + 1, 1, 1),
            (256 * 1024, 5, 1),
            (u32::MAX, u8::MAX, u8::MAX),
        ] {
            assert!(Parameters::new(memory, passes, lanes).is_err(), "{memory} {passes} {lanes}");
        }
    }

    #[test]
    fn they_survive_the_header() {
        let parameters = Parameters::new(1_000, 2, 3).unwrap();
        assert_eq!(Parameters::from_bytes(parameters.to_bytes()), Ok(parameters));
    }

    #[test]
    fn another_salt_gives_other_keys() {
        let passphrase = Passphrase::new("some words").unwrap();
        let keys = |salt| Parameters::new(64, 1, 1).unwrap().derive(&passphrase, &[salt; 16]);
        let (a, b) = (keys(1).ok().unwrap(), keys(2).ok().unwrap());
        assert!(a.key != b.key && a.check != b.check);
    }
}
