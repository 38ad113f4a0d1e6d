//! A disk without space: nothing is half written, and with space everything goes on.

use super::*;
use crate::store::fault::Fault;

impl Disk {
    /// The database may grow by so many pages.
    fn limit_growth(&self, pages: Option<u32>) {
        self.store.jobs.send(Job::LimitGrowth(pages)).unwrap();
    }
}

fn large(s: u64) -> Vec<Op> {
    let have = Op::AddHave { contact: user(1), lg: lg("theirlog"), s: ranges(&[(s, s)]) };
    vec![Op::Append(MessageView { content: "x".repeat(16 * 1024), ..theirs(user(1), s) }), have]
}

#[test]
fn full_disk_refuses_the_whole_group_with_a_sentence_and_then_goes_on() {
    let mut disk = Disk::new();
    disk.save(large(1));
    disk.limit_growth(Some(6));
    let commits = disk.store.commits();
    let results = disk.run_together(vec![large(2), large(3), vec![]]);
    for result in results {
        let reason = result.unwrap_err().0;
        assert!(reason.contains("is full; free some space"), "{reason}");
        assert!(reason.contains("tincan.db"), "{reason}");
    }
    assert_eq!(disk.store.commits(), commits);
    assert_eq!(disk.history(user(1)).len(), 1);
    disk.save(large(2));
    assert!(disk.run(large(3)).is_err(), "the first fits, the second does not");
    disk.limit_growth(None);
    disk.save(large(3));
    let disk = disk.reopen();
    assert_eq!(disk.history(user(1)).len(), 3);
    assert_eq!(disk.snapshot.conversations[0].logs[0].have, ranges(&[(1, 3)]));
}

#[test]
fn setting_on_a_full_disk_is_refused_and_stays() {
    let disk = Disk::new();
    block_on(disk.store.set_setting("hub", Some("old"))).unwrap();
    disk.limit_growth(Some(1));
    let value = "x".repeat(64 * 1024);
    let reason = block_on(disk.store.set_setting("hub", Some(&value))).unwrap_err().0;
    assert!(reason.contains("is full"), "{reason}");
    assert_eq!(disk.store.setting("hub").as_deref(), Some("old"));
    assert_eq!(disk.reopen().store.setting("hub").as_deref(), Some("old"));
}

#[test]
fn reading_goes_on_while_the_disk_is_full() {
    let mut disk = Disk::new();
    disk.save(large(1));
    disk.limit_growth(Some(0));
    assert!(disk.run(large(2)).is_err());
    assert_eq!(disk.history(user(1)).len(), 1);
    assert!(disk.outbox(user(1), 0, 9, 9).messages.is_empty());
}

#[test]
fn no_room_for_the_shared_memory_is_a_full_disk() {
    let code = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
    let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
    assert_eq!(Fault::from(error), Fault::DiskFull);
}

#[test]
fn every_refusal_says_what_to_do() {
    let path = std::path::Path::new("/home/of/someone/tincan.db");
    for fault in [
        Fault::DiskFull,
        Fault::ReadOnly,
        Fault::Busy,
        Fault::Damaged("detail".into()),
        Fault::Io("detail".into()),
    ] {
        let sentence = fault.sentence(path);
        assert!(sentence.contains("/home/of/someone/tincan.db"), "{sentence}");
        assert!(sentence.contains("; "), "{sentence}");
    }
}
