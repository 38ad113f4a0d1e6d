//! Opening the database: the file with its mode, its connections with their settings, and what
//! happens where it is damaged.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::fault::{Fault, StoreError};
use super::log_room::log_of;
use super::schema::{self, KNOWN_VERSION};
use crate::home::FILE_MODE;

/// How long to wait for another program that holds the database, such as a backup.
const BUSY_TIMEOUT: Duration =
    if cfg!(test) { Duration::from_millis(500) } else { Duration::from_secs(5) };

/// Prepared statements kept per connection: more than any of our connections has.
const STATEMENTS: usize = 64;

/// Pages in the write-ahead log before it is copied into the database: about as many as
/// `log_room` makes room for. Copying costs two more flushes and rewrites each touched page once.
const CHECKPOINT_PAGES: u32 = 1_000;

/// What the write-ahead log is cut back to after a burst, in bytes.
const LOG_BYTES: u32 = 32 << 20;

/// Opens the one connection that writes; makes the file or brings it up to date.
pub(super) fn open_writer(database: &Path) -> Result<Connection, StoreError> {
    let connection = match connect_writer(database) {
        Ok(connection) => connection,
        Err(fault) => return Err(opening_error(fault, database)),
    };
    match schema::version(&connection) {
        Ok(found) if found > KNOWN_VERSION => {
            return Err(StoreError::NewerVersion {
                path: database.to_owned(),
                found,
                known: KNOWN_VERSION,
            });
        }
        Ok(_) => {}
        Err(fault) => return Err(opening_error(fault, database)),
    }
    prepare_writer(connection).map_err(|fault| opening_error(fault, database))
}

/// The error for a fault at the opening. A damaged file is copied first, so that nothing that a
/// person then tries can make it worse.
pub(super) fn opening_error(fault: Fault, database: &Path) -> StoreError {
    let copy = matches!(fault, Fault::Damaged(_)).then(|| keep_copy(database).ok()).flatten();
    StoreError::of(fault, database, copy)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(database: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Opens a file that can be written, makes it with its mode where there is none.
pub(super) fn connect(file: &Path) -> Result<Connection, Fault> {
    // SQLite would give it the mode that the umask allows; its other files take this one's.
    match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn connect_writer(database: &Path) -> Result<Connection, Fault> {
    let connection = connect(database)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn prepare_writer(mut connection: Connection) -> Result<Connection, Fault> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Other("its file system has no shared memory".to_owned()));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    // A prekey that was removed must be gone (protocol §3). Little else is ever removed, so
    // overwriting with zeros costs nothing that can be measured.
    connection.pragma_update(None, "secure_delete", true)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Copies a damaged database and its write-ahead log beside themselves, once for each state that
/// the file is found in.
fn keep_copy(database: &Path) -> io::Result<PathBuf> {
    let found = fs::metadata(database)?;
    let name = format!("damaged-{}-{}.db", found.mtime(), found.len());
    let copy = database.with_file_name(name);
    if copy.exists() {
        return Ok(copy);
    }
    let log = log_of(database);
    if log.exists() {
        fs::copy(log, log_of(&copy))?;
    }
    // Through another name, so that a half copy is never taken for a whole one.
    let partial = copy.with_extension("partial");
    fs::copy(database, &partial)?;
    fs::rename(&partial, &copy)?;
    Ok(copy)
}
