//! How fast the disk and the store are: for `cargo xtask bench` and the example `store_bench`.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tincan_engine::store::{Op, TransactionId};
use tincan_engine::{Delivery, MessageKind, MessageView, StoreFailure};
use tincan_wire::{Identity, LogId, MessageId, Ranges, UserId};

use super::fault::{Fault, StoreError};
use super::{Store, StoreAnswer};
use crate::home::Home;

/// Bytes of content of a measured message, as in the project's table of figures.
const CONTENT_BYTES: usize = 200;

/// Longest wait for an answer of the store; a disk that takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// The machine's own limit: commits a second of plain SQLite in a new file `raw.db` in
/// `directory`, one row each, in WAL mode with `synchronous=FULL`, for about `span`.
///
/// # Errors
/// The file can't be made or written.
pub fn raw_commits_per_second(directory: &Path, span: Duration) -> Result<f64, StoreError> {
    let file = directory.join("raw.db");
    raw_commits(&file, span).map_err(|fault| StoreError::of(fault, &file, None))
}

fn raw_commits(file: &Path, span: Duration) -> Result<f64, Fault> {
    let connection = Connection::open(file)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE IF NOT EXISTS rows (value BLOB)")?;
    let mut insert = connection.prepare("INSERT INTO rows (value) VALUES (?1)")?;
    let row = [7_u8; CONTENT_BYTES];
    let start = Instant::now();
    let mut commits = 0_u32;
    while start.elapsed() < span {
        insert.execute(params![row])?;
        commits += 1;
    }
    Ok(f64::from(commits) / start.elapsed().as_secs_f64())
}

/// A store in a home of its own, and how fast it takes messages.
pub struct StoreBench {
    store: Store,
    answers: Receiver<Vec<StoreAnswer>>,
    path: PathBuf,
    contact: UserId,
    lg: LogId,
    written: u32,
}

impl StoreBench {
    /// Opens the store of `home`.
    ///
    /// # Errors
    /// The home or the store can't be opened.
    pub fn open(home: &Home) -> Result<Self, StoreError> {
        let (tell, answers) = channel();
        let (store, snapshot) = Store::open(home, move |batch| {
            // The bench may be over.
            let _ = tell.send(batch);
        })?;
        let contact = Identity::from_seed([9; 32]).user_id();
        let path = home.database();
        Ok(Self { store, answers, path, contact, lg: snapshot.lg, written: 0 })
    }

    /// Submits `count` incoming messages in transactions of `per_transaction`, as fast as the
    /// store takes them, and returns messages a second until the last one is durable, and how
    /// many commits it took.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn incoming(&mut self, count: u32, per_transaction: u32) -> Result<(f64, u64), StoreError> {
        let transactions: Vec<Vec<Op>> =
            (0..count / per_transaction.max(1)).map(|_| self.received(per_transaction)).collect();
        let commits = self.store.commits();
        let start = Instant::now();
        let submitted = transactions.len();
        for ops in transactions {
            self.store.submit(TransactionId(0), ops);
        }
        self.wait(submitted)?;
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        Ok((rate, self.store.commits() - commits))
    }

    /// Messages of ours a second, each committed before the next is submitted, for about `span`.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn one_at_a_time(&mut self, span: Duration) -> Result<f64, StoreError> {
        let start = Instant::now();
        let mut count = 0_u32;
        while start.elapsed() < span {
            let message = self.message(true);
            self.store.submit(TransactionId(0), vec![Op::Append(message)]);
            self.wait(1)?;
            count += 1;
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    }

    /// Closes the store.
    pub fn close(self) {
        self.store.close();
    }

    fn wait(&self, mut submitted: usize) -> Result<(), StoreError> {
        let refused = |detail| StoreError::Unusable { path: self.path.clone(), detail };
        while submitted > 0 {
            let batch = self.answers.recv_timeout(PATIENCE);
            let batch = batch.map_err(|_| refused("the store did not answer".to_owned()))?;
            submitted -= batch.len();
            for answer in batch {
                if let StoreAnswer::Stored { result: Err(StoreFailure(reason)), .. } = answer {
                    return Err(refused(reason));
                }
            }
        }
        Ok(())
    }

    fn received(&mut self, count: u32) -> Vec<Op> {
        let first = u64::from(self.written) + 1;
        let mut ops: Vec<Op> = (0..count).map(|_| Op::Append(self.message(false))).collect();
        let s = Ranges::from_range(first, u64::from(self.written));
        ops.push(Op::AddHave { contact: self.contact, lg: self.lg, s });
        ops
    }

    fn message(&mut self, outgoing: bool) -> MessageView {
        self.written += 1;
        let s = u64::from(self.written);
        let now = 1_763_792_787_000 + s;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&s.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        MessageView {
            contact: self.contact,
            outgoing,
            id: MessageId::new(now, random),
            lg: self.lg,
            s,
            h: now,
            timestamp: now,
            kind: MessageKind::Text { reply: None },
            content: "x".repeat(CONTENT_BYTES),
            state: Delivery::Queued,
        }
    }
}
