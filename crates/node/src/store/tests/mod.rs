//! The store as its user sees it, on a real disk.

mod disk_full;
mod history;
mod model;
mod opening;
mod operations;
mod outbox;
mod search;
mod settings;
mod suite;
mod transactions;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tempfile::TempDir;
use tincan_engine::store::{Op, OutboxPage, Snapshot, Stored, TransactionId};
use tincan_engine::{Answer, Delivery, MessageKind, MessageView, Query, StoreFailure};
use tincan_wire::{Identity, LogId, MessageId, Ranges, UserId};

use super::writer::Job;
use super::{QueryError, Store, StoreAnswer};
use crate::home::Home;

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store in a home of its own, with its answers.
struct Disk {
    dir: TempDir,
    store: Store,
    answers: Receiver<Vec<StoreAnswer>>,
    snapshot: Snapshot,
    submitted: u64,
}

impl Disk {
    fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap())
    }

    fn in_dir(dir: TempDir) -> Self {
        let home = Home::open(&dir.path().join("home")).unwrap();
        let (tell, answers) = channel();
        let (store, snapshot) = Store::open(&home, move |batch| {
            let _ = tell.send(batch);
        })
        .unwrap();
        Self { dir, store, answers, snapshot, submitted: 0 }
    }

    /// As after a restart.
    fn reopen(self) -> Self {
        self.store.close();
        let Self { dir, store, .. } = self;
        drop(store);
        Self::in_dir(dir)
    }

    fn me(&self) -> UserId {
        Identity::from_seed(self.snapshot.seed).user_id()
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn submit(&mut self, ops: Vec<Op>) -> TransactionId {
        self.submitted += 1;
        let id = TransactionId(self.submitted);
        self.store.submit(id, ops);
        id
    }

    fn batch(&self) -> Vec<StoreAnswer> {
        self.answers.recv_timeout(PATIENCE).expect("an answer of the store")
    }

    /// One transaction, alone.
    fn run(&mut self, ops: Vec<Op>) -> Result<Stored, StoreFailure> {
        let submitted = self.submit(ops);
        match self.batch().as_slice() {
            [StoreAnswer::Stored { id, result }] if *id == submitted => result.clone(),
            other => panic!("one answer to {submitted:?}, not {other:?}"),
        }
    }

    /// One transaction that must succeed and report nothing.
    fn save(&mut self, ops: Vec<Op>) {
        assert_eq!(self.run(ops), Ok(Stored::default()));
    }

    /// All of them in one commit: they wait until the last is there.
    fn run_together(&mut self, transactions: Vec<Vec<Op>>) -> Vec<Result<Stored, StoreFailure>> {
        let hold = self.hold();
        let ids: Vec<_> = transactions.into_iter().map(|ops| self.submit(ops)).collect();
        drop(hold);
        let batch = self.batch();
        let found: Vec<_> = batch.into_iter().map(stored).collect();
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids, "all, in order");
        found.into_iter().map(|(_, result)| result).collect()
    }

    /// The writer stands still until this is dropped.
    fn hold(&self) -> Sender<()> {
        let (hold, held) = channel();
        self.store.jobs.send(Job::Hold(held)).unwrap();
        hold
    }

    fn outbox(&self, contact: UserId, after: u64, limit: usize, bytes: usize) -> OutboxPage {
        self.store.load_outbox(contact, after, limit, bytes);
        match self.batch().as_slice() {
            [StoreAnswer::Outbox { contact: found, result: Ok(page) }] if *found == contact => {
                page.clone()
            }
            other => panic!("a page, not {other:?}"),
        }
    }

    fn query(&self, query: Query) -> Result<Answer, QueryError> {
        block_on(self.store.query(query))
    }

    fn messages(&self, query: Query) -> (Vec<MessageView>, bool) {
        match self.query(query) {
            Ok(Answer::Messages { messages, more }) => (messages, more),
            other => panic!("messages, not {other:?}"),
        }
    }

    fn history(&self, contact: UserId) -> Vec<MessageView> {
        let (messages, more) =
            self.messages(Query::History { contact, before: None, limit: 1_000 });
        assert!(!more);
        messages
    }

    /// The contents that a search finds.
    fn search(&self, text: &str, contact: Option<UserId>) -> Vec<String> {
        let (messages, _) =
            self.messages(Query::Search { text: text.to_owned(), contact, limit: 1_000 });
        messages.into_iter().map(|message| message.content).collect()
    }

    /// A message of ours.
    fn ours(&self, contact: UserId, s: u64) -> MessageView {
        message(contact, true, self.snapshot.lg, s)
    }
}

fn stored(answer: StoreAnswer) -> (TransactionId, Result<Stored, StoreFailure>) {
    match answer {
        StoreAnswer::Stored { id, result } => (id, result),
        other => panic!("a transaction's answer, not {other:?}"),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("no answer") })
}

fn user(seed: u8) -> UserId {
    Identity::from_seed([seed; 32]).user_id()
}

fn lg(text: &str) -> LogId {
    text.parse().unwrap()
}

/// A message of theirs.
fn theirs(contact: UserId, s: u64) -> MessageView {
    message(contact, false, lg("theirlog"), s)
}

fn message(contact: UserId, outgoing: bool, lg: LogId, s: u64) -> MessageView {
    MessageView {
        contact,
        outgoing,
        id: id(s),
        lg,
        s,
        h: 1_000 + s,
        timestamp: 2_000 + s,
        kind: MessageKind::Text { reply: None },
        content: format!("message {s}"),
        state: if outgoing { Delivery::Queued } else { Delivery::Delivered },
    }
}

fn id(number: u64) -> MessageId {
    MessageId::new(number, [7; 10])
}

fn ranges(list: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::new();
    list.iter().for_each(|(first, last)| ranges.insert_range(*first, *last));
    ranges
}
