//! The disk with identity and history.

use std::time::Duration;

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::text::{Text, words};

/// Less than this is soon full, in bytes.
const LITTLE_BYTES: u64 = 100 << 20;

/// A disk that takes longer for a commit makes every message wait.
const SLOW: Duration = Duration::from_millis(250);

/// What was seen of the place where identity and history are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Its name: a directory, or the browser's storage.
    pub name: String,
    /// How long it took until a message was safe on the disk.
    pub commit: Result<Duration, StorageFault>,
    /// Free space in bytes, where that is known.
    pub free_bytes: Option<u64>,
    /// The database that is there.
    pub database: Database,
    /// Whether what is stored stays: a browser may delete what it was not asked to keep.
    pub is_kept: bool,
}

/// What the database looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// There is none yet, or it was not looked at.
    None,
    /// It is sound.
    Sound,
    /// It is damaged, in its own words.
    Damaged(String),
    /// It could not be looked through in time.
    Unfinished,
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// Why nothing can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageFault {
    /// We may not write there.
    NotWritable,
    /// It is full.
    Full,
    /// What has this name is no directory.
    NotADirectory,
    /// Something else, in the system's words.
    Other(String),
}

impl Storage {
    pub(crate) fn judge(&self) -> Vec<Finding> {
        let mut findings = vec![self.judge_disk()];
        findings.extend(self.judge_database());
        if !self.is_kept {
            findings.push(
                Finding::new(
                    Check::Storage,
                    Verdict::Notice,
                    "storage_not_kept",
                    "The browser may delete what this page has stored when the disk is full.",
                )
                .meaning("Identity and history would be lost.")
                .remedy("Let the browser keep it, in the settings, and make a backup."),
            );
        }
        findings
    }

    fn name(&self) -> Text {
        Text::private(self.name.clone(), "the home")
    }

    fn judge_disk(&self) -> Finding {
        let found = |verdict, code, what| Finding::new(Check::Storage, verdict, code, what);
        let bad = |code, what: Text, remedy: &'static str| {
            found(Verdict::Problem, code, what)
                .meaning("Nothing can be kept, so nothing can be sent or received.")
                .remedy(remedy)
        };
        let took = match &self.commit {
            Ok(took) => *took,
            Err(StorageFault::NotWritable) => {
                return bad(
                    "storage_not_writable",
                    words!["Nothing can be written to ", self.name(), "."],
                    "Give this user the right to write there, or another directory with --home.",
                );
            }
            Err(StorageFault::Full) => {
                return bad(
                    "storage_full",
                    words!["The disk that holds ", self.name(), " is full."],
                    "Free some space there.",
                );
            }
            Err(StorageFault::NotADirectory) => {
                return bad(
                    "storage_no_directory",
                    words![self.name(), " is no directory."],
                    "Give another one with --home.",
                );
            }
            Err(StorageFault::Other(reason)) => {
                let because = Text::private(format!(" ({reason})"), "");
                return bad(
                    "storage_failed",
                    words!["Nothing can be kept in ", self.name(), because, "."],
                    "Give another directory with --home.",
                );
            }
        };
        let what = words![
            "What is kept in ",
            self.name(),
            " is on the disk after ",
            Text::time(took),
            self.free(),
            "."
        ];
        if self.free_bytes.is_some_and(|free| free < LITTLE_BYTES) {
            found(Verdict::Notice, "storage_nearly_full", what)
                .meaning("Once the disk is full, nothing can be sent or received.")
                .remedy("Free some space there.")
        } else if took > SLOW {
            found(Verdict::Notice, "storage_slow", what)
                .meaning("Every message waits for the disk before it is sent or acknowledged.")
                .remedy("End what keeps the disk busy, or keep it on a faster one.")
        } else {
            found(Verdict::Good, "storage_works", what)
        }
    }

    fn free(&self) -> Text {
        let Some(free) = self.free_bytes else { return Text::default() };
        let figure = match free {
            0..10_000_000_000 => format!("{} MB", free / 1_000_000),
            _ => format!("{} GB", free / 1_000_000_000),
        };
        words![", with ", Text::figure(figure), " free"]
    }

    fn judge_database(&self) -> Option<Finding> {
        let found = |verdict, code, what| Finding::new(Check::Storage, verdict, code, what);
        let because = |reason: &str| Text::private(format!(" ({reason})"), "");
        Some(match &self.database {
            Database::None => return None,
            Database::Sound => {
                found(Verdict::Good, "database_sound", "The database is sound.".into())
            }
            Database::Damaged(reason) => found(
                Verdict::Problem,
                "database_damaged",
                words!["The database is damaged", because(reason), "."],
            )
            .meaning("Some of the history cannot be read, and more may be lost.")
            .remedy(
                "Copy the home somewhere safe first. Then take in a backup with `tincan import` in \
                 a new home, or let `sqlite3 tincan.db .recover` save what it can.",
            ),
            Database::Unfinished => found(
                Verdict::Unknown,
                "database_large",
                "The database is too large to be looked through in this time.".into(),
            ),
            Database::Unreadable(reason) => found(
                Verdict::Problem,
                "database_unreadable",
                words!["The database cannot be read", because(reason), "."],
            )
            .meaning("Identity and history are in it.")
            .remedy("Check to whom it belongs, and whether the disk is well."),
        })
    }
}
