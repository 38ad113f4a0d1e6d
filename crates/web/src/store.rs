//! The store: everything that a browser keeps, in one IndexedDB database.
//!
//! One tab writes. All transactions that wait while the database is busy become durable
//! together in its next commit, as few records ([`schema`] has their shapes). Every tab may
//! read: questions of screens are answered from the database alone.
//!
//! No message is touched again once it is written: how far it has come follows from positions,
//! of which each conversation has a few. Its words enter the search index later, in idle
//! moments or when somebody searches.

mod backup;
mod block;
mod book;
mod bounds;
mod bytes;
mod commit;
mod conversation;
mod database;
mod fault;
mod group;
mod history;
mod idle;
mod later;
mod log;
mod lookup;
mod outbox;
mod reader;
mod request;
mod restore;
mod runs;
mod schema;
mod search_index;
mod searcher;
mod side;
mod state;
#[cfg(feature = "store-suite")]
mod suite;
mod transaction;
pub(crate) mod trial;
mod words;
mod write;
mod writer;

use std::rc::Rc;

use tincan_engine::store::{Op, Snapshot, TransactionId};
use tincan_engine::{StoreFailure, Time};
use tincan_wire::UserId;

pub(crate) use backup::Moment;
pub(crate) use fault::{QueryError, StoreError};
pub(crate) use reader::Reader;
#[cfg(feature = "store-suite")]
pub(crate) use restore::Restored;
pub(crate) use restore::{Restore, RestoreError};
pub(crate) use writer::StoreAnswer;

use database::Database;
use outbox::Question;
use writer::Writer;

/// The store of the tab that leads. A clone is the same one.
///
/// Open it once the tab leads: nothing here keeps two tabs from writing. `submit` and
/// `load_outbox` never wait; their answers come to the function given to `open`.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    writer: Rc<Writer>,
    reader: Reader,
}

impl Store {
    /// Opens the store, makes an identity at the first start, and loads what the engine must
    /// know. `answers` is never called from within a call of the store's, except to refuse what
    /// comes after [`Store::close`].
    ///
    /// # Errors
    /// See [`StoreError`]. Nothing of what was there has been changed then.
    pub(crate) async fn open(
        name: &str,
        answers: impl Fn(Vec<StoreAnswer>) + 'static,
    ) -> Result<(Self, Snapshot), StoreError> {
        let database = Database::open(name).await?;
        let (state, snapshot) = match commit::load(&database).await {
            Ok(loaded) => loaded,
            Err(fault) => {
                database.close();
                return Err(fault.into());
            }
        };
        let reader = Reader::new(database.clone());
        let writer = Writer::new(database.clone(), state, answers);
        Ok((Self { database, writer, reader }, snapshot))
    }

    /// Opens the database of that name for questions only, in a tab that does not lead.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) async fn open_reader(name: &str) -> Result<Reader, StoreError> {
        Ok(Reader::new(Database::open(name).await?))
    }

    /// Queues a transaction; [`StoreAnswer::Stored`] answers it. Transactions become durable in
    /// the order in which they are given. The engine bounds how many may wait.
    pub(crate) fn submit(&self, id: TransactionId, ops: Vec<Op>) {
        self.writer.submit(id, ops);
    }

    /// Queues a question for messages of our log for `contact` above the position `after`: at
    /// most `limit`, and no more once their contents reach `limit_bytes`.
    /// [`StoreAnswer::Outbox`] answers it, after the transactions that were given before it.
    pub(crate) fn load_outbox(
        &self,
        contact: UserId,
        after: u64,
        limit: usize,
        limit_bytes: usize,
    ) {
        self.writer.load_outbox(Question { contact, after, limit, limit_bytes });
    }

    /// A setting of the shell's own.
    pub(crate) fn setting(&self, key: &str) -> Option<String> {
        self.writer.setting(key)
    }

    /// Sets a setting of the shell's own, or with `None` removes it; durable when it returns.
    ///
    /// # Errors
    /// The browser refuses; the setting stays as it was.
    pub(crate) async fn set_setting(
        &self,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StoreFailure> {
        self.writer.set(key, value).await
    }

    /// Everything as it is now, for a backup. What was submitted and not answered is not in it.
    ///
    /// # Errors
    /// The browser could not read it.
    pub(crate) async fn moment(&self) -> Result<Moment, StoreFailure> {
        let moment = Moment::open(&self.database).await.map_err(|fault| fault.failure())?;
        moment.ok_or_else(|| fault::Fault::Damaged("who you are").failure())
    }

    /// Begins to take in the backup that begins with `first`: adds it where the same identity
    /// lives here, or takes the place of an identity that nobody knows. `settings` says which
    /// settings a new installation is to have. The engine must have ended before, and is started
    /// anew with a store that is opened afterwards.
    ///
    /// # Errors
    /// See [`RestoreError`]. Nothing has changed then.
    pub(crate) async fn restore(
        &self,
        first: &tincan_backup::Installation,
        settings: &[(&str, String)],
        now: Time,
    ) -> Result<Restore, RestoreError> {
        Restore::begin(&self.writer, &self.database, first, settings, now).await
    }

    /// How many commits there were so far, each of one transaction or many.
    #[cfg(feature = "store-suite")]
    pub(crate) fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Answers questions of screens from the same database.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Makes everything durable that was submitted, then closes the database. What is submitted
    /// afterwards is refused.
    pub(crate) fn close(&self) {
        self.writer.close();
    }
}
