//! Searching through the store; how text is cut into words is tested where that is done.

use std::fs;

use proptest::prelude::*;

use super::*;

/// With one message of theirs for each text, from a contact each.
fn disk(texts: &[(u8, &str)]) -> Disk {
    let mut disk = Disk::new();
    let ops = (1..).zip(texts).map(|(s, (contact, text))| {
        Op::Append(MessageView { content: (*text).to_owned(), ..theirs(user(*contact), s) })
    });
    disk.save(ops.collect());
    disk
}

#[test]
fn newest_message_comes_first() {
    let disk = disk(&[(1, "tea one"), (2, "tea two"), (1, "coffee"), (1, "tea three")]);
    assert_eq!(disk.search("tea", None), ["tea three", "tea two", "tea one"]);
    assert_eq!(disk.search("tea", Some(user(1))), ["tea three", "tea one"]);
    assert_eq!(disk.search("tea", Some(user(9))), [] as [&str; 0]);
}

#[test]
fn what_was_written_after_a_search_is_in_the_next() {
    let mut disk = disk(&[(1, "first word")]);
    assert_eq!(disk.search("word", None).len(), 1);
    disk.save(vec![Op::Append(MessageView { content: "next word".into(), ..theirs(user(1), 2) })]);
    assert_eq!(disk.search("word", None), ["next word", "first word"]);
    let disk = disk.reopen();
    assert_eq!(disk.search("word", None), ["next word", "first word"]);
}

#[test]
fn both_sides_are_found_whole_with_their_state() {
    let mut disk = disk(&[]);
    let ours = MessageView { content: "hello from us".into(), ..disk.ours(user(1), 1) };
    let acked = Op::AddAcked { contact: user(1), s: ranges(&[(1, 1)]) };
    disk.save(vec![Op::Append(ours.clone()), acked]);
    let query = Query::Search { text: "hello".into(), contact: None, limit: 1 };
    let expected = MessageView { state: Delivery::Delivered, ..ours };
    assert_eq!(disk.messages(query), (vec![expected], false));
}

#[test]
fn limit_is_kept_and_more_is_told() {
    let disk = disk(&[(1, "a"), (1, "a"), (1, "a")]);
    let find = |limit| {
        let query = Query::Search { text: "a".to_owned(), contact: None, limit };
        let (messages, more) = disk.messages(query);
        (messages.len(), more)
    };
    assert_eq!(
        [find(1), find(2), find(3), find(4)],
        [(1, true), (2, true), (3, false), (3, false)]
    );
}

#[test]
fn many_messages_are_indexed_in_steps() {
    let mut disk = disk(&[]);
    disk.save((1..=1_700).map(|s| Op::Append(theirs(user(1), s))).collect());
    assert_eq!(disk.search("message 1700", None), ["message 1700"]);
    assert_eq!(disk.search("message 1", None).len(), 1 + 10 + 100 + 701);
}

#[test]
fn index_that_is_gone_foreign_or_damaged_is_made_again() {
    let mut disk = disk(&[(1, "some words"), (1, "more words")]);
    let index = |disk: &Disk| disk.home().join("search.db");
    let other = self::disk(&[(1, "entirely different"), (1, "things")]);
    assert_eq!(other.search("different", None).len(), 1);
    let other_home = other.home();
    other.store.close();
    let changes: [&dyn Fn(&std::path::Path); 5] = [
        &|_| {},
        &|index| fs::remove_file(index).unwrap(),
        &|index| fs::write(index, "this is no database, but it is long enough").unwrap(),
        &|index| fs::write(index, "").unwrap(),
        &|index| fs::copy(other_home.join("search.db"), index).map(|_| ()).unwrap(),
    ];
    for change in changes {
        assert_eq!(disk.search("words", None), ["more words", "some words"]);
        let path = index(&disk);
        let Disk { dir, store, .. } = disk;
        store.close();
        drop(store);
        change(&path);
        disk = Disk::in_dir(dir);
    }
    assert_eq!(disk.search("words", None), ["more words", "some words"]);
    assert_eq!(disk.search("different", None), [] as [&str; 0]);
}

#[test]
fn index_of_a_later_state_of_the_database_is_made_again() {
    let mut disk = disk(&[(1, "kept")]);
    disk = disk.reopen();
    let database = disk.home().join("tincan.db");
    disk.store.close();
    let backup = fs::read(&database).unwrap();
    disk = disk.reopen();
    disk.save(vec![Op::Append(MessageView { content: "lost".into(), ..theirs(user(1), 2) })]);
    assert_eq!(disk.search("lost", None), ["lost"]);
    let Disk { dir, store, .. } = disk;
    store.close();
    drop(store);
    fs::write(&database, backup).unwrap();
    let mut disk = Disk::in_dir(dir);
    disk.save(vec![Op::Append(MessageView { content: "other".into(), ..theirs(user(1), 3) })]);
    assert_eq!(disk.search("other", None), ["other"]);
    assert_eq!(disk.search("lost", None), [] as [&str; 0]);
}

#[test]
fn index_catches_up_by_itself_when_it_is_quiet() {
    let disk = disk(&[(1, "word")]);
    let file = disk.home().join("search.db");
    let start = std::time::Instant::now();
    // Nobody tells when it is done; the file appears.
    while !file.exists() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(disk.search("word", None), ["word"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_question_is_an_error(texts in prop::collection::vec(".*", 0..20)) {
        thread_local!(static DISK: Disk = disk(&[(1, "some text"), (2, "más texto")]));
        DISK.with(|disk| {
            for text in texts {
                for contact in [None, Some(user(1))] {
                    let query = Query::Search { text: text.clone(), contact, limit: 10 };
                    prop_assert!(disk.query(query).is_ok());
                }
            }
            Ok(())
        })?;
    }
}
