//! The thread that writes: takes what waits, makes it durable, says so.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tincan_engine::StoreFailure;
use tincan_engine::store::{Op, OutboxPage, Stored, TransactionId};
use tincan_wire::{LogId, UserId};
use tokio::sync::oneshot;

use super::fault::Fault;
use super::group::{self, Transaction};
use super::log_room;
use super::operations::Operations;
use super::outbox::{self, Question};
use super::searcher::Nudge;
use crate::home::Home;

/// Most operations of one commit. They take about 20 ms, beside which the flush is small; more
/// would only make the first of them wait for the last.
const MAX_GROUP_OPS: usize = 4_096;

/// How long acknowledgements wait for other things to be written with. Else the next message of
/// a lively conversation would wait for a flush that nobody asked for.
const LINGER: Duration = Duration::from_millis(2);

/// An answer of the store to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreAnswer {
    /// To a transaction: it is durable, or nothing of it is.
    Stored {
        /// Which.
        id: TransactionId,
        /// What the engine must hear of, or why not.
        result: Result<Stored, StoreFailure>,
    },
    /// To `load_outbox`.
    Outbox {
        /// For whom.
        contact: UserId,
        /// The page, or why not.
        result: Result<OutboxPage, StoreFailure>,
    },
}

/// Takes the answers, several at once where several became durable at once. It is called on the
/// writer's thread and must not wait for anything.
pub(super) type Answers = Arc<dyn Fn(Vec<StoreAnswer>) + Send + Sync>;

/// What the writer is asked for.
pub(super) enum Job {
    Commit(Transaction),
    LoadOutbox(Question),
    SaveSetting {
        key: String,
        value: Option<String>,
        done: oneshot::Sender<Result<(), StoreFailure>>,
    },
    /// Do what came before, then stop.
    Close,
    /// Stand still until the other end is dropped, so that jobs pile up.
    #[cfg(test)]
    Hold(Receiver<()>),
    /// Let the database grow to so many pages more, as if the disk were full then.
    #[cfg(test)]
    LimitGrowth(Option<u32>),
}

/// The thread's own things.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) operations: Operations,
    pub(super) lg: LogId,
    /// Held so that nobody else takes the home before the last commit.
    pub(super) home: Home,
    pub(super) answers: Answers,
    pub(super) nudge: Nudge,
    /// Successful commits so far.
    pub(super) commits: Arc<AtomicU64>,
    /// Whether something secret was removed that may still stand in the write-ahead log.
    pub(super) scrub: bool,
    /// Whether the write-ahead log may want room.
    pub(super) cramped: bool,
}

impl Writer {
    /// Runs until `Close`, or until the store is dropped.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut waiting = VecDeque::new();
        while let Ok(job) = jobs.recv() {
            waiting.push_back(job);
            linger(jobs, &mut waiting);
            while !waiting.is_empty() {
                // What arrived during the last commit belongs into the next one.
                waiting.extend(jobs.try_iter());
                if !self.step(&mut waiting) {
                    return self.finish();
                }
            }
        }
        self.finish();
    }

    /// Does what is first in line, with all that can be done together with it. False at the end.
    fn step(&mut self, waiting: &mut VecDeque<Job>) -> bool {
        let group = take_group(waiting);
        if !group.is_empty() {
            self.commit(group);
            return true;
        }
        match waiting.pop_front() {
            // Taken above; an empty line has nothing to do.
            Some(Job::Commit(_)) | None => {}
            Some(Job::LoadOutbox(question)) => {
                let result = outbox::load(&self.connection, self.lg, question);
                let result = result.map_err(|fault| self.failure(&fault));
                (self.answers)(vec![StoreAnswer::Outbox { contact: question.contact, result }]);
            }
            Some(Job::SaveSetting { key, value, done }) => {
                let result = self.save_setting(&key, value.as_deref());
                // Whoever asked may have gone.
                let _ = done.send(result.map_err(|fault| self.failure(&fault)));
            }
            Some(Job::Close) => return false,
            #[cfg(test)]
            Some(Job::Hold(until)) => while until.recv().is_ok() {},
            #[cfg(test)]
            Some(Job::LimitGrowth(pages)) => self.limit_growth(pages),
        }
        true
    }

    fn commit(&mut self, group: Vec<Transaction>) {
        let results = group::commit(&self.connection, &mut self.operations, &group);
        if results.iter().any(Result::is_ok) {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(fault) = results.iter().find_map(|result| result.as_ref().err()) {
            tracing::warn!(?fault, transactions = group.len(), "the store refused");
        }
        let ops = || group.iter().flat_map(|transaction| &transaction.ops);
        let appended = ops().any(|op| matches!(op, Op::Append(_)));
        self.scrub |= ops().any(|op| matches!(op, Op::RemovePrekey(_)));
        let answers = group.iter().zip(results).map(|(transaction, result)| StoreAnswer::Stored {
            id: transaction.id,
            result: result.map_err(|fault| self.failure(&fault)),
        });
        (self.answers)(answers.collect());
        if self.scrub {
            self.scrub = !self.checkpoint();
            self.cramped = true;
        }
        if appended {
            self.nudge.appended();
            self.make_room();
        }
    }

    /// A process that writes no message needs none.
    fn make_room(&mut self) {
        if std::mem::take(&mut self.cramped)
            && let Err(error) = log_room::make_room(&self.home.database())
        {
            tracing::debug!(%error, "no room for the log in advance");
        }
    }

    /// Moves everything from the write-ahead log into the database and empties the log, so that
    /// what was removed is in neither; false if a reader was in the way.
    fn checkpoint(&self) -> bool {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).is_ok_and(|busy| busy == 0)
    }

    fn save_setting(&mut self, key: &str, value: Option<&str>) -> Result<(), Fault> {
        group::attempt(&self.connection, &mut self.operations, |_| {
            match value {
                Some(value) => self.connection.execute(
                    "INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)",
                    params![key, value],
                ),
                None => {
                    self.connection.execute("DELETE FROM settings WHERE key = ?1", params![key])
                }
            }?;
            Ok(())
        })
    }

    fn finish(self) {
        self.checkpoint();
        // The lock of the home is the last to go.
        drop(self.connection);
        drop(self.home);
    }

    fn failure(&self, fault: &Fault) -> StoreFailure {
        fault.failure(&self.home.database())
    }

    #[cfg(test)]
    fn limit_growth(&self, pages: Option<u32>) {
        let count: u32 =
            self.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let limit = pages.map_or(i64::from(u32::MAX - 1), |pages| i64::from(count + pages));
        self.connection
            .query_row(&format!("PRAGMA max_page_count = {limit}"), [], |row| row.get::<_, i64>(0))
            .unwrap();
    }
}

/// While all that waits may linger, waits a little for more.
fn linger(jobs: &Receiver<Job>, waiting: &mut VecDeque<Job>) {
    let until = Instant::now() + LINGER;
    while waiting.back().is_some_and(may_linger) {
        let left = until.saturating_duration_since(Instant::now());
        match jobs.recv_timeout(left) {
            Ok(job) => waiting.push_back(job),
            Err(_) => return,
        }
    }
}

fn may_linger(job: &Job) -> bool {
    matches!(job, Job::Commit(transaction) if transaction.ops.iter().all(Op::may_linger))
}

/// The transactions at the front of the line, as many as fit into one commit.
fn take_group(waiting: &mut VecDeque<Job>) -> Vec<Transaction> {
    let mut group = Vec::new();
    let mut ops = 0;
    while ops < MAX_GROUP_OPS {
        match waiting.pop_front() {
            Some(Job::Commit(transaction)) => {
                ops += transaction.ops.len();
                group.push(transaction);
            }
            Some(other) => {
                waiting.push_front(other);
                break;
            }
            None => break,
        }
    }
    group
}
