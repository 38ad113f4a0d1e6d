//! Transactions and groups of them.

use tincan_engine::Delivery;
use tincan_engine::store::Present;

use super::*;

/// A transaction that no database can hold: its number is too large.
fn impossible(contact: UserId) -> Vec<Op> {
    let mut message = theirs(contact, 9);
    message.s = u64::MAX;
    vec![Op::Append(theirs(contact, 8)), Op::Append(message)]
}

#[test]
fn what_waits_together_is_one_commit() {
    let mut disk = Disk::new();
    let before = disk.store.commits();
    let transactions = (1..=100).map(|s| vec![Op::Append(theirs(user(1), s))]).collect();
    let results = disk.run_together(transactions);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(disk.store.commits() - before, 1);
    assert_eq!(disk.history(user(1)).len(), 100);
}

#[test]
fn what_comes_alone_is_committed_alone() {
    let mut disk = Disk::new();
    let before = disk.store.commits();
    (1..=3).for_each(|s| disk.save(vec![Op::Append(theirs(user(1), s))]));
    assert_eq!(disk.store.commits() - before, 3);
}

#[test]
fn failed_transaction_fails_alone_and_whole() {
    let mut disk = Disk::new();
    let have = |s| Op::AddHave { contact: user(1), lg: lg("theirlog"), s: ranges(&[(s, s)]) };
    let results = disk.run_together(vec![
        vec![Op::Append(theirs(user(1), 1)), have(1)],
        [vec![have(7)], impossible(user(1))].concat(),
        vec![Op::Append(theirs(user(1), 2)), have(2)],
        impossible(user(2)),
        vec![Op::Append(theirs(user(2), 3))],
    ]);
    assert_eq!(
        results.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true, false, true]
    );
    let reason = &results[1].as_ref().unwrap_err().0;
    assert!(reason.contains("the position of a message is too large"), "{reason}");
    let disk = disk.reopen();
    let positions = |disk: &Disk, contact| {
        disk.history(contact).iter().map(|message| message.s).collect::<Vec<_>>()
    };
    assert_eq!(positions(&disk, user(1)), [1, 2]);
    assert_eq!(positions(&disk, user(2)), [3]);
    let held: Vec<_> = (disk.snapshot.conversations.iter())
        .find(|conversation| conversation.contact == user(1))
        .unwrap()
        .logs
        .clone();
    assert_eq!(held[0].have, ranges(&[(1, 2)]));
}

#[test]
fn transaction_that_fails_by_itself_leaves_nothing() {
    let mut disk = Disk::new();
    assert!(disk.run(impossible(user(1))).is_err());
    assert!(disk.history(user(1)).is_empty());
    disk.save(vec![Op::Append(theirs(user(1), 8))]);
    assert!(disk.reopen().snapshot.conversations[0].logs[0].have.is_empty());
}

#[test]
fn repeated_append_is_reported_with_whether_it_is_the_same() {
    let mut disk = Disk::new();
    let (first, other) = (theirs(user(1), 1), theirs(user(2), 1));
    disk.save(vec![Op::Append(first.clone()), Op::Append(other)]);
    let mut moved = first.clone();
    (moved.s, moved.h, moved.timestamp) = (5, 6, 7);
    let mut reworded = first.clone();
    reworded.content.push('!');
    let mut rekinded = first.clone();
    rekinded.kind = MessageKind::Delete { target: id(9) };
    let mut ours = first.clone();
    ours.outgoing = true;
    ours.lg = disk.snapshot.lg;
    let present = |same| Present { contact: user(1), id: id(1), same };
    for (again, reported) in [
        (first.clone(), Some(present(true))),
        (moved, Some(present(true))),
        (reworded, Some(present(false))),
        (rekinded, Some(present(false))),
        // The other direction is another message.
        (ours, None),
    ] {
        let stored = disk.run(vec![Op::Append(again)]).unwrap();
        assert_eq!(stored.present, reported.into_iter().collect::<Vec<_>>());
    }
    let history = disk.history(user(1));
    assert_eq!(history.iter().filter(|message| !message.outgoing).collect::<Vec<_>>(), [&first]);
}

#[test]
fn repetition_within_a_group_is_found() {
    let mut disk = Disk::new();
    let append = || vec![Op::Append(theirs(user(1), 1))];
    let results = disk.run_together(vec![append(), append()]);
    assert_eq!(results[0], Ok(Stored::default()));
    let present = vec![Present { contact: user(1), id: id(1), same: true }];
    assert_eq!(results[1], Ok(Stored { present }));
}

#[test]
fn stored_message_can_be_read_at_once() {
    let mut disk = Disk::new();
    for s in 1..=50 {
        disk.save(vec![Op::Append(theirs(user(1), s))]);
        assert_eq!(disk.history(user(1)).len() as u64, s);
    }
}

#[test]
fn everything_submitted_before_the_close_is_durable_and_nothing_after_it() {
    let mut disk = Disk::new();
    for s in 1..=200 {
        disk.submit(vec![Op::Append(theirs(user(1), s))]);
    }
    disk.store.close();
    disk.submit(vec![Op::Append(theirs(user(1), 201))]);
    let results: Vec<_> = disk.answers.try_iter().flatten().map(stored).collect();
    let refused: Vec<_> = results.iter().filter(|(_, result)| result.is_err()).collect();
    assert_eq!((results.len(), refused.len()), (201, 1));
    assert_eq!(refused[0].0, TransactionId(201));
    assert_eq!(disk.query(Query::Summaries), Err(QueryError::Closed));
    assert_eq!(disk.reopen().history(user(1)).len(), 200);
}

#[test]
fn dropped_store_commits_what_was_submitted() {
    let Disk { dir, store, answers, .. } = Disk::new();
    store.submit(TransactionId(1), vec![Op::Append(theirs(user(1), 1))]);
    drop(store);
    assert!(matches!(
        answers.recv_timeout(PATIENCE).unwrap().as_slice(),
        [StoreAnswer::Stored { result: Ok(_), .. }]
    ));
    // The home is free again once the last thread has let go of it.
    let start = std::time::Instant::now();
    while Home::open(&dir.path().join("home")).is_err() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    assert_eq!(Disk::in_dir(dir).history(user(1)).len(), 1);
}

#[test]
fn state_follows_from_positions() {
    let mut disk = Disk::new();
    let contact = user(1);
    let appends = (1..=5).map(|s| Op::Append(disk.ours(contact, s))).collect();
    disk.save(appends);
    let check = |disk: &Disk, states: [Delivery; 5]| {
        let found: Vec<_> = disk.history(contact).iter().map(|message| message.state).collect();
        assert_eq!(found, states);
    };
    use Delivery::{Delivered, Failed, Queued, Read};
    check(&disk, [Queued, Queued, Queued, Queued, Queued]);
    disk.save(vec![Op::AddAcked { contact, s: ranges(&[(1, 2), (4, 4)]) }]);
    check(&disk, [Delivered, Delivered, Queued, Delivered, Queued]);
    disk.save(vec![Op::SavePeerRead { contact, to: 3 }]);
    // Position 3 was never acknowledged, whatever they say that they have read.
    check(&disk, [Read, Read, Queued, Delivered, Queued]);
    disk.save(vec![Op::Fail { contact, ids: vec![id(3), id(99)] }]);
    check(&disk, [Read, Read, Failed, Delivered, Queued]);
    // The position is acknowledged as a gap; the message has failed all the same.
    disk.save(vec![Op::AddAcked { contact, s: ranges(&[(3, 3)]) }]);
    check(&disk, [Read, Read, Failed, Delivered, Queued]);
    check(&disk.reopen(), [Read, Read, Failed, Delivered, Queued]);
}

#[test]
fn state_of_theirs_follows_from_what_was_shown() {
    let mut disk = Disk::new();
    let contact = user(1);
    disk.save((1..=3).map(|s| Op::Append(theirs(contact, s))).collect());
    disk.save(vec![Op::SaveRead { contact, lg: lg("theirlog"), to: 2 }]);
    let states: Vec<_> = disk.history(contact).iter().map(|message| message.state).collect();
    assert_eq!(states, [Delivery::Read, Delivery::Read, Delivery::Delivered]);
}
