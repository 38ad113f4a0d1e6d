//! The threads that answer questions, each on connections of its own, so that neither a long
//! history nor a search ever delays a commit, and no search delays a history.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tincan_engine::query::MAX_PAGE;
use tincan_engine::{Answer, Query};
use tincan_wire::UserId;
use tokio::sync::oneshot;

use super::fault::{Fault, QueryError};
use super::pages;
use crate::home::Home;

/// Questions that may wait: more than all screens of one node ask at once.
pub(super) const MAX_QUESTIONS: usize = 64;

/// A question and where its answer goes.
pub(super) struct Question {
    pub(super) query: Query,
    pub(super) answer: oneshot::Sender<Result<Answer, QueryError>>,
}

/// The way to the thread that reads histories.
#[derive(Clone)]
pub(super) struct Reader {
    questions: SyncSender<Option<Question>>,
}

impl Reader {
    /// Starts the thread.
    pub(super) fn start(
        connection: Connection,
        me: UserId,
        home: Home,
    ) -> Result<(Self, JoinHandle<()>), Fault> {
        let (questions, asked) = sync_channel(MAX_QUESTIONS);
        let thread = thread::Builder::new()
            .name("store-reader".to_owned())
            .spawn(move || run(&asked, &connection, me, &home))?;
        Ok((Self { questions }, thread))
    }

    /// Hands a question over.
    pub(super) fn ask(&self, question: Question) -> Result<(), QueryError> {
        self.questions.try_send(Some(question)).map_err(|error| match error {
            TrySendError::Full(_) => QueryError::Busy,
            TrySendError::Disconnected(_) => QueryError::Closed,
        })
    }

    /// Ends the thread after the questions that wait.
    pub(super) fn close(&self) {
        // An error says that it has ended already.
        let _ = self.questions.send(None);
    }
}

fn run(asked: &Receiver<Option<Question>>, connection: &Connection, me: UserId, home: &Home) {
    while let Ok(Some(question)) = asked.recv() {
        let answer = pages::answer(connection, me, &question.query)
            .map_err(|fault| QueryError::Failed { reason: fault.sentence(&home.database()) });
        // Whoever asked may have gone.
        let _ = question.answer.send(answer);
    }
}

/// Refuses what no page can have.
pub(super) fn check(query: &Query) -> Result<(), QueryError> {
    match query {
        Query::History { limit, .. } | Query::Search { limit, .. } => {
            if (1..=MAX_PAGE).contains(limit) {
                Ok(())
            } else {
                Err(QueryError::Limit { max: MAX_PAGE })
            }
        }
        Query::Summaries | Query::Message { .. } => Ok(()),
    }
}
