//! Reading the outbox: messages of ours that are neither acknowledged nor failed.

use rusqlite::{CachedStatement, Connection, params};
use tincan_engine::MessageView;
use tincan_engine::store::OutboxPage;
use tincan_wire::{LogId, Ranges, UserId};

use super::columns::{Column as _, integer, optional_number, read};
use super::fault::Fault;
use super::message_row::{COLUMNS, Views};

/// A question for a page of the outbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) contact: UserId,
    /// Positions above this one.
    pub(super) after: u64,
    /// At most so many messages.
    pub(super) limit: usize,
    /// Stop once their contents reach so many bytes; the page has one message at least.
    pub(super) limit_bytes: usize,
}

/// Loads the page from the log `lg` of ours.
///
/// Acknowledged stretches are skipped without being read: a conversation of a million delivered
/// messages costs as much as an empty one.
pub(super) fn load(
    connection: &Connection,
    lg: LogId,
    question: Question,
) -> Result<OutboxPage, Fault> {
    let Question { contact, after, .. } = question;
    let mut page = OutboxPage { contact, after, messages: Vec::new(), upto: after };
    let Some((log, acked)) = own_log(connection, contact, lg)? else {
        return Ok(page);
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM messages WHERE log = ?1 AND s >= ?2 AND failed = 0 \
         ORDER BY s LIMIT 1"
    );
    let mut next = connection.prepare_cached(&sql)?;
    let mut views = Views::default();
    let mut size_bytes = 0;
    while page.messages.len() < question.limit && size_bytes < question.limit_bytes.max(1) {
        let from = first_missing(&acked, page.upto);
        let Some(message) = message_from(connection, &mut next, &mut views, log, from)? else {
            page.upto = page.upto.max(last_written(connection, log)?);
            break;
        };
        page.upto = message.s;
        if !acked.contains(message.s) {
            size_bytes += message.content.len();
            page.messages.push(message);
        }
    }
    Ok(page)
}

fn own_log(
    connection: &Connection,
    contact: UserId,
    lg: LogId,
) -> Result<Option<(i64, Ranges)>, Fault> {
    let sql = "SELECT l.key, l.held FROM logs l JOIN conversations c ON c.key = l.conversation \
               WHERE c.contact = ?1 AND l.own = 1 AND l.lg = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![contact.to_column(), lg.to_column()])?;
    rows.next()?.map(|row| Ok((row.get(0)?, read(row, 1)?))).transpose()
}

fn message_from(
    connection: &Connection,
    next: &mut CachedStatement<'_>,
    views: &mut Views,
    log: i64,
    from: u64,
) -> Result<Option<MessageView>, Fault> {
    // Beyond what a column can hold there is nothing.
    let Ok(from) = integer(from, "a position") else { return Ok(None) };
    let mut rows = next.query(params![log, from])?;
    rows.next()?.map(|row| views.view(connection, row)).transpose()
}

fn last_written(connection: &Connection, log: i64) -> Result<u64, Fault> {
    let sql = "SELECT max(s) FROM messages WHERE log = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![log])?;
    let last = rows.next()?.map(|row| optional_number(row, 0)).transpose()?;
    Ok(last.flatten().unwrap_or_default())
}

/// The first position above `after` that is not in the set.
fn first_missing(set: &Ranges, after: u64) -> u64 {
    let next = after.saturating_add(1);
    match set.iter().find(|(_, last)| *last >= next) {
        Some((first, last)) if first <= next => last.saturating_add(1),
        _ => next,
    }
}
