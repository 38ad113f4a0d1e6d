//! Writing a backup.

use std::fmt;

use thiserror::Error;

use crate::chunks::{CHUNK_BYTES, Chunks};
use crate::encoder::{Encoder, Unfit};
use crate::header::Header;
use crate::parameters::{NoMemory, Parameters, SALT_BYTES};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::record::Record;

/// Writes a backup: [`Writer::new`], [`Writer::push`] for each record, [`Writer::finish`]. Each
/// appends to `out` what is ready; the caller writes it away and empties `out` as it likes.
pub struct Writer {
    encoder: Encoder,
    chunks: Chunks,
    /// What is not sealed yet; more than nothing after the first record, so that there is
    /// something for the last chunk.
    plaintext: Vec<u8>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Why a backup could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The passphrase will not do.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The key cannot be derived here.
    #[error(
        "the passphrase needs {mebibytes} MiB of memory for a moment; close something and try again"
    )]
    NoMemory {
        /// How much.
        mebibytes: u32,
    },
    /// A record is not one of a backup.
    #[error("this cannot be kept in a backup: {0}; please report it")]
    Unfit(#[from] Unfit),
    /// More than the cipher takes.
    #[error("the backup is too large for its cipher; please report it")]
    TooLarge,
}

impl From<NoMemory> for WriteError {
    fn from(NoMemory { mebibytes }: NoMemory) -> Self {
        Self::NoMemory { mebibytes }
    }
}

impl Writer {
    /// Begins a backup: derives the key, which takes about a second, and appends the header.
    /// `salt` must come from the system's generator, fresh for each file: the secrecy of all
    /// files of one passphrase hangs on it.
    ///
    /// # Errors
    /// The passphrase is too short, or there is not enough memory.
    pub fn new(
        passphrase: &Passphrase,
        parameters: Parameters,
        salt: [u8; SALT_BYTES],
        out: &mut Vec<u8>,
    ) -> Result<Self, WriteError> {
        passphrase.check_for_writing()?;
        let keys = parameters.derive(passphrase, &salt)?;
        let header = Header { parameters, salt, check: keys.check }.to_bytes();
        out.extend_from_slice(&header);
        let chunks = Chunks::new(&keys, header);
        Ok(Self { encoder: Encoder::default(), chunks, plaintext: Vec::new() })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// The record is unfit, and is not added.
    pub fn push(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.encoder.push(record, &mut self.plaintext)?;
        let mut sealed = 0;
        while self.plaintext.len() - sealed > CHUNK_BYTES {
            let chunk = &self.plaintext[sealed..sealed + CHUNK_BYTES];
            if !self.chunks.seal(chunk, false, out) {
                return Err(WriteError::TooLarge);
            }
            sealed += CHUNK_BYTES;
        }
        self.plaintext.drain(..sealed);
        Ok(())
    }

    /// Ends the backup. Without this, a reader takes it for one that was cut off.
    ///
    /// # Errors
    /// There is no installation in it.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        if self.plaintext.is_empty() {
            return Err(Unfit::Order.into());
        }
        if self.chunks.seal(&self.plaintext, true, out) {
            Ok(())
        } else {
            Err(WriteError::TooLarge)
        }
    }
}
