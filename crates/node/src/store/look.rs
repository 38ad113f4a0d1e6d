//! A look at a home's database from outside, while its owner may be at work: nothing is changed.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};
use tincan_doctor::{Database, StorageFault};

use super::database::{connect, open_reader};
use super::fault::Fault;

/// How long the pages of a database may be looked through: a person waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// A setting of the shell's own, if it can be read.
pub(crate) fn setting(database: &Path, key: &str) -> Option<String> {
    if !database.exists() {
        return None;
    }
    let connection = open_reader(database).ok()?;
    let sql = "SELECT value FROM settings WHERE key = ?1";
    connection.query_row(sql, [key], |row| row.get(0)).optional().ok()?
}

/// Looks through all pages, as far as there is time.
pub(crate) fn check(database: &Path) -> Database {
    if !database.exists() {
        return Database::None;
    }
    let connection = match open_reader(database) {
        Ok(connection) => connection,
        Err(fault) => return of_fault(fault, database),
    };
    let (done, is_done) = channel::<()>();
    let handle = connection.get_interrupt_handle();
    let watch = thread::spawn(move || {
        if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            handle.interrupt();
        }
    });
    let answer: Result<String, _> =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    drop(done);
    // It ends at once, and has nothing to say.
    let _ = watch.join();
    match answer {
        Ok(answer) if answer == "ok" => Database::Sound,
        Ok(answer) => Database::Damaged(answer),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Database::Unfinished
        }
        Err(error) => of_fault(error.into(), database),
    }
}

fn of_fault(fault: Fault, database: &Path) -> Database {
    match fault {
        Fault::Damaged(reason) => Database::Damaged(reason),
        Fault::DiskFull
        | Fault::ReadOnly
        | Fault::Busy
        | Fault::Io(_)
        | Fault::OutOfRange(_)
        | Fault::Other(_) => Database::Unreadable(fault.sentence(database)),
    }
}

/// A database that writes as that of a home does.
///
/// # Errors
/// What the disk has against it.
pub(crate) fn scratch_database(file: &Path) -> Result<Connection, StorageFault> {
    let prepare = || -> Result<Connection, Fault> {
        let connection = connect(file)?;
        let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE trial (text TEXT NOT NULL) STRICT")?;
        Ok(connection)
    };
    prepare().map_err(|fault| storage_fault(fault, file))
}

/// One message's worth, durable when it returns.
///
/// # Errors
/// What the disk has against it.
pub(crate) fn commit(database: &Connection, file: &Path) -> Result<(), StorageFault> {
    let sql = "INSERT INTO trial (text) VALUES (?1)";
    let done = database.execute(sql, ["x".repeat(256)]);
    done.map(drop).map_err(|error| storage_fault(error.into(), file))
}

fn storage_fault(fault: Fault, file: &Path) -> StorageFault {
    match fault {
        Fault::DiskFull => StorageFault::Full,
        Fault::ReadOnly => StorageFault::NotWritable,
        Fault::Busy | Fault::Damaged(_) | Fault::Io(_) | Fault::OutOfRange(_) | Fault::Other(_) => {
            StorageFault::Other(fault.sentence(file))
        }
    }
}
