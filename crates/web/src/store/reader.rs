//! Answers questions of screens from the database alone, so that a tab which does not write can
//! do it, too. Every answer is of one moment.

use js_sys::Array;
use tincan_engine::query::MAX_PAGE;
use tincan_engine::{Answer, Cursor, MessageView, Query};
use tincan_wire::{MessageId, UserId};

use super::block::{Place, sender_rank};
use super::book::Installation;
use super::conversation::Conversation;
use super::database::Database;
use super::fault::{Fault, QueryError};
use super::history::History;
use super::later;
use super::lookup::{self, Lookup};
use super::request::{Pending, range, to_bytes, to_js};
use super::schema::{BOOK, Kind, MESSAGES, book_key};
use super::transaction::{Mode, Transaction};

/// Most bytes of content in one page: what a screen takes in without a hiccup. A page ends
/// early rather than exceed it; it holds one message at least.
pub(super) const MAX_PAGE_BYTES: usize = 1 << 20;

/// Reads a database that this tab or another writes. A clone is the same one; the last to go
/// closes it.
#[derive(Clone)]
pub(crate) struct Reader {
    database: Database,
}

impl Reader {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Answers a question of a screen.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub(crate) async fn query(&self, query: &Query) -> Result<Answer, QueryError> {
        check(query)?;
        Ok(self.answer(query).await?)
    }

    /// A setting of the shell's own, as it is stored.
    #[cfg(feature = "store-suite")]
    pub(crate) async fn setting(&self, key: &str) -> Option<String> {
        let transaction = self.database.begin(&[BOOK], Mode::Read).await.ok()?;
        let key = super::book::setting_key(key);
        let found = Pending::new(transaction.store(BOOK).ok()?.get(&to_js(&key)).ok()?);
        let (_, value) = super::book::decode_setting(&found.bytes().await.ok()??).ok()?;
        Some(value)
    }

    async fn answer(&self, query: &Query) -> Result<Answer, Fault> {
        match query {
            Query::History { contact, before, limit } => {
                self.history(*contact, *before, *limit).await
            }
            Query::Message { contact, id } => self.message(*contact, *id).await,
            Query::Summaries => self.summaries().await,
            Query::Search { text, contact, limit } => {
                later::search(&self.database, text, *contact, *limit).await
            }
        }
    }

    async fn begin(&self) -> Result<Transaction, Fault> {
        self.database.begin(&[BOOK, MESSAGES], Mode::Read).await
    }

    async fn history(
        &self,
        contact: UserId,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Answer, Fault> {
        let transaction = self.begin().await?;
        let Some((me, conversation)) = look_up(&transaction, contact).await? else {
            return Ok(nothing());
        };
        let rank = |outgoing| sender_rank(&me, &contact, outgoing);
        let before = before.map_or(Place::END, |Cursor { h, outgoing, id }| Place {
            h,
            rank: rank(outgoing),
            id: *id.as_bytes(),
        });
        let mut history = History::new(&transaction, conversation.number, before, limit);
        let mut page = Page::new(limit);
        while let Some((outgoing, log, entry)) = history.next(rank).await? {
            if !page.push(conversation.view(outgoing, log, entry)?) {
                break;
            }
        }
        let (mut messages, more) = page.finish();
        messages.reverse();
        Ok(Answer::Messages { messages, more })
    }

    async fn message(&self, contact: UserId, id: MessageId) -> Result<Answer, Fault> {
        let transaction = self.begin().await?;
        let Some((me, conversation)) = look_up(&transaction, contact).await? else {
            return Ok(nothing());
        };
        let index = lookup::ids(&transaction)?;
        let number = conversation.number;
        let lookups =
            [Lookup::begin(&index, number, false, id)?, Lookup::begin(&index, number, true, id)?];
        let mut found = Vec::new();
        for lookup in lookups {
            if let Some((block, entry)) = lookup.result().await? {
                found.push(conversation.view(block.outgoing, block.log, entry)?);
            }
        }
        let place =
            |message: &MessageView| (message.h, sender_rank(&me, &contact, message.outgoing));
        if found.first().map(place) > found.last().map(place) {
            found.reverse();
        }
        Ok(Answer::Messages { messages: found, more: false })
    }

    async fn summaries(&self) -> Result<Answer, Fault> {
        let transaction = self.database.begin(&[BOOK], Mode::Read).await?;
        let mut summaries = Vec::new();
        for conversation in conversations(&transaction).await? {
            summaries.push(conversation.summary()?);
        }
        Ok(Answer::Summaries { summaries })
    }
}

/// Refuses what no page can have.
fn check(query: &Query) -> Result<(), QueryError> {
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

fn nothing() -> Answer {
    Answer::Messages { messages: Vec::new(), more: false }
}

/// Who we are, and the conversation; `None` if there is no such conversation.
async fn look_up(
    transaction: &Transaction,
    contact: UserId,
) -> Result<Option<(UserId, Conversation)>, Fault> {
    let book = transaction.store(BOOK)?;
    let key = book_key(Kind::Conversation, &[contact.as_bytes()]);
    let installation = Pending::new(book.get(&to_js(&Installation::key()))?);
    let conversation = Pending::new(book.get(&to_js(&key))?);
    let (installation, conversation) = (installation.bytes().await?, conversation.bytes().await?);
    match (installation, conversation) {
        (Some(installation), Some(conversation)) => {
            let me = Installation::decode(&installation)?.me();
            Ok(Some((me, Conversation::decode(&conversation)?)))
        }
        _ => Ok(None),
    }
}

/// All conversations, in the order of the contacts' ids.
pub(super) async fn conversations(transaction: &Transaction) -> Result<Vec<Conversation>, Fault> {
    let kind = Kind::Conversation as u8;
    let all = range(&[kind], &[kind + 1])?;
    let records: Array =
        Pending::new(transaction.store(BOOK)?.get_all_with_key(&all.into())?).list().await?;
    records.iter().map(|record| Conversation::decode(&to_bytes(&record)?)).collect()
}

/// A page that fills up.
pub(super) struct Page {
    messages: Vec<MessageView>,
    size_bytes: usize,
    limit: usize,
    more: bool,
}

impl Page {
    /// An empty one of at most so many messages.
    pub(super) fn new(limit: usize) -> Self {
        Self { messages: Vec::new(), size_bytes: 0, limit, more: false }
    }

    /// Takes a message; false if there is no room, and then it is one of those beyond.
    pub(super) fn push(&mut self, message: MessageView) -> bool {
        let size_bytes = self.size_bytes + message.content.len();
        let fits = self.messages.is_empty() || size_bytes <= MAX_PAGE_BYTES;
        self.more = self.messages.len() >= self.limit || !fits;
        if !self.more {
            self.size_bytes = size_bytes;
            self.messages.push(message);
        }
        !self.more
    }

    /// The messages, and whether there are more.
    pub(super) fn finish(self) -> (Vec<MessageView>, bool) {
        (self.messages, self.more)
    }
}
