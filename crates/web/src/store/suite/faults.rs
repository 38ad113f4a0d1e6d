//! What can go wrong in a browser only.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use tincan_engine::store::{Op, Snapshot, TransactionId};
use tincan_engine::{Answer, Delivery, MessageKind, MessageView, Query};
use tincan_store_suite::Outcome;
use tincan_wire::{Identity, MessageId};

use super::super::book::Installation;
use super::super::database::{self, Database};
use super::super::request::to_js;
use super::super::schema::{BOOK, MESSAGES, THEIRS, WORDS, place};
use super::super::transaction::Mode;
use super::subject::Answers;
use crate::store::{QueryError, Store, StoreAnswer, StoreError};

/// A fact that must hold.
pub(super) type Case = fn() -> Pin<Box<dyn Future<Output = Outcome>>>;

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// The cases.
        pub(super) const CASES: &[(&str, Case)] =
            &[$((concat!("faults::", stringify!($name)), || Box::pin($name()))),+];
    };
}

cases![
    database_of_a_newer_page_is_refused_untouched,
    store_makes_way_for_a_newer_page_and_says_so,
    deleted_database_is_not_made_anew_under_a_running_engine,
    damaged_record_is_told_and_nothing_is_deleted,
    damaged_search_index_is_made_again,
    refused_commit_leaves_nothing_and_the_next_one_goes_on,
    tab_that_does_not_lead_reads_what_the_leader_wrote,
];

/// A store in a database of its own.
pub(super) struct Tab {
    pub(super) name: String,
    pub(super) store: Store,
    pub(super) snapshot: Snapshot,
    pub(super) answers: Rc<Answers>,
}

fn new_name() -> String {
    format!("store-faults-{}", js_sys::Math::random())
}

impl Tab {
    pub(super) async fn open(name: &str) -> Result<Self, StoreError> {
        let answers = Rc::new(Answers::default());
        let take_in = Rc::clone(&answers);
        let (store, snapshot) = Store::open(name, move |come| take_in.take_in(come)).await?;
        Ok(Self { name: name.to_owned(), store, snapshot, answers })
    }

    pub(super) async fn new() -> Result<Self, String> {
        Self::open(&new_name()).await.map_err(|error| error.to_string())
    }

    /// One transaction; what it says if it is refused.
    pub(super) async fn append(&self, s: u64) -> Result<(), String> {
        self.store.submit(TransactionId(s), vec![Op::Append(message(s))]);
        match self.answers.next(1).await.pop() {
            Some(StoreAnswer::Stored { result, .. }) => {
                result.map(drop).map_err(|failure| failure.0)
            }
            other => Err(format!("an answer, not {other:?}")),
        }
    }

    async fn count(&self, query: Query) -> Result<usize, String> {
        match self.store.reader().query(&query).await {
            Ok(Answer::Messages { messages, .. }) => Ok(messages.len()),
            other => Err(format!("messages, not {other:?}")),
        }
    }

    pub(super) async fn end(self) {
        self.store.close();
        database::delete(&self.name).await;
    }
}

pub(super) fn message(s: u64) -> MessageView {
    MessageView {
        contact: Identity::from_seed([9; 32]).user_id(),
        outgoing: false,
        id: MessageId::new(s, [7; 10]),
        lg: "theirlog".parse().unwrap_or_else(|_| unreachable!("the log is legal")),
        s,
        h: s,
        timestamp: s,
        kind: MessageKind::Text { reply: None },
        content: format!("message {s}"),
        state: Delivery::Delivered,
    }
}

fn history() -> Query {
    Query::History { contact: message(1).contact, before: None, limit: 1_000 }
}

pub(super) fn holds(fact: bool, what: impl Into<String>) -> Outcome {
    if fact { Ok(()) } else { Err(what.into()) }
}

async fn raw(name: &str, version: u32) -> Result<Database, String> {
    Database::open_version(name, version).await.map_err(|fault| fault.sentence())
}

/// Writes bytes past the store.
async fn put(database: &Database, store: &str, key: &[u8], value: &[u8]) -> Outcome {
    let written = async {
        let transaction = database.begin(&[store], Mode::Write).await?;
        transaction.store(store)?.put_with_key(&to_js(value), &to_js(key))?;
        transaction.complete().await
    };
    written.await.map_err(|fault| fault.sentence())
}

async fn database_of_a_newer_page_is_refused_untouched() -> Outcome {
    let tab = Tab::new().await?;
    tab.append(1).await?;
    tab.store.close();
    raw(&tab.name, 99).await?.close();
    let again = Tab::open(&tab.name).await;
    holds(matches!(again, Err(StoreError::Newer)), "it is refused")?;
    let database = raw(&tab.name, 99).await?;
    database.close();
    tab.end().await;
    Ok(())
}

async fn store_makes_way_for_a_newer_page_and_says_so() -> Outcome {
    let tab = Tab::new().await?;
    tab.append(1).await?;
    raw(&tab.name, 99).await?.close();
    let refused = tab.append(2).await.err().unwrap_or_default();
    holds(refused.contains("newer version") && refused.contains("load"), refused)?;
    let failed = tab.store.reader().query(&history()).await;
    holds(matches!(failed, Err(QueryError::Failed { .. })), format!("{failed:?}"))?;
    tab.end().await;
    Ok(())
}

async fn deleted_database_is_not_made_anew_under_a_running_engine() -> Outcome {
    let tab = Tab::new().await?;
    tab.append(1).await?;
    database::delete(&tab.name).await;
    let refused = tab.append(2).await.err().unwrap_or_default();
    holds(refused.contains("deleted what this site stored"), refused)?;
    tab.end().await;
    Ok(())
}

async fn damaged_record_is_told_and_nothing_is_deleted() -> Outcome {
    let tab = Tab::new().await?;
    tab.append(1).await?;
    tab.store.close();
    let database = raw(&tab.name, 1).await?;
    put(&database, BOOK, &Installation::key(), &[0, 1, 2]).await?;
    for _ in 0..2 {
        let again = Tab::open(&tab.name).await;
        let told =
            matches!(&again, Err(StoreError::Unreadable { reason }) if reason == "who you are");
        holds(told, format!("{:?}", again.err()))?;
    }
    database.close();
    tab.end().await;
    Ok(())
}

async fn damaged_search_index_is_made_again() -> Outcome {
    let tab = Tab::new().await?;
    for s in 1..=3 {
        let messages = (s * 1_000..s * 1_000 + 900).map(|s| Op::Append(message(s))).collect();
        tab.store.submit(TransactionId(s), messages);
    }
    tab.answers.next(3).await;
    let search = || Query::Search { text: "message 1500".to_owned(), contact: None, limit: 10 };
    holds(tab.count(search()).await? == 1, "it is found")?;
    let database = raw(&tab.name, 1).await?;
    // Of another format, and of this one but senseless.
    for segment in [[77, 3, 0, 1], [1, 3, 0, 200]] {
        put(&database, WORDS, &[0; 8], &segment).await?;
        put(&database, WORDS, &1_u64.to_be_bytes(), &segment).await?;
        holds(tab.count(search()).await? == 1, "it is found again")?;
    }
    database.close();
    tab.end().await;
    Ok(())
}

async fn refused_commit_leaves_nothing_and_the_next_one_goes_on() -> Outcome {
    let tab = Tab::new().await?;
    tab.append(1).await?;
    let database = raw(&tab.name, 1).await?;
    // Something lies where the next block must go.
    put(&database, MESSAGES, &place(1, THEIRS, 2), &[]).await?;
    let refused = tab.append(2).await.err().unwrap_or_default();
    holds(refused.contains("did not store it"), refused)?;
    tab.append(3).await?;
    let unread = match tab.store.reader().query(&Query::Summaries).await {
        Ok(Answer::Summaries { summaries }) => summaries.first().map(|summary| summary.unread),
        other => return Err(format!("summaries, not {other:?}")),
    };
    holds(unread == Some(2), format!("{unread:?} unread"))?;
    let undo = async {
        let transaction = database.begin(&[MESSAGES], Mode::Write).await?;
        transaction.store(MESSAGES)?.delete(&to_js(&place(1, THEIRS, 2)))?;
        transaction.complete().await
    };
    undo.await.map_err(|fault| fault.sentence())?;
    holds(tab.count(history()).await? == 2, "the first and the third")?;
    tab.append(2).await?;
    holds(tab.count(history()).await? == 3, "all three")?;
    let held = tab.snapshot.conversations.len();
    tab.store.close();
    let again = Tab::open(&tab.name).await.map_err(|error| error.to_string())?;
    holds(held == 0 && again.snapshot.conversations.len() == 1, "one conversation")?;
    database.close();
    again.end().await;
    Ok(())
}

async fn tab_that_does_not_lead_reads_what_the_leader_wrote() -> Outcome {
    let name = new_name();
    let early = Store::open_reader(&name).await.map_err(|error| error.to_string())?;
    let nothing = Ok(Answer::Messages { messages: Vec::new(), more: false });
    holds(early.query(&history()).await == nothing, "nothing before there is a leader")?;
    let tab = Tab::open(&name).await.map_err(|error| error.to_string())?;
    for s in 1..=5 {
        tab.append(s).await?;
        holds(
            early.query(&history()).await == tab.store.reader().query(&history()).await,
            "the same",
        )?;
    }
    tab.store.set_setting("hub", Some("here")).await.map_err(|failure| failure.0)?;
    holds(early.setting("hub").await.as_deref() == Some("here"), "the setting")?;
    let search = Query::Search { text: "message".to_owned(), contact: None, limit: 10 };
    holds(
        early.query(&search).await == tab.store.reader().query(&search).await,
        "the same search",
    )?;
    tab.store.close();
    holds(early.query(&history()).await.is_ok(), "the leader has gone")?;
    let closed = tab.store.reader().query(&history()).await;
    holds(closed == Err(QueryError::Closed), "its own reader with it")?;
    drop(early);
    tab.end().await;
    Ok(())
}
