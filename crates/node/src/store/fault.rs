//! What can go wrong between us and the disk, by what a person can do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;
use tincan_engine::StoreFailure;

/// Why a database operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// No space left.
    DiskFull,
    /// The file or its directory may not be written.
    ReadOnly,
    /// Another program holds the database.
    Busy,
    /// What is on the disk makes no sense.
    Damaged(String),
    /// The operating system could not read or write.
    Io(String),
    /// A number does not fit into the database's 63 bits.
    OutOfRange(&'static str),
    /// Something else that SQLite refuses.
    Other(String),
}

impl Fault {
    /// Whether it concerns the disk as a whole, so that nothing else would have been written
    /// either; else it concerns one transaction.
    pub(super) fn is_general(&self) -> bool {
        match self {
            Self::DiskFull | Self::ReadOnly | Self::Busy | Self::Io(_) => true,
            Self::Damaged(_) | Self::OutOfRange(_) | Self::Other(_) => false,
        }
    }

    /// In words that say what to do.
    pub(super) fn sentence(&self, database: &Path) -> String {
        let file = database.display();
        match self {
            Self::DiskFull => {
                format!("the disk that holds {file} is full; free some space there and try again")
            }
            Self::ReadOnly => {
                format!("{file} can't be written; give this user the right to write it")
            }
            Self::Busy => {
                format!("another program holds {file}; close that program and try again")
            }
            Self::Damaged(detail) => format!(
                "the database {file} is damaged ({detail}); stop tincan, copy the file, and restore it from a backup"
            ),
            Self::Io(detail) => {
                format!("{file} can't be read or written ({detail}); check that disk")
            }
            Self::OutOfRange(what) => format!("{what} is too large to be kept in {file}"),
            Self::Other(detail) => format!("{file} did not take it ({detail})"),
        }
    }

    /// For the engine.
    pub(super) fn failure(&self, database: &Path) -> StoreFailure {
        StoreFailure(self.sentence(database))
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        let Some(code) = error.sqlite_error_code() else {
            return match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..)
                | rusqlite::Error::QueryReturnedNoRows => Self::Damaged(detail),
                _ => Self::Other(detail),
            };
        };
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match code {
            // Room for the shared memory beside the log is all that this one asks for.
            _ if extended == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => Self::DiskFull,
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
                Self::ReadOnly
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(detail),
            ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport => Self::Io(detail),
            _ => Self::Other(detail),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(error.to_string()),
        }
    }
}

/// Why the store of a home could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// A newer tincan has written it; nothing was changed.
    #[error(
        "{} was written by a newer tincan (format {found}, this one knows up to {known}); install the newer tincan, or give another directory with --home",
        path.display()
    )]
    NewerVersion {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// What is in it makes no sense; nothing was changed.
    #[error(
        "the database {} is damaged ({detail}); nothing in it was changed{}; restore it from a backup, or try `sqlite3 FILE .recover` on a copy",
        path.display(),
        copy.as_ref().map(|copy| format!(", and a copy is kept at {}", copy.display())).unwrap_or_default()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// Where a copy of it lies, if one could be made.
        copy: Option<PathBuf>,
        /// What SQLite says.
        detail: String,
    },
    /// No space left.
    #[error("the disk that holds {} is full; free some space there and start again", path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// It may not be written.
    #[error(
        "{} can't be written; give this user the right to write it, or another directory with --home",
        path.display()
    )]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// Another program holds it.
    #[error("another program holds {}; close that program and start again", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// Something else; the words say what.
    #[error("{} can't be used: {detail}", path.display())]
    Unusable {
        /// The database.
        path: PathBuf,
        /// What SQLite or the operating system says.
        detail: String,
    },
}

impl StoreError {
    /// The error of a fault at opening. `copy` is made by whoever finds a database damaged.
    pub(super) fn of(fault: Fault, database: &Path, copy: Option<PathBuf>) -> Self {
        let path = database.to_owned();
        match fault {
            Fault::DiskFull => Self::DiskFull { path },
            Fault::ReadOnly => Self::ReadOnly { path },
            Fault::Busy => Self::Busy { path },
            Fault::Damaged(detail) => Self::Corrupt { path, copy, detail },
            Fault::Io(detail) | Fault::Other(detail) => Self::Unusable { path, detail },
            Fault::OutOfRange(what) => {
                Self::Unusable { path, detail: format!("{what} is too large") }
            }
        }
    }
}

/// Why a question got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error, serde::Serialize, serde::Deserialize)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum QueryError {
    /// A page has at least one message and at most `max`.
    #[error("limit must be 1 to {max}")]
    Limit {
        /// The most that a page may have.
        max: usize,
    },
    /// Too many questions wait already.
    #[error("too many questions wait for the disk; ask again in a moment")]
    Busy,
    /// The store is closed.
    #[error("this tincan is stopping; start it again to read the history")]
    Closed,
    /// The disk could not be read, or the search index not written.
    #[error("{reason}")]
    Failed {
        /// In words that say what to do.
        reason: String,
    },
}
