//! The store: everything that a node keeps, in one SQLite database in its home.
//!
//! One thread writes. It takes all transactions that wait when the disk is free, makes them
//! durable with one flush, and answers them together. Two more threads read, each on a
//! connection of its own: one for histories, one for searches.
//!
//! No message is touched again once it is written: how far it has come follows from positions,
//! of which each conversation has a few. Its words enter the search index later, in idle
//! moments or when somebody searches.

mod backup;
mod columns;
mod database;
mod fault;
mod group;
mod installation;
mod log_room;
pub(crate) mod look;
pub mod measure;
mod message_row;
mod operations;
mod outbox;
mod pages;
mod positions;
mod reader;
mod restore;
mod schema;
mod search_index;
mod searcher;
mod segment;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tincan_engine::store::{Op, Snapshot, TransactionId};
use tincan_engine::{Answer, Query, StoreFailure};
use tincan_wire::UserId;
use tokio::sync::oneshot;

pub(crate) use backup::Moment;
pub use fault::{QueryError, StoreError};
pub(crate) use restore::{OtherIdentity, restore};
pub(crate) use writer::StoreAnswer;

use crate::home::Home;
use fault::Fault;
use group::Transaction;
use operations::Operations;
use reader::{Question, Reader};
use searcher::Searcher;
use writer::{Answers, Job, Writer};

/// The store of a home. Open it once, hand it to everything in an `Arc`, and `close` it at last.
///
/// `submit` and `load_outbox` never wait; their answers come to the function given to `open`.
pub(crate) struct Store {
    jobs: Sender<Job>,
    answers: Answers,
    reader: Reader,
    searcher: Searcher,
    settings: Mutex<BTreeMap<String, String>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    commits: Arc<AtomicU64>,
}

impl Store {
    /// Opens the store, makes an identity at the first start, and loads what the engine must
    /// know. `answers` is called on the store's thread, with several answers at once where
    /// several became durable at once; it must not wait for anything.
    ///
    /// # Errors
    /// See [`StoreError`]. Nothing of what was there has been changed then.
    pub(crate) fn open(
        home: &Home,
        answers: impl Fn(Vec<StoreAnswer>) + Send + Sync + 'static,
    ) -> Result<(Self, Snapshot), StoreError> {
        let database = home.database();
        let connection = database::open_writer(&database)?;
        let opening = |fault: Fault| database::opening_error(fault, &database);
        let snapshot = snapshot::load(&connection).map_err(opening)?;
        let settings = snapshot::settings(&connection).map_err(opening)?;
        let (lg, me) = (snapshot.lg, installation::user_id(&snapshot));

        let messages = database::open_reader(&database).map_err(opening)?;
        let (searcher, search) = Searcher::start(messages, lg, home.clone()).map_err(opening)?;
        let messages = database::open_reader(&database).map_err(opening)?;
        let (reader, read) = Reader::start(messages, me, home.clone()).map_err(opening)?;

        let (answers, commits): (Answers, Arc<AtomicU64>) = (Arc::new(answers), Arc::default());
        let writer = Writer {
            connection,
            operations: Operations::new(me, lg),
            lg,
            home: home.clone(),
            answers: Arc::clone(&answers),
            nudge: searcher.nudge(),
            commits: Arc::clone(&commits),
            scrub: false,
            cramped: true,
        };
        let (jobs, given) = channel();
        let write = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(&given))
            .map_err(|error| opening(error.into()))?;

        let threads = Mutex::new(vec![read, search, write]);
        let settings = Mutex::new(settings);
        let store = Self { jobs, answers, reader, searcher, settings, threads, commits };
        Ok((store, snapshot))
    }

    /// Queues a transaction; [`StoreAnswer::Stored`] answers it. Transactions become durable in
    /// the order in which they are given. The engine bounds how many may wait.
    pub(crate) fn submit(&self, id: TransactionId, ops: Vec<Op>) {
        if self.jobs.send(Job::Commit(Transaction { id, ops })).is_err() {
            (self.answers)(vec![StoreAnswer::Stored { id, result: Err(closed()) }]);
        }
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
        let question = outbox::Question { contact, after, limit, limit_bytes };
        if self.jobs.send(Job::LoadOutbox(question)).is_err() {
            (self.answers)(vec![StoreAnswer::Outbox { contact, result: Err(closed()) }]);
        }
    }

    /// Answers a question of a screen.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub(crate) async fn query(&self, query: Query) -> Result<Answer, QueryError> {
        reader::check(&query)?;
        let (answer, answered) = oneshot::channel();
        let is_search = matches!(query, Query::Search { .. });
        let question = Question { query, answer };
        if is_search {
            self.searcher.ask(question)?;
        } else {
            self.reader.ask(question)?;
        }
        answered.await.unwrap_or(Err(QueryError::Closed))
    }

    /// A setting of the shell's own.
    pub(crate) fn setting(&self, key: &str) -> Option<String> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Sets a setting of the shell's own, or with `None` removes it; durable when it returns.
    ///
    /// # Errors
    /// The disk refuses; the setting stays as it was.
    pub(crate) async fn set_setting(
        &self,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StoreFailure> {
        let (done, is_done) = oneshot::channel();
        let (key, value) = (key.to_owned(), value.map(str::to_owned));
        let job = Job::SaveSetting { key: key.clone(), value: value.clone(), done };
        self.jobs.send(job).map_err(|_| closed())?;
        is_done.await.unwrap_or_else(|_| Err(closed()))?;
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => settings.insert(key, value),
            None => settings.remove(&key),
        };
        Ok(())
    }

    /// How many commits there were so far, each of one transaction or many.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Makes everything durable that was submitted, and ends the threads. It waits for them:
    /// call it where waiting is allowed. What is submitted afterwards is refused.
    pub(crate) fn close(&self) {
        self.searcher.close();
        self.reader.close();
        let mut threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let writer = threads.pop();
        // Readers first: the writer can then fold its log into the database.
        join(threads);
        // An error says that it has ended already.
        let _ = self.jobs.send(Job::Close);
        join(writer);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // A store that is dropped without `close` commits what was submitted all the same; only
        // nobody waits for it.
        self.searcher.close();
        self.reader.close();
        let _ = self.jobs.send(Job::Close);
    }
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        // It has panicked, and said so.
        let _ = thread.join();
    }
}

fn closed() -> StoreFailure {
    StoreFailure("this tincan is stopping and saves nothing more; start it again".to_owned())
}
