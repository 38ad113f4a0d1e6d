//! The thread that searches and keeps the search index.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tincan_engine::{Answer, Query};
use tincan_wire::{LogId, UserId};

use super::columns::Column as _;
use super::fault::{Fault, QueryError};
use super::message_row::{COLUMNS, Views};
use super::pages::{Page, one_more};
use super::reader::{MAX_QUESTIONS, Question};
use super::search_index::SearchIndex;
use crate::home::Home;

/// How long nothing may have come in before the index catches up by itself: under load the disk
/// and the processor have better things to do.
const QUIET: Duration =
    if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(2) };

/// The pause between two steps of catching up by itself.
const PAUSE: Duration = Duration::from_millis(20);

enum Task {
    Search(Question),
    /// There are messages that the index has not seen.
    Appended,
    Close,
}

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Searcher {
    tasks: SyncSender<Task>,
    nudge: Nudge,
}

impl Searcher {
    /// Starts the thread; the index is opened when it is first needed.
    pub(super) fn start(
        messages: Connection,
        lg: LogId,
        home: Home,
    ) -> Result<(Self, JoinHandle<()>), Fault> {
        let (tasks, given) = sync_channel(MAX_QUESTIONS);
        let nudge = Nudge {
            tasks: tasks.clone(),
            appends: Arc::default(),
            told: Arc::default(),
            closing: Arc::default(),
        };
        let thread = Thread { messages, lg, home, index: None, nudge: nudge.clone() };
        let thread = thread::Builder::new()
            .name("store-search".to_owned())
            .spawn(move || thread.run(&given))?;
        Ok((Self { tasks, nudge }, thread))
    }

    /// For the writer.
    pub(super) fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Hands a question over.
    pub(super) fn ask(&self, question: Question) -> Result<(), QueryError> {
        self.tasks.try_send(Task::Search(question)).map_err(|error| match error {
            TrySendError::Full(_) => QueryError::Busy,
            TrySendError::Disconnected(_) => QueryError::Closed,
        })
    }

    /// Ends the thread; a search that is catching up is broken off.
    pub(super) fn close(&self) {
        self.nudge.closing.store(true, Ordering::Relaxed);
        // An error says that it has ended already.
        let _ = self.tasks.send(Task::Close);
    }
}

/// Tells the thread that messages were written; costs next to nothing.
#[derive(Clone)]
pub(super) struct Nudge {
    tasks: SyncSender<Task>,
    /// Counts commits with messages, so that the thread can tell when it is quiet.
    appends: Arc<AtomicU64>,
    /// Whether the thread knows that it is behind.
    told: Arc<AtomicBool>,
    closing: Arc<AtomicBool>,
}

impl Nudge {
    /// A commit had messages in it.
    pub(super) fn appended(&self) {
        self.appends.fetch_add(1, Ordering::Relaxed);
        if !self.told.swap(true, Ordering::Relaxed) && self.tasks.try_send(Task::Appended).is_err()
        {
            self.told.store(false, Ordering::Relaxed);
        }
    }
}

struct Thread {
    messages: Connection,
    lg: LogId,
    home: Home,
    index: Option<SearchIndex>,
    nudge: Nudge,
}

impl Thread {
    fn run(mut self, given: &Receiver<Task>) {
        // The last run may have left something undone.
        let (mut is_behind, mut seen, mut wait) = (true, 0, QUIET);
        loop {
            let task = if is_behind {
                given.recv_timeout(wait)
            } else {
                given.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match task {
                Ok(Task::Search(question)) => self.answer(question),
                Ok(Task::Appended) => (is_behind, wait) = (true, QUIET),
                Ok(Task::Close) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let appends = self.nudge.appends.load(Ordering::Relaxed);
                    if appends == seen {
                        is_behind = !self.catch_up_a_step();
                        wait = PAUSE;
                    } else {
                        (seen, wait) = (appends, QUIET);
                    }
                }
            }
        }
    }

    /// Whether there is nothing more to do, or nothing that can be done now.
    fn catch_up_a_step(&mut self) -> bool {
        // Before the look, so that what comes during it is told again.
        self.nudge.told.store(false, Ordering::Relaxed);
        match self.step() {
            Ok(is_complete) => is_complete,
            Err(fault) => {
                tracing::warn!(?fault, "the search index can't catch up");
                true
            }
        }
    }

    fn answer(&mut self, question: Question) {
        let Query::Search { text, contact, limit } = &question.query else { return };
        let answer = self.search(text, *contact, *limit).map_err(|fault| {
            if self.nudge.closing.load(Ordering::Relaxed) {
                return QueryError::Closed;
            }
            QueryError::Failed { reason: fault.sentence(&self.home.search_index()) }
        });
        // Whoever asked may have gone.
        let _ = question.answer.send(answer);
    }

    fn search(
        &mut self,
        text: &str,
        contact: Option<UserId>,
        limit: usize,
    ) -> Result<Answer, Fault> {
        while !self.step()? {
            if self.nudge.closing.load(Ordering::Relaxed) {
                return Err(Fault::Other("the search was broken off".to_owned()));
            }
        }
        let conversation = match contact {
            Some(contact) => match self.conversation(contact)? {
                Some(key) => Some(key),
                None => return Ok(Answer::Messages { messages: Vec::new(), more: false }),
            },
            None => None,
        };
        let found = self.index()?.find(text, conversation, one_more(limit));
        let keys = match found {
            Ok(keys) => keys,
            Err(Fault::Damaged(_)) => {
                self.begin_again()?;
                return self.search(text, contact, limit);
            }
            Err(fault) => return Err(fault),
        };
        self.page(&keys, limit)
    }

    fn page(&self, keys: &[i64], limit: usize) -> Result<Answer, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM messages WHERE key = ?1");
        let moment = self.messages.unchecked_transaction()?;
        let mut page = Page::new(limit);
        let mut views = Views::default();
        for key in keys {
            let mut statement = moment.prepare_cached(&sql)?;
            let mut rows = statement.query(params![key])?;
            let Some(row) = rows.next()? else { continue };
            if !page.push(views.view(&moment, row)?) {
                break;
            }
        }
        moment.finish()?;
        let (messages, more) = page.finish();
        Ok(Answer::Messages { messages, more })
    }

    fn conversation(&self, contact: UserId) -> Result<Option<i64>, Fault> {
        let sql = "SELECT key FROM conversations WHERE contact = ?1";
        let mut statement = self.messages.prepare_cached(sql)?;
        Ok(statement.query_row(params![contact.to_column()], |row| row.get(0)).optional()?)
    }

    /// Lets the index take in some more; whether that were all.
    fn step(&mut self) -> Result<bool, Fault> {
        self.index()?;
        let Some(index) = &mut self.index else { return Ok(true) };
        match index.catch_up(&self.messages) {
            Err(Fault::Damaged(_)) => {
                self.begin_again()?;
                Ok(false)
            }
            result => result,
        }
    }

    fn index(&mut self) -> Result<&SearchIndex, Fault> {
        let index = match self.index.take() {
            Some(index) => index,
            None => SearchIndex::open(&self.home.search_index(), self.lg, &self.messages)?,
        };
        Ok(self.index.insert(index))
    }

    fn begin_again(&mut self) -> Result<(), Fault> {
        if let Some(index) = self.index.take() {
            self.index = Some(index.begin_again()?);
        }
        Ok(())
    }
}
