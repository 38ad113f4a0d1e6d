//! Opening a store: the first time, again, and when it can't be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::store::StoreError;

/// What opening says after `change` was done to a home that was in use before.
fn open_after(change: impl FnOnce(&Path)) -> (TempDir, Result<Snapshot, StoreError>) {
    let mut disk = Disk::new();
    disk.save(vec![Op::Append(theirs(user(1), 1))]);
    let home = disk.home();
    let Disk { dir, store, .. } = disk;
    store.close();
    drop(store);
    change(&home);
    let home = Home::open(&home).unwrap();
    let result = Store::open(&home, |_| {}).map(|(_, snapshot)| snapshot);
    (dir, result)
}

fn database(dir: &TempDir) -> PathBuf {
    dir.path().join("home/tincan.db")
}

#[test]
fn identity_is_made_once_and_differs_between_homes() {
    let disk = Disk::new();
    let first = disk.snapshot.clone();
    assert_eq!(first, Snapshot::new(first.seed, first.dev, first.lg));
    assert_eq!(disk.reopen().snapshot, first);
    let other = Disk::new().snapshot;
    assert!(other.seed != first.seed && other.dev != first.dev && other.lg != first.lg);
}

#[test]
fn every_file_is_private() {
    let mut disk = Disk::new();
    disk.save(vec![Op::Append(theirs(user(1), 1))]);
    disk.search("message", None);
    let mut names: Vec<String> = fs::read_dir(disk.home())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{entry:?}");
            entry.file_name().into_string().unwrap()
        })
        .collect();
    names.sort();
    assert!(names.starts_with(&["lock".into(), "search.db".into()]), "{names:?}");
    assert!(names.contains(&"tincan.db-wal".into()), "{names:?}");
}

#[test]
fn close_folds_the_log_into_the_database() {
    let (dir, result) = open_after(|home| {
        assert!(!home.join("tincan.db-wal").exists());
    });
    assert!(result.is_ok());
    drop(dir);
}

#[test]
fn every_commit_is_flushed() {
    let disk = Disk::new();
    let connection = Connection::open(database(&disk.dir)).unwrap();
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    drop(disk);
    let home = tempfile::tempdir().unwrap();
    let connection = crate::store::database::open_writer(&home.path().join("x.db")).unwrap();
    let value = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(value("PRAGMA synchronous"), 2, "FULL");
    assert_eq!(value("PRAGMA foreign_keys"), 1);
    assert_eq!(value("PRAGMA secure_delete"), 1);
}

#[test]
fn newer_database_is_refused_untouched() {
    let mut before = Vec::new();
    let (dir, result) = open_after(|home| {
        let file = home.join("tincan.db");
        let connection = Connection::open(&file).unwrap();
        connection.pragma_update(None, "user_version", 1_000).unwrap();
        connection.close().unwrap();
        before = fs::read(file).unwrap();
    });
    let path = database(&dir);
    let known = crate::store::schema::KNOWN_VERSION;
    let error = StoreError::NewerVersion { path: path.clone(), found: 1_000, known };
    assert!(error.to_string().contains("install the newer tincan"), "{error}");
    assert_eq!(result, Err(error));
    assert!(fs::read(path).unwrap() == before);
}

fn corrupt(result: Result<Snapshot, StoreError>) -> (PathBuf, Option<PathBuf>) {
    match result {
        Err(StoreError::Corrupt { path, copy, .. }) => (path, copy),
        other => panic!("corrupt, not {other:?}"),
    }
}

#[test]
fn file_that_is_no_database_is_kept_and_copied() {
    let junk = b"this is certainly no database, although it is long enough for one".repeat(20);
    let (dir, result) = open_after(|home| fs::write(home.join("tincan.db"), &junk).unwrap());
    let text = result.as_ref().unwrap_err().to_string();
    let (path, copy) = corrupt(result);
    let copy = copy.unwrap();
    assert_eq!(path, database(&dir));
    assert!(fs::read(&path).unwrap() == junk && fs::read(&copy).unwrap() == junk);
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains(copy.to_str().unwrap()),
        "{text}"
    );
    // A second attempt finds the same state and makes no second copy.
    let count = || fs::read_dir(dir.path().join("home")).unwrap().count();
    let before = count();
    let home = Home::open(&dir.path().join("home")).unwrap();
    assert!(Store::open(&home, |_| {}).is_err());
    assert_eq!(count(), before);
}

#[test]
fn overwritten_pages_are_found_and_copied() {
    let (_dir, result) = open_after(|home| {
        let file = home.join("tincan.db");
        let mut bytes = fs::read(&file).unwrap();
        bytes[4_096..].fill(0xa5);
        fs::write(file, bytes).unwrap();
    });
    assert!(corrupt(result).1.is_some());
}

#[test]
fn value_that_makes_no_sense_is_damage() {
    for sql in [
        "UPDATE conversations SET contact = zeroblob(32)",
        "UPDATE conversations SET contact = x'00'",
        "UPDATE logs SET lg = 'not a log id'",
        "UPDATE logs SET held = x'0102'",
        "UPDATE logs SET read = -1",
        "UPDATE installation SET seed = x''",
    ] {
        let (_dir, result) = open_after(|home| {
            Connection::open(home.join("tincan.db")).unwrap().execute_batch(sql).unwrap();
        });
        assert!(corrupt(result).1.is_some(), "{sql}");
    }
}

#[test]
fn database_held_by_another_program_is_told() {
    // The other program holds it in a way that no waiting helps against.
    let (_dir, result) = open_after(|home| {
        let other = Connection::open(home.join("tincan.db")).unwrap();
        other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
        other.execute_batch("BEGIN EXCLUSIVE; UPDATE installation SET epoch = 1; COMMIT").unwrap();
        // It never lets go.
        std::mem::forget(other);
    });
    assert!(matches!(result, Err(StoreError::Busy { .. })), "{result:?}");
}

#[test]
fn home_stays_locked_until_the_last_commit() {
    let mut disk = Disk::new();
    assert!(Home::open(&disk.home()).is_err());
    disk.save(vec![]);
    disk.store.close();
    Home::open(&disk.home()).unwrap();
}
