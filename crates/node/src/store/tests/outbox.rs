//! Pages of the outbox.

use super::*;

/// With messages of ours at `written`, of `size` bytes each.
fn disk(written: &[u64], size: usize) -> Disk {
    let mut disk = Disk::new();
    let messages = written.iter().map(|s| {
        let content = "x".repeat(size);
        Op::Append(MessageView { content, ..disk.ours(user(1), *s) })
    });
    let ops: Vec<_> = messages.collect();
    disk.save(ops);
    disk
}

/// The positions on the page, and how far it has looked.
fn page(disk: &Disk, after: u64, limit: usize, bytes: usize) -> (Vec<u64>, u64) {
    let page = disk.outbox(user(1), after, limit, bytes);
    assert_eq!((page.contact, page.after), (user(1), after));
    assert!(page.messages.iter().all(|message| message.state == Delivery::Queued));
    (page.messages.iter().map(|message| message.s).collect(), page.upto)
}

fn acked(list: &[(u64, u64)]) -> Vec<Op> {
    vec![Op::AddAcked { contact: user(1), s: ranges(list) }]
}

fn failed(list: &[u64]) -> Vec<Op> {
    vec![Op::Fail { contact: user(1), ids: list.iter().map(|s| id(*s)).collect() }]
}

#[test]
fn empty_outbox_has_looked_no_further_than_asked() {
    assert_eq!(page(&disk(&[], 1), 0, 10, 100), (vec![], 0));
    assert_eq!(page(&disk(&[], 1), 7, 10, 100), (vec![], 7));
}

#[test]
fn page_begins_above_its_start_and_ends_at_its_limit() {
    let disk = disk(&[1, 2, 3, 4, 5], 1);
    assert_eq!(page(&disk, 0, 3, 100), (vec![1, 2, 3], 3));
    assert_eq!(page(&disk, 3, 3, 100), (vec![4, 5], 5));
    assert_eq!(page(&disk, 5, 3, 100), (vec![], 5));
    assert_eq!(page(&disk, 9, 3, 100), (vec![], 9));
    assert_eq!(page(&disk, u64::MAX, 3, 100), (vec![], u64::MAX));
}

#[test]
fn page_ends_when_its_bytes_are_reached() {
    let disk = disk(&[1, 2, 3, 4, 5], 10);
    assert_eq!(page(&disk, 0, 9, 20), (vec![1, 2], 2));
    assert_eq!(page(&disk, 0, 9, 21), (vec![1, 2, 3], 3));
    assert_eq!(page(&disk, 0, 9, 0), (vec![1], 1), "one at least");
}

#[test]
fn acknowledged_and_failed_are_left_out() {
    let mut disk = disk(&[1, 2, 3, 4, 5, 6, 7, 8], 1);
    disk.save(acked(&[(1, 2), (4, 4)]));
    disk.save(failed(&[6]));
    assert_eq!(page(&disk, 0, 9, 100), (vec![3, 5, 7, 8], 8));
    assert_eq!(page(&disk, 0, 2, 100), (vec![3, 5], 5));
    disk.save(acked(&[(7, 8)]));
    assert_eq!(page(&disk, 0, 9, 100), (vec![3, 5], 8), "looked to the end");
    disk.save(acked(&[(1, 8)]));
    assert_eq!(page(&disk, 0, 9, 100), (vec![], 8));
}

#[test]
fn positions_never_written_are_gaps() {
    let disk = disk(&[2, 5, 9], 1);
    assert_eq!(page(&disk, 0, 2, 100), (vec![2, 5], 5));
    assert_eq!(page(&disk, 5, 2, 100), (vec![9], 9));
}

#[test]
fn acknowledgement_beyond_what_was_written_harms_nothing() {
    let mut disk = disk(&[1, 2, 3], 1);
    disk.save(acked(&[(3, u64::MAX)]));
    assert_eq!(page(&disk, 0, 9, 100), (vec![1, 2], 3));
}

#[test]
fn theirs_are_not_in_it_and_other_contacts_neither() {
    let mut disk = disk(&[1], 1);
    let other = disk.ours(user(2), 2);
    disk.save(vec![Op::Append(theirs(user(1), 2)), Op::Append(other)]);
    assert_eq!(page(&disk, 0, 9, 100), (vec![1], 1));
}

#[test]
fn question_sees_what_was_submitted_before_it_and_not_after_it() {
    let mut disk = disk(&[1], 1);
    let (second, third) = (disk.ours(user(1), 2), disk.ours(user(1), 3));
    let hold = disk.hold();
    disk.submit(vec![Op::Append(second)]);
    disk.store.load_outbox(user(1), 0, 9, 100);
    disk.submit(vec![Op::Append(third)]);
    drop(hold);
    let batches = [disk.batch(), disk.batch(), disk.batch()];
    let [[_], [StoreAnswer::Outbox { result: Ok(page), .. }], [_]] =
        batches.each_ref().map(Vec::as_slice)
    else {
        panic!("three answers in order, not {batches:?}");
    };
    assert_eq!((page.messages.len(), page.upto), (2, 2));
}

#[test]
fn messages_come_whole() {
    let mut disk = disk(&[], 1);
    let reply = Some(id(4));
    let message = MessageView { kind: MessageKind::Text { reply }, ..disk.ours(user(1), 1) };
    disk.save(vec![Op::Append(message.clone())]);
    assert_eq!(disk.outbox(user(1), 0, 9, 100).messages, [message]);
}

#[test]
fn long_delivered_log_is_skipped_without_reading_it() {
    let all: Vec<u64> = (1..=3_000).collect();
    let mut disk = disk(&all, 1);
    disk.save(acked(&[(1, 2_998)]));
    assert_eq!(page(&disk, 0, 9, 100), (vec![2_999, 3_000], 3_000));
}
