//! The line of what waits to be written, and who takes from it: one commit after the other,
//! each with everything that waits when it begins.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use futures_channel::oneshot;
use tincan_backup::Step;
use tincan_engine::StoreFailure;
use tincan_engine::store::{Op, OutboxPage, Stored, TransactionId};
use tincan_wire::UserId;
use wasm_bindgen_futures::spawn_local;

use super::commit::{self, Task};
use super::database::Database;
use super::fault::Fault;
use super::idle::Idle;
use super::outbox::{self, Question};
use super::restore::{self, Beginning, Restored};
use super::state::State;

/// Most operations of one commit. More would only make the first of them wait for the last.
const MAX_GROUP_OPS: usize = 4_096;

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

/// Told once something of the shell's own is durable.
type Done = oneshot::Sender<Result<Restored, StoreFailure>>;

enum Job {
    /// A transaction of the engine.
    Commit {
        id: TransactionId,
        ops: Vec<Op>,
    },
    /// Something of the shell's own.
    Do(Task, Done),
    /// A restored identity takes the place of the one that is there.
    BeginAnew(Beginning, Done),
    LoadOutbox(Question),
    /// Do what came before, then close the database.
    Close,
}

/// The writer of a database.
pub(super) struct Writer {
    database: Database,
    state: RefCell<State>,
    /// Whether a commit has failed, so that the database must be read again.
    is_stale: Cell<bool>,
    waiting: RefCell<VecDeque<Job>>,
    is_running: Cell<bool>,
    is_closed: Cell<bool>,
    commits: Cell<u64>,
    answers: Box<dyn Fn(Vec<StoreAnswer>)>,
    idle: Idle,
    this: Weak<Self>,
}

impl Writer {
    pub(super) fn new(
        database: Database,
        state: State,
        answers: impl Fn(Vec<StoreAnswer>) + 'static,
    ) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            idle: Idle::new(database.clone()),
            database,
            state: RefCell::new(state),
            is_stale: Cell::new(false),
            waiting: RefCell::default(),
            is_running: Cell::new(false),
            is_closed: Cell::new(false),
            commits: Cell::new(0),
            answers: Box::new(answers),
            this: this.clone(),
        })
    }

    /// Queues a transaction.
    pub(super) fn submit(&self, id: TransactionId, ops: Vec<Op>) {
        self.give(Job::Commit { id, ops });
    }

    /// Queues a question for the outbox.
    pub(super) fn load_outbox(&self, question: Question) {
        self.give(Job::LoadOutbox(question));
    }

    /// Queues the change of a setting, and waits until it is durable.
    pub(super) async fn set(&self, key: &str, value: Option<&str>) -> Result<(), StoreFailure> {
        let (key, value) = (key.to_owned(), value.map(str::to_owned));
        let set = Task::Setting { key, value };
        self.wait(|done| Job::Do(set, done)).await.map(drop)
    }

    /// Takes in records of a backup, and waits until they are durable.
    pub(super) async fn restore(&self, steps: Vec<Step>) -> Result<Restored, StoreFailure> {
        self.wait(|done| Job::Do(Task::Restore(steps), done)).await
    }

    /// Lets a restored identity take the place of the one that is there.
    pub(super) async fn begin_anew(&self, beginning: Beginning) -> Result<(), StoreFailure> {
        self.wait(|done| Job::BeginAnew(beginning, done)).await.map(drop)
    }

    async fn wait(&self, job: impl FnOnce(Done) -> Job) -> Result<Restored, StoreFailure> {
        let (done, is_done) = oneshot::channel();
        self.give(job(done));
        is_done.await.unwrap_or_else(|_| Err(Fault::Closed.failure()))
    }

    /// A setting as it was last set.
    pub(super) fn setting(&self, key: &str) -> Option<String> {
        self.state.borrow().settings.get(key).cloned()
    }

    /// How many commits there were so far, each of one transaction or many.
    #[cfg(feature = "store-suite")]
    pub(super) fn commits(&self) -> u64 {
        self.commits.get()
    }

    /// Refuses what comes from now on; what waits is done first.
    pub(super) fn close(&self) {
        if !self.is_closed.replace(true) {
            self.idle.close();
            self.waiting.borrow_mut().push_back(Job::Close);
            self.run();
        }
    }

    fn give(&self, job: Job) {
        if self.is_closed.get() {
            return self.refuse(job);
        }
        self.waiting.borrow_mut().push_back(job);
        self.run();
    }

    fn refuse(&self, job: Job) {
        let closed = Fault::Closed.failure();
        match job {
            Job::Commit { id, .. } => {
                self.answer(StoreAnswer::Stored { id, result: Err(closed) });
            }
            Job::Do(_, done) | Job::BeginAnew(_, done) => {
                // Whoever asked may have gone.
                let _ = done.send(Err(closed));
            }
            Job::LoadOutbox(Question { contact, .. }) => {
                self.answer(StoreAnswer::Outbox { contact, result: Err(closed) });
            }
            Job::Close => {}
        }
    }

    fn run(&self) {
        // What is submitted in the same turn goes into the same commit: the task begins after it.
        if let Some(this) = self.this.upgrade()
            && !self.is_running.replace(true)
        {
            spawn_local(async move {
                while this.step().await {}
                this.is_running.set(false);
            });
        }
    }

    /// Does what is first in line, with all that can be done together with it. False once there
    /// is nothing more.
    async fn step(&self) -> bool {
        let group = self.take_group();
        if !group.is_empty() {
            self.commit(group).await;
            return true;
        }
        let job = self.waiting.borrow_mut().pop_front();
        match job {
            Some(Job::LoadOutbox(question)) => {
                let result = self.outbox(question).await.map_err(|fault| fault.failure());
                self.answer(StoreAnswer::Outbox { contact: question.contact, result });
                true
            }
            Some(Job::BeginAnew(beginning, done)) => {
                let result = restore::write_beginning(&self.database, beginning).await;
                self.is_stale.set(true);
                // Whoever asked may have gone.
                let _ = done.send(result.map(|()| Restored::default()).map_err(|f| f.failure()));
                true
            }
            Some(Job::Close) => {
                self.database.close();
                true
            }
            // Taken above.
            Some(Job::Commit { .. } | Job::Do(..)) => true,
            None => false,
        }
    }

    async fn outbox(&self, question: Question) -> Result<OutboxPage, Fault> {
        self.refresh().await?;
        let log = {
            let state = self.state.borrow();
            let own = state.installation.lg;
            let conversation = state.conversations.get(&question.contact);
            conversation.and_then(|found| Some((found.clone(), found.find_log(true, own)?)))
        };
        outbox::load(&self.database, question, log).await
    }

    /// What is at the front of the line, as much as fits into one commit.
    fn take_group(&self) -> Vec<Job> {
        let mut waiting = self.waiting.borrow_mut();
        let (mut group, mut ops) = (Vec::new(), 0);
        while ops < MAX_GROUP_OPS {
            let is_part = |job: &Job| matches!(job, Job::Commit { .. } | Job::Do(..));
            if !waiting.front().is_some_and(is_part) {
                break;
            }
            let Some(job) = waiting.pop_front() else { break };
            ops += match &job {
                Job::Commit { ops, .. } => ops.len(),
                Job::Do(Task::Restore(steps), _) => steps.len(),
                _ => 1,
            };
            group.push(job);
        }
        group
    }

    async fn commit(&self, group: Vec<Job>) {
        let (mut tasks, mut askers) = (Vec::with_capacity(group.len()), Vec::new());
        for job in group {
            match job {
                Job::Commit { id, ops } => {
                    tasks.push(Task::Ops(ops));
                    askers.push(Asker::Engine(id));
                }
                Job::Do(task, done) => {
                    tasks.push(task);
                    askers.push(Asker::Shell(done));
                }
                Job::BeginAnew(..) | Job::LoadOutbox(_) | Job::Close => {}
            }
        }
        let results = match self.refresh().await {
            Ok(()) => self.write(tasks).await,
            Err(fault) => tasks.iter().map(|_| Err(fault.clone())).collect(),
        };
        let mut answers = Vec::with_capacity(askers.len());
        for (asker, result) in askers.into_iter().zip(results) {
            let result = result.map_err(|fault| fault.failure());
            match asker {
                Asker::Engine(id) => {
                    let result = result.map(|report| report.stored);
                    answers.push(StoreAnswer::Stored { id, result });
                }
                Asker::Shell(done) => {
                    // Whoever asked may have gone.
                    let _ = done.send(result.map(|report| report.restored));
                }
            }
        }
        (self.answers)(answers);
    }

    fn answer(&self, answer: StoreAnswer) {
        (self.answers)(vec![answer]);
    }

    async fn write(&self, tasks: Vec<Task>) -> commit::Results {
        let done = commit::commit(&self.database, &self.state, tasks).await;
        self.is_stale.set(done.has_failed);
        if !done.has_failed {
            self.commits.set(self.commits.get() + 1);
        }
        self.idle.nudge(done.appended);
        done.results
    }

    /// Reads the database again after a commit has failed: then it is right, and we are not.
    async fn refresh(&self) -> Result<(), Fault> {
        if self.is_stale.get() {
            let (state, _) = commit::load(&self.database).await?;
            *self.state.borrow_mut() = state;
            self.is_stale.set(false);
        }
        Ok(())
    }
}

/// Who waits for a commit.
enum Asker {
    Engine(TransactionId),
    Shell(Done),
}
