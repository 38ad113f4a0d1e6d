//! Histories, single messages and summaries.

use tincan_engine::query::MAX_PAGE;
use tincan_engine::{Cursor, Summary};

use super::*;
use crate::store::message_row::MAX_PAGE_BYTES;

fn cursor(message: &MessageView) -> Cursor {
    Cursor { h: message.h, outgoing: message.outgoing, id: message.id }
}

/// Pages from the end to the beginning.
fn pages(disk: &Disk, contact: UserId, limit: usize) -> Vec<Vec<MessageView>> {
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let (page, more) = disk.messages(Query::History { contact, before, limit });
        before = page.first().map(cursor);
        pages.push(page);
        if !more {
            return pages;
        }
    }
}

#[test]
fn unknown_contact_has_no_history() {
    assert!(Disk::new().history(user(1)).is_empty());
}

#[test]
fn order_is_by_place_then_sender_then_id() {
    let mut disk = Disk::new();
    // Among these are contacts below us and above us.
    for contact in (1..=8).map(user) {
        let mut all = Vec::new();
        for (s, h) in [(1, 5), (2, 5), (3, 4), (4, 6), (5, 5)] {
            all.push(MessageView { h, ..disk.ours(contact, s) });
            all.push(MessageView { h, ..theirs(contact, s) });
        }
        disk.save(all.iter().cloned().map(Op::Append).collect());
        let me = disk.me();
        all.sort_by_key(|m| (m.h, if m.outgoing { me } else { contact }, m.id));
        assert_eq!(disk.history(contact), all);
        for limit in 1..=11 {
            let mut paged = pages(&disk, contact, limit);
            assert!(paged.iter().all(|page| page.len() <= limit));
            paged.reverse();
            assert_eq!(paged.concat(), all, "pages of {limit}");
        }
    }
}

#[test]
fn more_is_told_exactly() {
    let mut disk = Disk::new();
    disk.save((1..=4).map(|s| Op::Append(theirs(user(1), s))).collect());
    let check = |limit, expected: &[u64], expected_more| {
        let (page, more) = disk.messages(Query::History { contact: user(1), before: None, limit });
        let positions: Vec<_> = page.iter().map(|message| message.s).collect();
        assert_eq!((positions.as_slice(), more), (expected, expected_more));
    };
    check(3, &[2, 3, 4], true);
    check(4, &[1, 2, 3, 4], false);
    check(5, &[1, 2, 3, 4], false);
}

#[test]
fn cursor_need_not_be_a_message() {
    let mut disk = Disk::new();
    disk.save((1..=4).map(|s| Op::Append(theirs(user(1), s))).collect());
    let count = |h| {
        let before = Some(Cursor { h, outgoing: false, id: id(0) });
        disk.messages(Query::History { contact: user(1), before, limit: 9 }).0.len()
    };
    assert_eq!([count(0), count(1_000), count(1_003), count(u64::MAX)], [0, 0, 2, 4]);
}

#[test]
fn page_ends_early_when_it_would_be_too_large() {
    let mut disk = Disk::new();
    let size = MAX_PAGE_BYTES / 10;
    for s in 1..=25 {
        let content = "x".repeat(size);
        disk.save(vec![Op::Append(MessageView { content, ..theirs(user(1), s) })]);
    }
    let paged = pages(&disk, user(1), 1_000);
    assert_eq!(paged.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
}

#[test]
fn limit_has_bounds() {
    let disk = Disk::new();
    for limit in [0, MAX_PAGE + 1, usize::MAX] {
        let refused = Err(QueryError::Limit { max: MAX_PAGE });
        let history = Query::History { contact: user(1), before: None, limit };
        assert_eq!(disk.query(history), refused);
        let search = Query::Search { text: "x".to_owned(), contact: None, limit };
        assert_eq!(disk.query(search), refused);
    }
    let history = Query::History { contact: user(1), before: None, limit: MAX_PAGE };
    assert!(disk.query(history).is_ok());
}

#[test]
fn one_message_is_found_by_its_id_in_its_conversation() {
    let mut disk = Disk::new();
    disk.save(vec![Op::Append(theirs(user(1), 1)), Op::Append(theirs(user(2), 1))]);
    let find = |contact, number| disk.messages(Query::Message { contact, id: id(number) });
    assert_eq!(find(user(1), 1), (vec![theirs(user(1), 1)], false));
    assert_eq!(find(user(2), 1), (vec![theirs(user(2), 1)], false));
    assert_eq!(find(user(1), 2), (vec![], false));
    assert_eq!(find(user(3), 1), (vec![], false));
}

#[test]
fn summaries_have_unread_and_last_in_the_order_of_ids() {
    let mut disk = Disk::new();
    assert_eq!(disk.query(Query::Summaries), Ok(Answer::Summaries { summaries: vec![] }));
    let (first, second, third) = (user(1), user(2), user(3));
    let ours = disk.ours(first, 50);
    disk.save((1..=5).map(|s| Op::Append(theirs(first, s))).collect());
    disk.save(vec![
        Op::Append(ours.clone()),
        // A second log of theirs, of which nothing was shown.
        Op::Append(MessageView { id: id(90), lg: lg("otherlog"), h: 3, ..theirs(first, 1) }),
        Op::SaveRead { contact: first, lg: lg("theirlog"), to: 3 },
        Op::Append(theirs(second, 1)),
        Op::SaveRead { contact: second, lg: lg("theirlog"), to: 1 },
        // A conversation of positions only.
        Op::AddHave { contact: third, lg: lg("theirlog"), s: ranges(&[(1, 1)]) },
    ]);
    let read = MessageView { state: Delivery::Read, ..theirs(second, 1) };
    let mut summaries = vec![
        Summary { contact: first, unread: 3, last: Some(ours) },
        Summary { contact: second, unread: 0, last: Some(read) },
        Summary { contact: third, unread: 0, last: None },
    ];
    summaries.sort_by_key(|summary| summary.contact);
    assert_eq!(disk.query(Query::Summaries), Ok(Answer::Summaries { summaries }));
}

#[test]
fn no_page_sorts_what_an_index_has_in_order() {
    let disk = Disk::new();
    let connection = rusqlite::Connection::open(disk.home().join("tincan.db")).unwrap();
    let plan = |sql: &str| {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let history = plan(
        "SELECT content FROM messages WHERE conversation = 1 AND (h, sender, id) < (1, 1, x'00') \
         ORDER BY h DESC, sender DESC, id DESC LIMIT 9",
    );
    assert!(history.contains("messages_displayed") && !history.contains("B-TREE"), "{history}");
    let outbox = plan("SELECT content FROM messages WHERE log = 1 AND s >= 1 ORDER BY s LIMIT 1");
    assert!(outbox.contains("messages_logged") && !outbox.contains("B-TREE"), "{outbox}");
}

#[test]
fn questions_are_answered_while_the_writer_is_busy() {
    let mut disk = Disk::new();
    disk.save(vec![Op::Append(theirs(user(1), 1))]);
    let _hold = disk.hold();
    disk.submit(vec![Op::Append(theirs(user(1), 2))]);
    assert_eq!(disk.history(user(1)).len(), 1);
    assert_eq!(disk.search("message", None).len(), 1);
}
