//! Backups of a home: the file that native node and browser share (`docs/backup.md`).
//!
//! ```no_run
//! use std::path::Path;
//! use tincan_node::Passphrase;
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let passphrase = Passphrase::new("five words that nobody guesses")?;
//! let mut file = Vec::new();
//! tincan_node::export(Path::new("/home/anna/.local/share/tincan"), &passphrase, &mut file)?;
//! tincan_node::import(Path::new("/home/anna/elsewhere"), &passphrase, &mut &file[..])?;
//! # Ok(())
//! # }
//! ```

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;
use tincan_backup::{
    HEADER_BYTES, Installation, Parameters, Passphrase, ReadError, Reader, Record, WriteError,
    Writer,
};
use tincan_engine::Time;
use tincan_wire::{Identity, UserId};

use crate::broker::MeetingPlace;
use crate::home::{Home, HomeError};
use crate::shell::MEETING_PLACE;
use crate::store::{self, Moment, OtherIdentity, StoreError};

/// Bytes that are read or written at once: some chunks of the file.
const PIECE_BYTES: usize = 256 * 1024;

/// What went into a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Whose it is.
    pub id: UserId,
    /// Contacts in it.
    pub contacts: u64,
    /// Messages in it.
    pub messages: u64,
    /// Its size.
    pub bytes: u64,
}

/// What came out of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Whose it is.
    pub id: UserId,
    /// When it was made.
    pub made: Time,
    /// Whether the home belonged to this identity before, so that the backup was added to it.
    pub merged: bool,
    /// Contacts that were not there before.
    pub contacts: u64,
    /// Messages that were not there before.
    pub messages: u64,
    /// Messages of the backup that were there already.
    pub known: u64,
    /// Of the new messages, those of ours that are not delivered as far as the backup knows.
    /// They are sent when the node runs, under the ids that they had.
    pub waiting: u64,
    /// Messages of the backup under whose id there is another message, which stays.
    pub conflicts: u64,
}

/// Why a home could not be exported. The message says what the person can do.
#[derive(Debug, Error)]
pub enum ExportError {
    /// There is no identity in the home.
    #[error("there is nothing to export in {}; give the directory of your tincan with --home", home.display())]
    NothingThere {
        /// The home.
        home: PathBuf,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The passphrase, or a record.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The system has no randomness for us.
    #[error("the system gives no randomness: {0}; try again")]
    Randomness(io::Error),
    /// The output takes nothing more.
    #[error("the backup can't be written: {0}")]
    Output(io::Error),
}

/// Why a backup could not be imported; nothing in the home has changed then. The message says
/// what the person can do.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The home can't be opened: in most cases a node runs on it.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file or its passphrase.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The home is another person's, who has contacts or messages.
    #[error(
        "{} belongs to {} and has contacts or messages, and the backup is of {}; give an empty directory with --home",
        home.display(), ours.short(), theirs.short()
    )]
    OtherIdentity {
        /// The home.
        home: PathBuf,
        /// To whom the home belongs.
        ours: UserId,
        /// Of whom the backup is.
        theirs: UserId,
    },
    /// The input can't be read.
    #[error("the backup can't be read: {0}")]
    Input(io::Error),
}

/// Writes a backup of the home at `home` to `out`: identity, contacts and history of one moment.
/// A node may run on the home meanwhile. It takes about a second and blocks; `out` need not be
/// buffered. What is written is no backup before this returns.
///
/// # Errors
/// See [`ExportError`].
pub fn export(
    home: &Path,
    passphrase: &Passphrase,
    out: &mut impl Write,
) -> Result<Exported, ExportError> {
    passphrase.check_for_writing().map_err(WriteError::from)?;
    let nothing = || ExportError::NothingThere { home: home.to_owned() };
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| ExportError::Randomness(io::Error::other(error)))?;
    let mut sink = Sink::new(passphrase, salt, out)?;
    let moment = Moment::open(home)?.ok_or_else(nothing)?;
    let place = moment.setting(MEETING_PLACE)?.map(|text| MeetingPlace::from_setting(&text));
    let place = place.unwrap_or_default();
    let snapshot = &moment.snapshot;
    sink.take(&Record::Installation(Installation {
        seed: snapshot.seed,
        name: snapshot.name.clone(),
        epoch: snapshot.epoch,
        made: now(),
        hub: place.hub.as_ref().map(ToString::to_string),
        brokers: place.brokers.iter().take(MAX_BROKERS).map(ToString::to_string).collect(),
    }))?;
    let mut exported = Exported {
        id: Identity::from_seed(snapshot.seed).user_id(),
        contacts: snapshot.contacts.len() as u64,
        messages: 0,
        bytes: 0,
    };
    moment.records(|record| {
        exported.messages += u64::from(matches!(record, Record::Message(_)));
        sink.take(record)
    })?;
    exported.bytes = sink.finish()?;
    Ok(exported)
}

/// Takes the backup that `input` gives into the home at `home`, all or nothing. No node may run
/// on it. It takes about a second and blocks; `input` need not be buffered.
///
/// A home that is new gets the identity of the backup as a new device of it, with everything
/// else; so does one whose identity has neither contacts nor messages. A home of the same
/// identity gets what it lacks, and keeps what it has: importing twice changes nothing.
///
/// # Errors
/// See [`ImportError`]; nothing in the home has changed then, except that it may exist.
pub fn import(
    home: &Path,
    passphrase: &Passphrase,
    input: &mut impl Read,
) -> Result<Imported, ImportError> {
    let home = Home::open(home)?;
    let mut source = Source::open(passphrase, input)?;
    let Some(Record::Installation(first)) = source.next()? else {
        // A reader gives nothing else first.
        return Err(ReadError::Damaged.into());
    };
    let place = MeetingPlace::new(first.hub.as_deref(), &first.brokers).unwrap_or_default();
    let settings = match place.is_nowhere() {
        true => Vec::new(),
        false => vec![(MEETING_PLACE, place.to_setting())],
    };
    let next = || source.next().map_err(Stop::from);
    let restored = store::restore(&home, &first, next, &settings, now());
    let restored = restored.map_err(|stop| match stop {
        Stop::Import(error) => error,
        Stop::Other(OtherIdentity { ours, theirs }) => {
            ImportError::OtherIdentity { home: home.path().to_owned(), ours, theirs }
        }
    })?;
    Ok(Imported {
        id: Identity::from_seed(first.seed).user_id(),
        made: first.made,
        merged: restored.merged,
        contacts: restored.contacts,
        messages: restored.messages,
        known: restored.known,
        waiting: restored.waiting,
        conflicts: restored.conflicts,
    })
}

/// Brokers that a backup has room for.
const MAX_BROKERS: usize = tincan_wire::invite::MAX_BROKERS;

/// The wall clock: a backup is no part of a run, whose clock never goes back.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or_default())
}

/// Encrypts records and writes them in large pieces.
struct Sink<'a, W> {
    writer: Writer,
    ready: Vec<u8>,
    written: u64,
    out: &'a mut W,
}

impl<'a, W: Write> Sink<'a, W> {
    fn new(passphrase: &Passphrase, salt: [u8; 16], out: &'a mut W) -> Result<Self, ExportError> {
        let mut ready = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 2);
        let writer = Writer::new(passphrase, Parameters::default(), salt, &mut ready)?;
        Ok(Self { writer, ready, written: 0, out })
    }

    fn take(&mut self, record: &Record) -> Result<(), ExportError> {
        self.writer.push(record, &mut self.ready)?;
        if self.ready.len() >= PIECE_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), ExportError> {
        self.out.write_all(&self.ready).map_err(ExportError::Output)?;
        self.written += self.ready.len() as u64;
        self.ready.clear();
        Ok(())
    }

    fn finish(self) -> Result<u64, ExportError> {
        let Self { writer, mut ready, written, out } = self;
        writer.finish(&mut ready)?;
        out.write_all(&ready).and_then(|()| out.flush()).map_err(ExportError::Output)?;
        Ok(written + ready.len() as u64)
    }
}

/// Reads records in large pieces.
struct Source<'a, R> {
    reader: Reader,
    piece: Vec<u8>,
    has_ended: bool,
    input: &'a mut R,
}

impl<'a, R: Read> Source<'a, R> {
    fn open(passphrase: &Passphrase, input: &'a mut R) -> Result<Self, ImportError> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        input
            .by_ref()
            .take(HEADER_BYTES as u64)
            .read_to_end(&mut piece)
            .map_err(ImportError::Input)?;
        let reader = Reader::open(passphrase, &piece)?;
        piece.resize(PIECE_BYTES, 0);
        Ok(Self { reader, piece, has_ended: false, input })
    }

    fn next(&mut self) -> Result<Option<Record>, ImportError> {
        loop {
            if let Some(record) = self.reader.next()? {
                return Ok(Some(record));
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.input.read(&mut self.piece) {
                Ok(0) => {
                    self.has_ended = true;
                    self.reader.end();
                }
                Ok(count) => self.reader.push(&self.piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ImportError::Input(error)),
            }
        }
    }
}

/// Why taking in ended early.
enum Stop {
    Import(ImportError),
    Other(OtherIdentity),
}

impl From<ImportError> for Stop {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Import(error.into())
    }
}

impl From<OtherIdentity> for Stop {
    fn from(other: OtherIdentity) -> Self {
        Self::Other(other)
    }
}
