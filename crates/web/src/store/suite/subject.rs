//! The store of a browser as the suite drives it.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use tincan_engine::store::{Op, OutboxPage, Snapshot, Stored, TransactionId};
use tincan_engine::{Answer, Query, StoreFailure};
use tincan_store_suite::{OutboxQuestion, Outcome, Refusal, Subject};
use tincan_wire::{DeviceId, LogId};

use super::super::database;
use crate::store::{QueryError, Store, StoreAnswer};

/// A store in a database of its own.
pub(super) struct Browser {
    store: Option<Store>,
    snapshot: Snapshot,
    name: String,
    made: u32,
    submitted: u64,
    answers: Rc<Answers>,
}

/// Answers that have come, and who waits for the next.
#[derive(Default)]
pub(super) struct Answers {
    come: RefCell<Vec<StoreAnswer>>,
    waiting: RefCell<Option<oneshot::Sender<()>>>,
}

impl Answers {
    pub(super) fn take_in(&self, answers: Vec<StoreAnswer>) {
        self.come.borrow_mut().extend(answers);
        if let Some(waiting) = self.waiting.borrow_mut().take() {
            // Whoever waited may have gone.
            let _ = waiting.send(());
        }
    }

    /// The next answers, as many as that.
    pub(super) async fn next(&self, count: usize) -> Vec<StoreAnswer> {
        while self.come.borrow().len() < count {
            let (tell, told) = oneshot::channel();
            *self.waiting.borrow_mut() = Some(tell);
            let _ = told.await;
        }
        self.come.borrow_mut().drain(..count).collect()
    }
}

fn results(
    answers: Vec<StoreAnswer>,
    ids: &[TransactionId],
) -> Result<Vec<Result<Stored, StoreFailure>>, String> {
    let mut results = Vec::new();
    for (answer, expected) in answers.into_iter().zip(ids) {
        match answer {
            StoreAnswer::Stored { id, result } if id == *expected => results.push(result),
            other => return Err(format!("an answer to {expected:?}, not {other:?}")),
        }
    }
    Ok(results)
}

impl Browser {
    /// Nothing is open yet.
    pub(super) fn new(lg: LogId) -> Self {
        Self {
            store: None,
            snapshot: Snapshot::new([0; 32], DeviceId([0; 8]), lg),
            name: String::new(),
            made: 0,
            submitted: 0,
            answers: Rc::default(),
        }
    }

    fn store(&self) -> Result<&Store, String> {
        self.store.as_ref().ok_or_else(|| "no store is open".to_owned())
    }

    fn submit(&mut self, ops: Vec<Op>) -> Result<TransactionId, String> {
        self.submitted += 1;
        let id = TransactionId(self.submitted);
        self.store()?.submit(id, ops);
        Ok(id)
    }

    async fn open(&mut self) -> Outcome {
        let answers = Rc::clone(&self.answers);
        let opened = Store::open(&self.name, move |come| answers.take_in(come)).await;
        let (store, snapshot) = opened.map_err(|error| error.to_string())?;
        (self.store, self.snapshot) = (Some(store), snapshot);
        Ok(())
    }

    /// Closes the store and removes what it kept.
    pub(super) async fn forget(&mut self) {
        if let Some(store) = self.store.take() {
            store.close();
            database::delete(&self.name).await;
        }
    }
}

impl Subject for Browser {
    async fn fresh(&mut self) -> Outcome {
        self.forget().await;
        self.made += 1;
        self.name = format!("store-suite-{}-{}", js_sys::Math::random(), self.made);
        self.open().await
    }

    async fn reopen(&mut self) -> Outcome {
        if let Some(store) = self.store.take() {
            store.close();
        }
        self.open().await
    }

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn run_together(
        &mut self,
        transactions: Vec<Vec<Op>>,
    ) -> Result<Vec<Result<Stored, StoreFailure>>, String> {
        let mut ids = Vec::with_capacity(transactions.len());
        for ops in transactions {
            ids.push(self.submit(ops)?);
        }
        results(self.answers.next(ids.len()).await, &ids)
    }

    async fn ask_between(
        &mut self,
        transactions: Vec<Vec<Op>>,
        before: usize,
        question: OutboxQuestion,
    ) -> Result<OutboxPage, String> {
        let OutboxQuestion { contact, after, limit, limit_bytes } = question;
        let mut ids = Vec::with_capacity(transactions.len());
        for (at, ops) in transactions.into_iter().map(Some).chain([None]).enumerate() {
            if at == before {
                self.store()?.load_outbox(contact, after, limit, limit_bytes);
            }
            if let Some(ops) = ops {
                ids.push(self.submit(ops)?);
            }
        }
        let mut answers = self.answers.next(ids.len() + 1).await;
        let page = answers.remove(before);
        results(answers, &ids)?;
        match page {
            StoreAnswer::Outbox { contact: found, result: Ok(page) } if found == contact => {
                Ok(page)
            }
            other => Err(format!("a page, not {other:?}")),
        }
    }

    async fn close_under(
        &mut self,
        transactions: Vec<Vec<Op>>,
        late: Vec<Op>,
    ) -> Result<Vec<Result<Stored, StoreFailure>>, String> {
        let mut ids = Vec::with_capacity(transactions.len());
        for ops in transactions {
            ids.push(self.submit(ops)?);
        }
        self.store()?.close();
        let late = self.submit(late)?;
        // What comes too late is refused at once, and the rest takes its time.
        let mut answers = self.answers.next(ids.len() + 1).await;
        let is_late =
            |answer: &StoreAnswer| matches!(answer, StoreAnswer::Stored { id, .. } if *id == late);
        answers.sort_by_key(is_late);
        ids.push(late);
        results(answers, &ids)
    }

    async fn query(&mut self, query: Query) -> Result<Answer, Refusal> {
        let store = self.store().map_err(Refusal::Other)?;
        store.reader().query(&query).await.map_err(|error| match error {
            QueryError::Limit { .. } => Refusal::Limit,
            other => Refusal::Other(other.to_string()),
        })
    }

    async fn setting(&mut self, key: &str) -> Option<String> {
        let store = self.store().ok()?;
        let (known, stored) = (store.setting(key), store.reader().setting(key).await);
        // Both ways to read it must agree, where there are two.
        if known == stored { known } else { Some(format!("{known:?}, but stored {stored:?}")) }
    }

    async fn set_setting(&mut self, key: &str, value: Option<&str>) -> Result<(), StoreFailure> {
        self.store().map_err(StoreFailure)?.set_setting(key, value).await
    }
}
