//! The positions of every log, as the writer knows them: loaded when first touched, changed in
//! memory, and written once per commit however many operations touched them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use tincan_wire::{LogId, Ranges, UserId};

use super::columns::{Column as _, integer, number, read};
use super::fault::Fault;

/// Logs kept in memory between commits; beyond it the cache starts anew. It is as many as a
/// node with its most contacts has, so in practice each is loaded once.
const MAX_CACHED: usize = 20_000;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Writer {
    /// The contact writes it, we hold and read it.
    Contact,
    /// We write it, the contact holds and reads it.
    Us,
}

/// A log, as its row in the database says, with the changes that are not written yet.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) key: i64,
    held: Ranges,
    read: u64,
    changed: bool,
}

impl Log {
    pub(super) fn add_held(&mut self, positions: &Ranges) {
        self.held.insert_all(positions);
        self.changed = true;
    }

    /// The highest position held.
    pub(super) fn highest_held(&self) -> u64 {
        self.held.highest()
    }

    /// Positions read never go back.
    pub(super) fn read_to(&mut self, to: u64) {
        if to > self.read {
            self.read = to;
            self.changed = true;
        }
    }
}

/// The cache. Nothing in it may outlive a rollback: [`Positions::forget`] it then.
#[derive(Debug, Default)]
pub(super) struct Positions {
    conversations: BTreeMap<UserId, i64>,
    logs: BTreeMap<(i64, Writer, LogId), Log>,
}

impl Positions {
    /// The conversation with a contact, made where there is none.
    pub(super) fn conversation(
        &mut self,
        connection: &Connection,
        contact: UserId,
    ) -> Result<i64, Fault> {
        if let Some(key) = self.find_conversation(connection, contact)? {
            return Ok(key);
        }
        connection
            .prepare_cached("INSERT INTO conversations (contact) VALUES (?1)")?
            .execute(params![contact.to_column()])?;
        let key = connection.last_insert_rowid();
        self.conversations.insert(contact, key);
        Ok(key)
    }

    /// The conversation with a contact, if there is one.
    pub(super) fn find_conversation(
        &mut self,
        connection: &Connection,
        contact: UserId,
    ) -> Result<Option<i64>, Fault> {
        if let Some(key) = self.conversations.get(&contact) {
            return Ok(Some(*key));
        }
        let key = connection
            .prepare_cached("SELECT key FROM conversations WHERE contact = ?1")?
            .query_row(params![contact.to_column()], |row| row.get(0))
            .optional()?;
        if let Some(key) = key {
            self.conversations.insert(contact, key);
        }
        Ok(key)
    }

    /// A log of a conversation, made where there is none.
    pub(super) fn log(
        &mut self,
        connection: &Connection,
        conversation: i64,
        writer: Writer,
        lg: LogId,
    ) -> Result<&mut Log, Fault> {
        use std::collections::btree_map::Entry;
        match self.logs.entry((conversation, writer, lg)) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                Ok(entry.insert(load_or_insert(connection, conversation, writer, lg)?))
            }
        }
    }

    /// Writes what has changed.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<(), Fault> {
        let sql = "UPDATE logs SET held = ?2, read = ?3 WHERE key = ?1";
        for log in self.logs.values_mut().filter(|log| log.changed) {
            connection.prepare_cached(sql)?.execute(params![
                log.key,
                log.held.to_column(),
                integer(log.read, "a read position")?
            ])?;
            log.changed = false;
        }
        if self.logs.len() > MAX_CACHED {
            self.forget();
        }
        Ok(())
    }

    /// Forgets everything, with what was not written: after a rollback the database is right.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

fn load_or_insert(
    connection: &Connection,
    conversation: i64,
    writer: Writer,
    lg: LogId,
) -> Result<Log, Fault> {
    let own = writer == Writer::Us;
    let sql = "SELECT key, held, read FROM logs WHERE conversation = ?1 AND own = ?2 AND lg = ?3";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![conversation, own, lg.to_column()])?;
    if let Some(row) = rows.next()? {
        return Ok(Log {
            key: row.get(0)?,
            held: read(row, 1)?,
            read: number(row, 2)?,
            changed: false,
        });
    }
    let sql = "INSERT INTO logs (conversation, own, lg, held, read) VALUES (?1, ?2, ?3, x'', 0)";
    connection.prepare_cached(sql)?.execute(params![conversation, own, lg.to_column()])?;
    let key = connection.last_insert_rowid();
    Ok(Log { key, held: Ranges::new(), read: 0, changed: false })
}
