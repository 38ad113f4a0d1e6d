//! A row of `messages` as the history shows it.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use tincan_engine::{Delivery, MessageKind, MessageView};
use tincan_wire::{LogId, MessageId, Ranges, UserId};

use super::columns::{kind_of, number, read, read_optional};
use super::fault::Fault;

/// The columns that [`Views::view`] reads, in its order.
pub(super) const COLUMNS: &str = "log, id, s, h, timestamp, kind, target, failed, content";

/// Most bytes of content in one page: what a screen takes in, and what a socket carries, without
/// a hiccup. A page ends early rather than exceed it; it holds one message at least.
pub(super) const MAX_PAGE_BYTES: usize = 1 << 20;

/// Turns rows into views; loads each log that they refer to once.
#[derive(Default)]
pub(super) struct Views {
    logs: BTreeMap<i64, Log>,
}

struct Log {
    contact: UserId,
    own: bool,
    lg: LogId,
    held: Ranges,
    read: u64,
}

impl Views {
    /// The view of a row that has [`COLUMNS`].
    pub(super) fn view(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
    ) -> Result<MessageView, Fault> {
        let log = self.log(connection, row.get(0)?)?;
        let (s, failed) = (number(row, 2)?, row.get(7)?);
        Ok(MessageView {
            contact: log.contact,
            outgoing: log.own,
            id: read::<MessageId>(row, 1)?,
            lg: log.lg,
            s,
            h: number(row, 3)?,
            timestamp: number(row, 4)?,
            kind: kind(row.get(5)?, read_optional(row, 6)?)?,
            content: row.get(8)?,
            state: log.delivery(s, failed),
        })
    }

    fn log(&mut self, connection: &Connection, key: i64) -> Result<&Log, Fault> {
        use std::collections::btree_map::Entry;
        match self.logs.entry(key) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(load(connection, key)?)),
        }
    }
}

impl Log {
    /// How far a message has come. *Sent* is nothing that a disk knows: such a message is
    /// `Queued` here. A failed one stays failed, even where its position was given up and
    /// acknowledged as a gap.
    fn delivery(&self, s: u64, failed: bool) -> Delivery {
        match (self.own, failed) {
            (true, true) => Delivery::Failed,
            (true, false) if !self.held.contains(s) => Delivery::Queued,
            _ if s <= self.read => Delivery::Read,
            _ => Delivery::Delivered,
        }
    }
}

fn load(connection: &Connection, key: i64) -> Result<Log, Fault> {
    let sql = "SELECT c.contact, l.own, l.lg, l.held, l.read \
               FROM logs l JOIN conversations c ON c.key = l.conversation WHERE l.key = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![key])?;
    let Some(row) = rows.next()? else {
        return Err(Fault::Damaged("a message has no log".to_owned()));
    };
    Ok(Log {
        contact: read(row, 0)?,
        own: row.get(1)?,
        lg: read(row, 2)?,
        held: read(row, 3)?,
        read: number(row, 4)?,
    })
}

/// The kind of a row's columns.
pub(super) fn kind(number: u8, target: Option<MessageId>) -> Result<MessageKind, Fault> {
    kind_of(number, target).ok_or_else(|| Fault::Damaged("a kind makes no sense".to_owned()))
}
