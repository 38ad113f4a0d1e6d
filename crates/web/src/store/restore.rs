//! Taking in a backup, some records at a time.
//!
//! What comes back is a new installation: another device with another log, so that no position
//! that a contact has seen is ever given out again (protocol §5). Messages of ours that were not
//! acknowledged go into that log with the ids they had: a contact who got one after all drops it
//! as known, and acknowledges it.
//!
//! Each call is durable by itself. A restore that was broken off is completed by doing it again:
//! what is there already is known.

use std::rc::Rc;

use tincan_backup::{Installation, Merging, Record, Step};
use tincan_engine::store::Op;
use tincan_engine::{StoreFailure, Time};
use tincan_wire::UserId;

use super::book::{self, Book};
use super::database::Database;
use super::fault::Fault;
use super::request::{Pending, range, to_bytes, to_js};
use super::schema::{BOOK, Kind};
use super::transaction::Mode;
use super::writer::Writer;

/// Most records of one commit.
const MAX_COMMIT_RECORDS: usize = 4_096;

/// What was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restored {
    /// Whether there was something before.
    pub(crate) merged: bool,
    /// Contacts that were not there before.
    pub(crate) contacts: u64,
    /// Messages that were not there before.
    pub(crate) messages: u64,
    /// Messages of the backup that were there.
    pub(crate) known: u64,
    /// Of the new messages, those of ours that are sent now.
    pub(crate) waiting: u64,
    /// Messages of the backup whose id another message has here; that one stays.
    pub(crate) conflicts: u64,
}

/// Why a backup is not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RestoreError {
    /// This browser belongs to another identity, which is in use.
    OtherIdentity {
        /// Who lives here.
        ours: UserId,
        /// Whose backup it is.
        theirs: UserId,
    },
    /// The browser refuses.
    Store(StoreFailure),
}

impl From<Fault> for RestoreError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.failure())
    }
}

/// What a store is made to be at the beginning of a restore.
pub(super) struct Beginning {
    pub(super) installation: book::Installation,
    pub(super) settings: Vec<(String, String)>,
}

/// A restore that is under way. The engine must not run meanwhile: what it knows gets old.
pub(crate) struct Restore {
    writer: Rc<Writer>,
    merging: Merging,
    restored: Restored,
}

impl Restore {
    pub(super) async fn begin(
        writer: &Rc<Writer>,
        database: &Database,
        first: &Installation,
        settings: &[(&str, String)],
        now: Time,
    ) -> Result<Self, RestoreError> {
        let book = read(database).await?;
        let is_in_use = !book.contacts.is_empty()
            || !book.requests.is_empty()
            || book.conversations.iter().any(|conversation| conversation.last.is_some());
        let mut installation = book::Installation::of_seed(first.seed)?;
        let is_new = match &book.installation {
            Some(ours) if ours.seed == first.seed => false,
            Some(ours) if is_in_use => {
                let (ours, theirs) = (ours.me(), installation.me());
                return Err(RestoreError::OtherIdentity { ours, theirs });
            }
            _ => true,
        };
        if is_new {
            installation.name = first.name.clone();
            installation.epoch = first.epoch;
            let settings = settings.iter().filter(|(key, _)| !book.settings.contains_key(*key));
            let settings = settings.map(|(key, value)| ((*key).to_owned(), value.clone()));
            let beginning = Beginning { installation, settings: settings.collect() };
            writer.begin_anew(beginning).await.map_err(RestoreError::Store)?;
        }
        let mut restore = Self {
            writer: Rc::clone(writer),
            merging: Merging::new(is_new, now, book.contacts, book.requests),
            restored: Restored { merged: !is_new, ..Restored::default() },
        };
        let epoch = vec![Step::Op(Op::SaveEpoch(first.epoch))];
        restore.apply(epoch).await.map_err(RestoreError::Store)?;
        Ok(restore)
    }

    /// Takes records in, in the order of the file; durable when it returns.
    ///
    /// # Errors
    /// The browser refuses.
    pub(crate) async fn take(&mut self, records: Vec<Record>) -> Result<(), StoreFailure> {
        let mut steps = Vec::with_capacity(records.len());
        for record in records {
            self.merging.take(record, &mut steps);
            if steps.len() >= MAX_COMMIT_RECORDS {
                self.apply(std::mem::take(&mut steps)).await?;
            }
        }
        self.apply(steps).await
    }

    /// What was taken in.
    pub(crate) fn finish(self) -> Restored {
        Restored { contacts: self.merging.added(), ..self.restored }
    }

    async fn apply(&mut self, steps: Vec<Step>) -> Result<(), StoreFailure> {
        let counts = self.writer.restore(steps).await?;
        self.restored.messages += counts.messages;
        self.restored.known += counts.known;
        self.restored.waiting += counts.waiting;
        self.restored.conflicts += counts.conflicts;
        Ok(())
    }
}

async fn read(database: &Database) -> Result<Book, Fault> {
    let transaction = database.begin(&[BOOK], Mode::Read).await?;
    let mut book = Book::default();
    for record in Pending::new(transaction.store(BOOK)?.get_all()?).list().await? {
        book.take(&to_bytes(&record)?)?;
    }
    Ok(book)
}

/// Makes the new installation, in the place of one that nobody knows: there are neither people
/// nor messages.
pub(super) async fn write_beginning(
    database: &Database,
    beginning: Beginning,
) -> Result<(), Fault> {
    let Beginning { installation, settings } = beginning;
    let transaction = database.begin(&[BOOK], Mode::Write).await?;
    let book = transaction.store(BOOK)?;
    book.delete(&range(&[Kind::Invite as u8], &[Kind::Conversation as u8 + 1])?.into())?;
    book.put_with_key(&to_js(&installation.encode()), &to_js(&book::Installation::key()))?;
    for (key, value) in settings {
        let (key, value) = book::setting(&key, &value);
        book.put_with_key(&to_js(&value), &to_js(&key))?;
    }
    transaction.complete().await
}
