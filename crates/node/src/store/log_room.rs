//! Room for the write-ahead log, made before it is needed: flushing into blocks that the file has
//! already takes a third of the time of flushing into new ones, since the file system writes no
//! journal of its own. SQLite takes what follows the last valid frame for the end of the log,
//! and writes over it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// As much as the log has before it is copied into the database.
const ROOM_BYTES: u64 = 4 << 20;

/// The write-ahead log of a database.
pub(super) fn log_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Lengthens the log with zeros, unless it is long enough or does not exist yet. Only the
/// connection that writes may call it, between its commits.
///
/// # Errors
/// There is no room on the disk; the log is as it was.
pub(super) fn make_room(database: &Path) -> io::Result<()> {
    let mut log = match OpenOptions::new().write(true).open(log_of(database)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let used = log.metadata()?.len();
    lengthen(&mut log, used).inspect_err(|_| {
        // What was given so far is wanted for words.
        let _ = log.set_len(used);
    })
}

fn lengthen(log: &mut File, used: u64) -> io::Result<()> {
    if used >= ROOM_BYTES {
        return Ok(());
    }
    log.seek(SeekFrom::Start(used))?;
    io::copy(&mut io::repeat(0).take(ROOM_BYTES - used), log)?;
    // Blocks are given when they are flushed, so only now is it known that there are any.
    log.sync_all()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn length(database: &Path) -> u64 {
        log_of(database).metadata().expect("a log").len()
    }

    /// A database in WAL mode with one committed row, and its connection.
    fn database(folder: &Path) -> (PathBuf, Connection) {
        let file = folder.join("test.db");
        let connection = Connection::open(&file).expect("opens");
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("WAL");
        connection.execute_batch("CREATE TABLE t (v); INSERT INTO t VALUES (1)").expect("writes");
        (file, connection)
    }

    fn rows(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("reads")
    }

    #[test]
    fn a_log_is_lengthened_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, _connection) = database(folder.path());
        assert!(length(&file) < ROOM_BYTES);
        make_room(&file).expect("room");
        assert_eq!(length(&file), ROOM_BYTES);
        make_room(&file).expect("room");
        assert_eq!(length(&file), ROOM_BYTES);
    }

    #[test]
    fn what_is_written_before_and_after_is_read_by_others_and_survives_a_crash() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, connection) = database(folder.path());
        make_room(&file).expect("room");
        for _ in 0..100 {
            connection.execute("INSERT INTO t VALUES (2)", []).expect("writes");
        }
        assert_eq!(length(&file), ROOM_BYTES, "written over");
        let other = Connection::open(&file).expect("opens");
        assert_eq!(rows(&other), 101);
        // What a crash leaves: both files, and no shared memory.
        let copy = folder.path().join("copy.db");
        std::fs::copy(&file, &copy).expect("copies");
        std::fs::copy(log_of(&file), log_of(&copy)).expect("copies");
        assert_eq!(rows(&Connection::open(&copy).expect("opens")), 101);
    }

    #[test]
    fn without_a_log_there_is_nothing_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        make_room(&folder.path().join("none.db")).expect("nothing");
        assert!(!log_of(&folder.path().join("none.db")).exists());
    }
}
