//! Reading a backup.

use std::fmt;

use thiserror::Error;

use crate::chunks::{Chunks, SEALED_BYTES};
use crate::decoder::{Decoder, Malformed};
use crate::header::{HEADER_BYTES, Header, begins_like_one};
use crate::parameters::NoMemory;
use crate::passphrase::Passphrase;
use crate::record::Record;

/// Reads a backup: [`Reader::open`] with its beginning; then [`Reader::push`] what follows and
/// take records with [`Reader::next`] until it has none, in turn; after the last byte
/// [`Reader::end`], and `next` until it has none.
///
/// It keeps what was pushed and not read yet, and the logs; what it has returned is authentic, but
/// only the end says that it is complete.
pub struct Reader {
    chunks: Chunks,
    /// What was pushed …
    sealed: Vec<u8>,
    /// … and how much of it is opened.
    opened: usize,
    decoder: Decoder,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// More bytes may come.
    Open,
    /// All bytes are there.
    Ended,
    /// The last chunk is opened.
    Last,
    Failed(ReadError),
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// Why a backup cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// It does not begin like one.
    #[error("this is no backup of tincan; choose the file that `tincan export` or the page made")]
    NotABackup,
    /// A later version of the format.
    #[error(
        "the backup was made by a newer tincan (format {found}, this one knows 1); install the newer tincan and import it there"
    )]
    NewerVersion {
        /// The version.
        found: u16,
    },
    /// Its passphrase costs more than any tincan asks for.
    #[error(
        "the backup asks for more memory or time than any tincan does; somebody else made it, so don't trust it"
    )]
    TooCostly,
    /// The key cannot be derived here.
    #[error(
        "the passphrase needs {mebibytes} MiB of memory for a moment; close something and try again"
    )]
    NoMemory {
        /// How much.
        mebibytes: u32,
    },
    /// Another passphrase locks it.
    #[error("the passphrase is wrong; type the one with which the backup was made")]
    WrongPassphrase,
    /// Bytes were changed, or the last ones are missing, which can't be told apart.
    #[error(
        "the backup is damaged or its end is missing; copy it anew from where it was made, or take another one"
    )]
    Damaged,
    /// Its end is missing: it stops between two chunks.
    #[error("the backup is not complete; copy it anew from where it was made, or take another one")]
    CutShort,
    /// It is authentic and yet against the rules.
    #[error("the backup breaks the rules of its format ({0}); make it anew with a current tincan")]
    Malformed(#[from] Malformed),
}

impl From<NoMemory> for ReadError {
    fn from(NoMemory { mebibytes }: NoMemory) -> Self {
        Self::NoMemory { mebibytes }
    }
}

impl Reader {
    /// Begins to read: checks the header and derives the key, which takes about a second.
    /// `beginning` is the first [`HEADER_BYTES`] or more.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open(passphrase: &Passphrase, beginning: &[u8]) -> Result<Self, ReadError> {
        let Some((bytes, rest)) = beginning.split_first_chunk::<HEADER_BYTES>() else {
            let is_one = !beginning.is_empty() && begins_like_one(beginning);
            return Err(if is_one { ReadError::CutShort } else { ReadError::NotABackup });
        };
        let header = Header::from_bytes(bytes)?;
        let keys = header.parameters.derive(passphrase, &header.salt)?;
        if keys.check != header.check {
            return Err(ReadError::WrongPassphrase);
        }
        let chunks = Chunks::new(&keys, *bytes);
        let (sealed, decoder) = (rest.to_vec(), Decoder::default());
        Ok(Self { chunks, sealed, opened: 0, decoder, state: State::Open })
    }

    /// Takes what follows: any number of bytes, all of which are kept until they are read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.sealed.drain(..self.opened);
        self.opened = 0;
        self.sealed.extend_from_slice(bytes);
    }

    /// Says that nothing follows.
    pub fn end(&mut self) {
        if matches!(self.state, State::Open) {
            self.state = State::Ended;
        }
    }

    /// The next record. `None` means that more bytes are needed for it; after [`Reader::end`] it
    /// means that the backup was read to its end, and is complete.
    ///
    /// # Errors
    /// See [`ReadError`]; the same for ever.
    #[expect(clippy::should_implement_trait, reason = "none now may be some later")]
    pub fn next(&mut self) -> Result<Option<Record>, ReadError> {
        let result = self.try_next();
        if let Err(error) = result {
            self.state = State::Failed(error);
        }
        result
    }

    fn try_next(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            if let State::Failed(error) = self.state {
                return Err(error);
            }
            if let Some(record) = self.decoder.next()? {
                return Ok(Some(record));
            }
            let opened = match self.state {
                // A full chunk is not the last as long as something follows it.
                State::Open if self.waiting() > SEALED_BYTES => self.open_chunk(false),
                State::Open => return Ok(None),
                State::Ended => {
                    let is_last = self.waiting() <= SEALED_BYTES;
                    if is_last {
                        self.state = State::Last;
                    }
                    self.open_chunk(is_last)
                }
                State::Last if self.decoder.is_between_records() => return Ok(None),
                State::Last => return Err(Malformed("the end").into()),
                State::Failed(error) => Err(error),
            };
            opened?;
        }
    }

    fn waiting(&self) -> usize {
        self.sealed.len() - self.opened
    }

    fn open_chunk(&mut self, is_last: bool) -> Result<(), ReadError> {
        let length = self.waiting().min(SEALED_BYTES);
        let sealed = &mut self.sealed[self.opened..self.opened + length];
        if let Some(plaintext) = self.chunks.open(sealed, is_last) {
            self.decoder.push(plaintext);
            self.opened += length;
            return Ok(());
        }
        let has_no_end = is_last && (length == 0 || self.chunks.open(sealed, false).is_some());
        Err(if has_no_end { ReadError::CutShort } else { ReadError::Damaged })
    }
}
