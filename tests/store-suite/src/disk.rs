//! A store as the cases see it.

use tincan_engine::store::{Op, OutboxPage, Snapshot, Stored};
use tincan_engine::{Answer, Cursor, MessageView, Query, StoreFailure, Summary};
use tincan_wire::{Identity, UserId};

use crate::compare::same;
use crate::samples::message;
use crate::{OutboxQuestion, Outcome, Refusal, Subject};

/// A store with what every case needs of it.
pub struct Disk<S> {
    /// The store.
    pub subject: S,
}

impl<S: Subject> Disk<S> {
    /// Around a store.
    pub fn new(subject: S) -> Self {
        Self { subject }
    }

    pub(crate) async fn reopen(&mut self) -> Outcome {
        self.subject.reopen().await
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.subject.snapshot()
    }

    pub(crate) fn me(&self) -> UserId {
        Identity::from_seed(self.snapshot().seed).user_id()
    }

    /// A message of ours.
    pub(crate) fn ours(&self, contact: UserId, s: u64) -> MessageView {
        message(contact, true, self.snapshot().lg, s)
    }

    pub(crate) async fn run_together(
        &mut self,
        transactions: Vec<Vec<Op>>,
    ) -> Result<Vec<Result<Stored, StoreFailure>>, String> {
        let count = transactions.len();
        let results = self.subject.run_together(transactions).await?;
        same(results.len(), count, "answers")?;
        Ok(results)
    }

    /// One transaction, alone.
    pub(crate) async fn run(
        &mut self,
        ops: Vec<Op>,
    ) -> Result<Result<Stored, StoreFailure>, String> {
        self.run_together(vec![ops]).await?.pop().ok_or_else(|| "no answer".to_owned())
    }

    /// One transaction that must succeed.
    pub(crate) async fn done(&mut self, ops: Vec<Op>) -> Result<Stored, String> {
        self.run(ops).await?.map_err(|StoreFailure(reason)| format!("refused: {reason}"))
    }

    /// One transaction that must succeed and report nothing.
    pub(crate) async fn save(&mut self, ops: Vec<Op>) -> Outcome {
        same(self.done(ops).await?, Stored::default(), "a transaction's report")
    }

    pub(crate) async fn append(&mut self, messages: Vec<MessageView>) -> Outcome {
        self.save(messages.into_iter().map(Op::Append).collect()).await
    }

    pub(crate) async fn outbox(&mut self, question: OutboxQuestion) -> Result<OutboxPage, String> {
        self.subject.ask_between(Vec::new(), 0, question).await
    }

    pub(crate) async fn query(&mut self, query: Query) -> Result<Answer, Refusal> {
        self.subject.query(query).await
    }

    pub(crate) async fn messages(
        &mut self,
        query: Query,
    ) -> Result<(Vec<MessageView>, bool), String> {
        match self.query(query).await {
            Ok(Answer::Messages { messages, more }) => Ok((messages, more)),
            other => Err(format!("messages, not {other:?}")),
        }
    }

    pub(crate) async fn summaries(&mut self) -> Result<Vec<Summary>, String> {
        match self.query(Query::Summaries).await {
            Ok(Answer::Summaries { summaries }) => Ok(summaries),
            other => Err(format!("summaries, not {other:?}")),
        }
    }

    /// All of a short conversation.
    pub(crate) async fn history(&mut self, contact: UserId) -> Result<Vec<MessageView>, String> {
        let history = Query::History { contact, before: None, limit: 1_000 };
        let (messages, more) = self.messages(history).await?;
        same(more, false, "more of a short history")?;
        Ok(messages)
    }

    /// Pages from the end to the beginning.
    pub(crate) async fn pages(
        &mut self,
        contact: UserId,
        limit: usize,
    ) -> Result<Vec<Vec<MessageView>>, String> {
        let (mut before, mut pages) = (None, Vec::new());
        loop {
            let query = Query::History { contact, before, limit };
            let (page, more) = self.messages(query).await?;
            before = page.first().map(cursor);
            pages.push(page);
            if !more {
                return Ok(pages);
            }
        }
    }

    /// The contents that a search finds.
    pub(crate) async fn search(
        &mut self,
        text: &str,
        contact: Option<UserId>,
    ) -> Result<Vec<String>, String> {
        let query = Query::Search { text: text.to_owned(), contact, limit: 1_000 };
        let (messages, _) = self.messages(query).await?;
        Ok(messages.into_iter().map(|message| message.content).collect())
    }
}

pub(crate) fn cursor(message: &MessageView) -> Cursor {
    Cursor { h: message.h, outgoing: message.outgoing, id: message.id }
}
