//! What the engine needs to know of the disk at its start: everything but the messages.

use rusqlite::{CachedStatement, Connection, Row, params};
use tincan_engine::Contact;
use tincan_engine::store::{
    Conversation, IssuedInvite, PeerLog, Replay, Request, Snapshot, StoredPrekey,
};
use tincan_engine::time::Time;
use tincan_wire::{LogId, Ranges, UserId};

use super::columns::{number, optional_number, read, read_optional, read_prekey, read_time};
use super::fault::Fault;
use super::installation;

/// Loads all of it; lists are in the order of their ids. Messages are only looked up for the two
/// numbers per conversation that follow from them, each the end of an index.
pub(super) fn load(connection: &Connection) -> Result<Snapshot, Fault> {
    let snapshot = installation::load_or_create(connection)?;
    complete(connection, snapshot)
}

/// The same for a home that was used before; `None` where there is no identity.
pub(super) fn load_existing(connection: &Connection) -> Result<Option<Snapshot>, Fault> {
    let snapshot = installation::load(connection)?;
    snapshot.map(|snapshot| complete(connection, snapshot)).transpose()
}

fn complete(connection: &Connection, mut snapshot: Snapshot) -> Result<Snapshot, Fault> {
    snapshot.contacts = contacts(connection)?;
    snapshot.conversations = conversations(connection, snapshot.lg)?;
    snapshot.requests = requests(connection)?;
    snapshot.invites = invites(connection)?;
    snapshot.prekeys = prekeys(connection)?;
    snapshot.replays = replays(connection)?;
    Ok(snapshot)
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    each: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    collect(connection.prepare_cached(sql)?, [], each)
}

fn collect<T>(
    mut statement: CachedStatement<'_>,
    params: impl rusqlite::Params,
    each: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(each(row)?);
    }
    Ok(found)
}

pub(super) fn contacts(connection: &Connection) -> Result<Vec<Contact>, Fault> {
    let sql = "SELECT id, status, name, nickname, verified, prekey_id, prekey, prekey_at, token, \
               asked, read_receipts, added, relay_only FROM contacts ORDER BY id";
    all(connection, sql, |row| {
        let prekey = optional_number(row, 7)?
            .map(|at| Ok::<_, Fault>((read_prekey(row, 5, 6)?, Time::from_millis(at))))
            .transpose()?;
        Ok(Contact {
            id: read(row, 0)?,
            status: read(row, 1)?,
            name: read(row, 2)?,
            nickname: read_optional(row, 3)?,
            verified: row.get(4)?,
            prekey,
            token: read_optional(row, 8)?,
            asked: optional_number(row, 9)?.map(Time::from_millis),
            read_receipts: row.get(10)?,
            added: read_time(row, 11)?,
            relay_only: row.get(12)?,
        })
    })
}

fn conversations(connection: &Connection, own: LogId) -> Result<Vec<Conversation>, Fault> {
    let sql = "SELECT key, contact, (SELECT max(h) FROM messages WHERE conversation = c.key) \
               FROM conversations c ORDER BY contact";
    let found = all(connection, sql, |row| {
        let last_h = optional_number(row, 2)?;
        Ok((row.get::<_, i64>(0)?, read::<UserId>(row, 1)?, last_h.unwrap_or_default()))
    })?;
    found
        .into_iter()
        .map(|(key, contact, last_h)| conversation(connection, own, key, contact, last_h))
        .collect()
}

fn conversation(
    connection: &Connection,
    own: LogId,
    key: i64,
    contact: UserId,
    last_h: u64,
) -> Result<Conversation, Fault> {
    let sql = "SELECT own, lg, held, read, \
               CASE own WHEN 1 THEN (SELECT max(s) FROM messages WHERE log = l.key) END \
               FROM logs l WHERE conversation = ?1 ORDER BY lg";
    let rows = collect(connection.prepare_cached(sql)?, params![key], |row| {
        let written = optional_number(row, 4)?;
        let is_own: bool = row.get(0)?;
        let log = PeerLog { lg: read(row, 1)?, have: read(row, 2)?, read: number(row, 3)? };
        Ok((is_own, log, written.unwrap_or_default()))
    })?;
    let mut conversation = Conversation {
        contact,
        written: 0,
        acked: Ranges::new(),
        peer_read: 0,
        last_h,
        logs: Vec::new(),
    };
    for (is_own, log, written) in rows {
        if !is_own {
            conversation.logs.push(log);
        } else if log.lg == own {
            conversation.written = written;
            conversation.acked = log.have;
            conversation.peer_read = log.read;
        }
        // Another log of ours was written before the home was restored: nobody adds to it.
    }
    Ok(conversation)
}

pub(super) fn requests(connection: &Connection) -> Result<Vec<Request>, Fault> {
    let sql = "SELECT sender, name, prekey_id, prekey, at, declined FROM requests ORDER BY sender";
    all(connection, sql, |row| {
        Ok(Request {
            from: read(row, 0)?,
            name: read(row, 1)?,
            pk: read_prekey(row, 2, 3)?,
            at: read_time(row, 4)?,
            declined: row.get(5)?,
        })
    })
}

fn invites(connection: &Connection) -> Result<Vec<IssuedInvite>, Fault> {
    all(connection, "SELECT token, uses, expiry FROM invites ORDER BY token", |row| {
        Ok(IssuedInvite { token: read(row, 0)?, uses: row.get(1)?, expiry: read_time(row, 2)? })
    })
}

fn prekeys(connection: &Connection) -> Result<Vec<StoredPrekey>, Fault> {
    all(connection, "SELECT id, secret, made FROM prekeys ORDER BY id", |row| {
        Ok(StoredPrekey { id: read(row, 0)?, bytes: read(row, 1)?, made: read_time(row, 2)? })
    })
}

fn replays(connection: &Connection) -> Result<Vec<Replay>, Fault> {
    let sql = "SELECT sender, dev, leaf, ep, seq FROM replays ORDER BY sender, dev, leaf";
    all(connection, sql, |row| {
        Ok(Replay {
            from: read(row, 0)?,
            dev: read(row, 1)?,
            leaf: read(row, 2)?,
            ep: number(row, 3)?,
            seq: number(row, 4)?,
        })
    })
}

/// The settings of the shell.
pub(super) fn settings(
    connection: &Connection,
) -> Result<std::collections::BTreeMap<String, String>, Fault> {
    let rows =
        all(connection, "SELECT key, value FROM settings", |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}
