//! Pages of the outbox.

use tincan_engine::store::Op;
use tincan_engine::{Delivery, MessageKind, MessageView};

use crate::compare::{holds, same};
use crate::samples::{id, ranges, theirs, user};
use crate::{Disk, OutboxQuestion, Outcome, Subject};

/// Messages of ours at `written`, of `size` bytes each.
async fn write<S: Subject>(disk: &mut Disk<S>, written: &[u64], size: usize) -> Outcome {
    let message = |s: &u64| MessageView { content: "x".repeat(size), ..disk.ours(user(1), *s) };
    disk.append(written.iter().map(message).collect()).await
}

fn question(after: u64, limit: usize, limit_bytes: usize) -> OutboxQuestion {
    OutboxQuestion { contact: user(1), after, limit, limit_bytes }
}

/// The positions on the page, and how far it has looked.
async fn check<S: Subject>(
    disk: &mut Disk<S>,
    (after, limit, limit_bytes): (u64, usize, usize),
    (positions, upto): (&[u64], u64),
) -> Outcome {
    let page = disk.outbox(question(after, limit, limit_bytes)).await?;
    same((page.contact, page.after), (user(1), after), "the question")?;
    let queued = page.messages.iter().all(|message| message.state == Delivery::Queued);
    holds(queued, "all are queued")?;
    let found: Vec<u64> = page.messages.iter().map(|message| message.s).collect();
    same((found, page.upto), (positions.to_vec(), upto), "positions, and how far")
}

fn acked(list: &[(u64, u64)]) -> Vec<Op> {
    vec![Op::AddAcked { contact: user(1), s: ranges(list) }]
}

fn failed(list: &[u64]) -> Vec<Op> {
    vec![Op::Fail { contact: user(1), ids: list.iter().map(|s| id(*s)).collect() }]
}

pub(crate) async fn empty_outbox_has_looked_no_further_than_asked<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    check(disk, (0, 10, 100), (&[], 0)).await?;
    check(disk, (7, 10, 100), (&[], 7)).await
}

pub(crate) async fn page_begins_above_its_start_and_ends_at_its_limit<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    write(disk, &[1, 2, 3, 4, 5], 1).await?;
    check(disk, (0, 3, 100), (&[1, 2, 3], 3)).await?;
    check(disk, (3, 3, 100), (&[4, 5], 5)).await?;
    check(disk, (5, 3, 100), (&[], 5)).await?;
    check(disk, (9, 3, 100), (&[], 9)).await?;
    check(disk, (u64::MAX, 3, 100), (&[], u64::MAX)).await
}

pub(crate) async fn page_ends_when_its_bytes_are_reached<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    write(disk, &[1, 2, 3, 4, 5], 10).await?;
    check(disk, (0, 9, 20), (&[1, 2], 2)).await?;
    check(disk, (0, 9, 21), (&[1, 2, 3], 3)).await?;
    // One at least.
    check(disk, (0, 9, 0), (&[1], 1)).await
}

pub(crate) async fn acknowledged_and_failed_are_left_out<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    write(disk, &[1, 2, 3, 4, 5, 6, 7, 8], 1).await?;
    disk.save(acked(&[(1, 2), (4, 4)])).await?;
    disk.save(failed(&[6])).await?;
    check(disk, (0, 9, 100), (&[3, 5, 7, 8], 8)).await?;
    check(disk, (0, 2, 100), (&[3, 5], 5)).await?;
    disk.save(acked(&[(7, 8)])).await?;
    check(disk, (0, 9, 100), (&[3, 5], 8)).await?;
    disk.reopen().await?;
    check(disk, (0, 9, 100), (&[3, 5], 8)).await?;
    disk.save(acked(&[(1, 8)])).await?;
    check(disk, (0, 9, 100), (&[], 8)).await
}

pub(crate) async fn positions_never_written_are_gaps<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    write(disk, &[2, 5, 9], 1).await?;
    check(disk, (0, 2, 100), (&[2, 5], 5)).await?;
    check(disk, (5, 2, 100), (&[9], 9)).await
}

pub(crate) async fn positions_written_out_of_order_come_in_order<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    for s in [5, 6, 2, 9, 1, 3, 8] {
        write(disk, &[s], 1).await?;
    }
    check(disk, (0, 9, 100), (&[1, 2, 3, 5, 6, 8, 9], 9)).await?;
    check(disk, (1, 3, 100), (&[2, 3, 5], 5)).await?;
    // Many, so that no store reads all of them at once.
    disk.subject.fresh().await?;
    for first in (1..=800).step_by(80) {
        let odd: Vec<u64> = (first..first + 80).step_by(2).collect();
        write(disk, &odd, 1).await?;
    }
    let even: Vec<u64> = (1..=400).rev().map(|s| 2 * s).collect();
    write(disk, &even, 1).await?;
    let all: Vec<u64> = (1..=800).collect();
    check(disk, (0, 1_000, 1_000), (&all, 800)).await
}

pub(crate) async fn acknowledgement_beyond_what_was_written_harms_nothing<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    write(disk, &[1, 2, 3], 1).await?;
    disk.save(acked(&[(3, u64::MAX)])).await?;
    check(disk, (0, 9, 100), (&[1, 2], 3)).await
}

pub(crate) async fn theirs_are_not_in_it_and_other_contacts_neither<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    write(disk, &[1], 1).await?;
    disk.append(vec![theirs(user(1), 2), disk.ours(user(2), 2)]).await?;
    check(disk, (0, 9, 100), (&[1], 1)).await
}

pub(crate) async fn question_sees_what_was_submitted_before_it_and_not_after_it<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    write(disk, &[1], 1).await?;
    let append = |s| vec![Op::Append(disk.ours(user(1), s))];
    let transactions = vec![append(2), append(3)];
    let page = disk.subject.ask_between(transactions, 1, question(0, 9, 100)).await?;
    same((page.messages.len(), page.upto), (2, 2), "before, and how far")
}

pub(crate) async fn messages_come_whole<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let kind = MessageKind::Text { reply: Some(id(4)) };
    let message = MessageView { kind, ..disk.ours(user(1), 1) };
    disk.append(vec![message.clone()]).await?;
    same(disk.outbox(question(0, 9, 100)).await?.messages, vec![message], "the message")
}

pub(crate) async fn long_delivered_log_is_skipped<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let all: Vec<u64> = (1..=3_000).collect();
    write(disk, &all, 1).await?;
    disk.save(acked(&[(1, 1_000), (1_002, 2_998)])).await?;
    check(disk, (0, 9, 100), (&[1_001, 2_999, 3_000], 3_000)).await
}
