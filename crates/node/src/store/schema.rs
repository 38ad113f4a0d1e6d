//! The tables, and how an older file becomes a newer one.
//!
//! `PRAGMA user_version` counts the migrations that a file has seen. They only go forward; a
//! file from the future is refused before anything of it is touched.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;

/// Every migration there ever was, oldest first. One that was released is never edited.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2];

/// The newest format that this program knows.
pub(super) const KNOWN_VERSION: u32 = MIGRATIONS.len() as u32;

/// The format of a file; 0 for a new one.
pub(super) fn version(connection: &Connection) -> Result<u32, Fault> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings a file of a known version up to [`KNOWN_VERSION`]; each step all or nothing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    migrate_by(connection, MIGRATIONS)
}

fn migrate_by(connection: &mut Connection, migrations: &[&str]) -> Result<(), Fault> {
    let seen = version(connection)?;
    for (number, migration) in (1_u32..).zip(migrations).filter(|(number, _)| *number > seen) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Ids are blobs of their bytes, so that SQLite's order of blobs is the order of the keys.
/// Times are milliseconds since the Unix epoch. Ranges are pairs of 8-byte big-endian integers.
///
/// `messages` holds each event of each log once; nothing in it but `failed` ever changes, and
/// how far a message has come follows from the positions in `logs`. Its `key` rises with every
/// insert, which the search index relies on.
const VERSION_1: &str = "
CREATE TABLE installation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seed BLOB NOT NULL,     -- of the identity key
    dev BLOB NOT NULL,
    lg TEXT NOT NULL,       -- the log that we write
    epoch INTEGER NOT NULL,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    id BLOB PRIMARY KEY,
    status TEXT NOT NULL,   -- requested, accepted, declined, blocked
    name TEXT NOT NULL,
    nickname TEXT,
    verified INTEGER NOT NULL,
    prekey_id BLOB,
    prekey BLOB,
    prekey_at INTEGER,
    token BLOB,
    asked INTEGER,
    read_receipts INTEGER,
    added INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    sender BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    prekey_id BLOB NOT NULL,
    prekey BLOB NOT NULL,
    at INTEGER NOT NULL,
    declined INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invites (
    token BLOB PRIMARY KEY,
    uses INTEGER NOT NULL,
    expiry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE prekeys (
    id BLOB PRIMARY KEY,
    secret BLOB NOT NULL,   -- id and secret
    made INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replays (
    sender BLOB NOT NULL,
    dev BLOB NOT NULL,
    leaf TEXT NOT NULL,
    ep INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (sender, dev, leaf)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    key INTEGER PRIMARY KEY,
    contact BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE logs (
    key INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    own INTEGER NOT NULL,   -- 1: we write it; 0: the contact does
    lg TEXT NOT NULL,
    held BLOB NOT NULL,     -- the positions that the other side of the writer holds
    read INTEGER NOT NULL,  -- the last position shown to a person there
    UNIQUE (conversation, own, lg)
) STRICT;

CREATE TABLE messages (
    key INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    log INTEGER NOT NULL,
    sender INTEGER NOT NULL,    -- 0: the lower user id of the two; 1: the higher
    id BLOB NOT NULL,
    s INTEGER NOT NULL,
    h INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    kind INTEGER NOT NULL,      -- 0 text, 1 edit, 2 delete, 3 react
    target BLOB,
    failed INTEGER NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_once ON messages (id, conversation, sender);
CREATE INDEX messages_displayed ON messages (conversation, h, sender, id);
CREATE INDEX messages_logged ON messages (log, s);
";

/// Whether our addresses are hidden from a contact; NULL follows the general setting.
const VERSION_2: &str = "ALTER TABLE contacts ADD COLUMN relay_only INTEGER;";

#[cfg(test)]
mod tests {
    use super::*;

    fn versions_after(migrations: &[&str]) -> (u32, Result<(), Fault>) {
        let mut connection = Connection::open_in_memory().unwrap();
        let result = migrate_by(&mut connection, migrations);
        (version(&connection).unwrap(), result)
    }

    #[test]
    fn every_migration_runs_once_and_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)"];
        migrate_by(&mut connection, &steps[..2]).unwrap();
        migrate_by(&mut connection, &steps).unwrap();
        migrate_by(&mut connection, &steps).unwrap();
        let rows: String = connection
            .query_row("SELECT group_concat(x) FROM (SELECT x FROM a ORDER BY rowid)", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!((rows.as_str(), version(&connection).unwrap()), ("1,2", 3));
    }

    #[test]
    fn failed_migration_leaves_the_version_before_it() {
        let (version, result) =
            versions_after(&["CREATE TABLE a (x)", "CREATE TABLE b (x); nonsense"]);
        assert_eq!(version, 1);
        assert!(matches!(result, Err(Fault::Other(_))));
    }

    #[test]
    fn schema_is_legal() {
        assert_eq!(versions_after(MIGRATIONS), (KNOWN_VERSION, Ok(())));
    }
}
