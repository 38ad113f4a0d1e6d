//! What every store must do (`tests/store-suite`), on SQLite.

use futures_util::FutureExt as _;
use tincan_store_suite::{OutboxQuestion, Outcome, Refusal, Subject};

use super::*;

/// A store in a home of its own. Everything here waits where it is called, so no future of it
/// is ever pending.
struct Sqlite {
    disk: Option<Disk>,
}

impl Sqlite {
    fn disk(&mut self) -> &mut Disk {
        self.disk.as_mut().expect("a store is open")
    }

    /// Answers, as many as that, one after the other.
    fn answers(&mut self, count: usize) -> Vec<StoreAnswer> {
        let mut answers = Vec::new();
        while answers.len() < count {
            answers.extend(self.disk().batch());
        }
        assert_eq!(answers.len(), count, "no more answers than questions");
        answers
    }
}

fn results(
    answers: Vec<StoreAnswer>,
    ids: &[TransactionId],
) -> Result<Vec<Result<Stored, StoreFailure>>, String> {
    let (found, results): (Vec<_>, Vec<_>) = answers.into_iter().map(stored).unzip();
    if found == ids { Ok(results) } else { Err(format!("answers {found:?} to {ids:?}")) }
}

impl Subject for Sqlite {
    async fn fresh(&mut self) -> Outcome {
        self.disk = Some(Disk::new());
        Ok(())
    }

    async fn reopen(&mut self) -> Outcome {
        self.disk = self.disk.take().map(Disk::reopen);
        Ok(())
    }

    fn snapshot(&self) -> &Snapshot {
        &self.disk.as_ref().expect("a store is open").snapshot
    }

    async fn run_together(
        &mut self,
        transactions: Vec<Vec<Op>>,
    ) -> Result<Vec<Result<Stored, StoreFailure>>, String> {
        let hold = self.disk().hold();
        let ids: Vec<_> = transactions.into_iter().map(|ops| self.disk().submit(ops)).collect();
        drop(hold);
        results(self.answers(ids.len()), &ids)
    }

    async fn ask_between(
        &mut self,
        transactions: Vec<Vec<Op>>,
        before: usize,
        question: OutboxQuestion,
    ) -> Result<OutboxPage, String> {
        let OutboxQuestion { contact, after, limit, limit_bytes } = question;
        let (hold, mut ids) = (self.disk().hold(), Vec::new());
        for (at, ops) in transactions.into_iter().map(Some).chain([None]).enumerate() {
            if at == before {
                self.disk().store.load_outbox(contact, after, limit, limit_bytes);
            }
            ids.extend(ops.map(|ops| self.disk().submit(ops)));
        }
        drop(hold);
        let mut answers = self.answers(ids.len() + 1);
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
        let mut ids: Vec<_> = transactions.into_iter().map(|ops| self.disk().submit(ops)).collect();
        self.disk().store.close();
        ids.push(self.disk().submit(late));
        results(self.answers(ids.len()), &ids)
    }

    async fn query(&mut self, query: Query) -> Result<Answer, Refusal> {
        self.disk().query(query).map_err(|error| match error {
            QueryError::Limit { .. } => Refusal::Limit,
            other => Refusal::Other(other.to_string()),
        })
    }

    async fn setting(&mut self, key: &str) -> Option<String> {
        self.disk().store.setting(key)
    }

    async fn set_setting(&mut self, key: &str, value: Option<&str>) -> Result<(), StoreFailure> {
        block_on(self.disk().store.set_setting(key, value))
    }
}

#[test]
fn every_case_holds_on_sqlite() {
    let mut disk = tincan_store_suite::Disk::new(Sqlite { disk: None });
    let mut wrong = Vec::new();
    for case in tincan_store_suite::cases() {
        let outcome = case.run(&mut disk).now_or_never().expect("nothing is pending");
        wrong.extend(outcome.err().map(|why| format!("{}: {why}", case.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
