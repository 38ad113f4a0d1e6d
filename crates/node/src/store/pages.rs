//! Questions about conversations: a page of the history, one message, one line for each.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, params};
use tincan_engine::query::MAX_PAGE;
use tincan_engine::{Answer, Cursor, MessageView, Query, Summary};
use tincan_wire::{MessageId, UserId};

use super::columns::{Column as _, optional_number, read, sender_rank};
use super::fault::Fault;
use super::message_row::{COLUMNS, MAX_PAGE_BYTES, Views};

/// Above every rank of a sender.
const AFTER_ALL_SENDERS: u8 = 2;

/// Answers everything but a search. `me` decides ties in the order of display.
pub(super) fn answer(connection: &Connection, me: UserId, query: &Query) -> Result<Answer, Fault> {
    // One transaction, so that all parts of the answer are of the same moment.
    let moment = connection.unchecked_transaction()?;
    let answer = match query {
        Query::History { contact, before, limit } => {
            history(&moment, me, *contact, *before, *limit)
        }
        Query::Message { contact, id } => message(&moment, *contact, *id),
        Query::Summaries => summaries(&moment),
        Query::Search { .. } => Ok(Answer::Messages { messages: Vec::new(), more: false }),
    };
    moment.finish()?;
    answer
}

fn history(
    connection: &Connection,
    me: UserId,
    contact: UserId,
    before: Option<Cursor>,
    limit: usize,
) -> Result<Answer, Fault> {
    let Some(conversation) = conversation(connection, contact)? else {
        return Ok(Answer::Messages { messages: Vec::new(), more: false });
    };
    let (h, sender, id) = match before {
        Some(Cursor { h, outgoing, id }) => {
            let sender =
                if outgoing { sender_rank(&me, &contact) } else { sender_rank(&contact, &me) };
            // A place beyond what a column can hold is beyond the end.
            i64::try_from(h).map_or(END, |h| (h, sender, *id.as_bytes()))
        }
        None => END,
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM messages \
         WHERE conversation = ?1 AND (h, sender, id) < (?2, ?3, ?4) \
         ORDER BY h DESC, sender DESC, id DESC LIMIT ?5"
    );
    let params = params![conversation, h, sender, id.to_column(), one_more(limit)];
    let (mut messages, more) = page(connection, connection.prepare_cached(&sql)?, params, limit)?;
    messages.reverse();
    Ok(Answer::Messages { messages, more })
}

/// A place after every message.
const END: (i64, u8, [u8; 16]) = (i64::MAX, AFTER_ALL_SENDERS, [0; 16]);

fn message(connection: &Connection, contact: UserId, id: MessageId) -> Result<Answer, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messages WHERE id = ?1 \
         AND conversation = (SELECT key FROM conversations WHERE contact = ?2) ORDER BY h, sender"
    );
    let params = params![id.to_column(), contact.to_column()];
    let (messages, more) = page(connection, connection.prepare_cached(&sql)?, params, MAX_PAGE)?;
    Ok(Answer::Messages { messages, more })
}

fn summaries(connection: &Connection) -> Result<Answer, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT c.contact, c.key, (SELECT sum( \
             (SELECT count(*) FROM messages m WHERE m.log = l.key AND m.s > l.read)) \
         FROM logs l WHERE l.conversation = c.key AND l.own = 0) \
         FROM conversations c ORDER BY c.contact",
    )?;
    let mut rows = statement.query([])?;
    let mut summaries = Vec::new();
    while let Some(row) = rows.next()? {
        let unread = optional_number(row, 2)?;
        summaries.push(Summary {
            contact: read(row, 0)?,
            unread: unread.unwrap_or_default(),
            last: last(connection, row.get(1)?)?,
        });
    }
    Ok(Answer::Summaries { summaries })
}

fn last(connection: &Connection, conversation: i64) -> Result<Option<MessageView>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messages WHERE conversation = ?1 \
         ORDER BY h DESC, sender DESC, id DESC LIMIT 1"
    );
    let (mut messages, _) =
        page(connection, connection.prepare_cached(&sql)?, params![conversation], 1)?;
    Ok(messages.pop())
}

fn conversation(connection: &Connection, contact: UserId) -> Result<Option<i64>, Fault> {
    let found = connection
        .prepare_cached("SELECT key FROM conversations WHERE contact = ?1")?
        .query_row(params![contact.to_column()], |row| row.get(0))
        .optional()?;
    Ok(found)
}

/// At most `limit` messages of at most [`MAX_PAGE_BYTES`], and whether there are more.
fn page(
    connection: &Connection,
    mut statement: CachedStatement<'_>,
    params: impl Params,
    limit: usize,
) -> Result<(Vec<MessageView>, bool), Fault> {
    let mut rows = statement.query(params)?;
    let mut page = Page::new(limit);
    let mut views = Views::default();
    while let Some(row) = rows.next()? {
        if !page.push(views.view(connection, row)?) {
            break;
        }
    }
    Ok(page.finish())
}

/// The bound of a statement that is to tell whether there are more than `limit`.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
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
