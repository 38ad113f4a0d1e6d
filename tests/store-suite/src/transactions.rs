//! Transactions, groups of them, and what follows from positions.

use tincan_engine::store::{Op, Present, Stored};
use tincan_engine::{Delivery, MessageKind, MessageView};
use tincan_wire::UserId;

use crate::compare::{holds, same};
use crate::samples::{THEIR_LOG, id, lg, ranges, theirs, user};
use crate::{Disk, Outcome, Subject};

/// A transaction that no store can hold: its number is too large.
fn impossible(contact: UserId) -> Vec<Op> {
    let mut message = theirs(contact, 9);
    message.s = u64::MAX;
    vec![Op::Append(theirs(contact, 8)), Op::Append(message)]
}

pub(crate) async fn what_waits_together_is_answered_in_order<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let transactions = (1..=100).map(|s| vec![Op::Append(theirs(user(1), s))]).collect();
    let results = disk.run_together(transactions).await?;
    holds(results.iter().all(Result::is_ok), "all are written")?;
    same(disk.history(user(1)).await?.len(), 100, "messages")
}

pub(crate) async fn failed_transaction_fails_alone_and_whole<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let have = |s| Op::AddHave { contact: user(1), lg: lg(THEIR_LOG), s: ranges(&[(s, s)]) };
    let results = disk
        .run_together(vec![
            vec![Op::Append(theirs(user(1), 1)), have(1)],
            [vec![have(7)], impossible(user(1))].concat(),
            vec![Op::Append(theirs(user(1), 2)), have(2)],
            impossible(user(2)),
            vec![Op::Append(theirs(user(2), 3))],
        ])
        .await?;
    let written: Vec<bool> = results.iter().map(Result::is_ok).collect();
    same(written, vec![true, false, true, false, true], "written")?;
    let reason = results.into_iter().find_map(Result::err).map(|failure| failure.0);
    let reason = reason.unwrap_or_default();
    holds(reason.contains("the position of a message is too large"), &reason)?;
    disk.reopen().await?;
    let positions = |history: Vec<MessageView>| -> Vec<u64> {
        history.iter().map(|message| message.s).collect()
    };
    same(positions(disk.history(user(1)).await?), vec![1, 2], "the first conversation")?;
    same(positions(disk.history(user(2)).await?), vec![3], "the second conversation")?;
    let first = disk.snapshot().conversations.iter().find(|found| found.contact == user(1));
    let have = first.and_then(|found| found.logs.first()).map(|log| log.have.clone());
    same(have, Some(ranges(&[(1, 2)])), "positions held")
}

pub(crate) async fn transaction_that_fails_by_itself_leaves_nothing<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    holds(disk.run(impossible(user(1))).await?.is_err(), "it is refused")?;
    holds(disk.history(user(1)).await?.is_empty(), "nothing of it is there")?;
    disk.append(vec![theirs(user(1), 8)]).await?;
    disk.reopen().await?;
    let logs = disk.snapshot().conversations.first().map(|found| found.logs.clone());
    let have: Vec<_> = logs.unwrap_or_default().into_iter().map(|log| log.have).collect();
    same(have, vec![ranges(&[])], "positions held")
}

fn present(number: u64, same: bool) -> Present {
    Present { contact: user(1), id: id(number), same }
}

pub(crate) async fn repeated_append_is_reported_with_whether_it_is_the_same<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let (first, other) = (theirs(user(1), 1), theirs(user(2), 1));
    disk.append(vec![first.clone(), other]).await?;
    let mut moved = first.clone();
    (moved.s, moved.h, moved.timestamp) = (5, 6, 7);
    let mut reworded = first.clone();
    reworded.content.push('!');
    let mut rekinded = first.clone();
    rekinded.kind = MessageKind::Delete { target: id(9) };
    let mut ours = first.clone();
    ours.outgoing = true;
    ours.lg = disk.snapshot().lg;
    for (again, reported) in [
        (first.clone(), Some(present(1, true))),
        (moved, Some(present(1, true))),
        (reworded, Some(present(1, false))),
        (rekinded, Some(present(1, false))),
        // The other direction is another message.
        (ours, None),
    ] {
        let stored = disk.done(vec![Op::Append(again)]).await?;
        same(stored.present, reported.into_iter().collect::<Vec<_>>(), "reported")?;
    }
    let history = disk.history(user(1)).await?;
    let theirs: Vec<_> = history.into_iter().filter(|message| !message.outgoing).collect();
    same(theirs, vec![first], "the first stays")
}

pub(crate) async fn repetition_is_found_after_a_restart_and_among_many<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    // Many of one millisecond, and some out of order.
    let message = |s: u64| {
        let mut random = [0; 10];
        random[8..].copy_from_slice(&(s as u16).to_be_bytes());
        let time = if s.is_multiple_of(10) { 3_000 - s } else { 1_000 + s / 50 };
        let id = tincan_wire::MessageId::new(time, random);
        MessageView { id, ..theirs(user(1), s) }
    };
    for from in (1..=1_500).step_by(100) {
        disk.append((from..from + 100).map(message).collect()).await?;
    }
    for _ in 0..2 {
        let again: Vec<u64> = (1..=1_500).step_by(7).collect();
        let ops = again.iter().map(|s| Op::Append(message(*s))).collect();
        let stored = disk.done(ops).await?;
        let expected: Vec<_> = (again.iter())
            .map(|s| Present { contact: user(1), id: message(*s).id, same: true })
            .collect();
        same(stored.present, expected, "known")?;
        disk.reopen().await?;
    }
    disk.append(vec![message(1_501), message(1_510)]).await
}

pub(crate) async fn repetition_within_a_group_is_found<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let append = || vec![Op::Append(theirs(user(1), 1))];
    let results = disk.run_together(vec![append(), append()]).await?;
    let stored = Stored { present: vec![present(1, true)] };
    same(results, vec![Ok(Stored::default()), Ok(stored)], "the second is known")
}

pub(crate) async fn stored_message_can_be_read_at_once<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    for s in 1..=50 {
        disk.append(vec![theirs(user(1), s)]).await?;
        same(disk.history(user(1)).await?.len() as u64, s, "messages")?;
    }
    Ok(())
}

pub(crate) async fn everything_submitted_before_the_close_is_durable_and_nothing_after_it<
    S: Subject,
>(
    disk: &mut Disk<S>,
) -> Outcome {
    let append = |s| vec![Op::Append(theirs(user(1), s))];
    let results = disk.subject.close_under((1..=200).map(append).collect(), append(201)).await?;
    let written = results.iter().take_while(|result| result.is_ok()).count();
    same((written, results.len()), (200, 201), "written, answered")?;
    disk.reopen().await?;
    same(disk.history(user(1)).await?.len(), 200, "messages")
}

async fn check_states<S: Subject>(disk: &mut Disk<S>, states: &[Delivery], when: &str) -> Outcome {
    let history = disk.history(user(1)).await?;
    same(history.iter().map(|message| message.state).collect::<Vec<_>>(), states, when)
}

pub(crate) async fn state_follows_from_positions<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    use Delivery::{Delivered, Failed, Queued, Read};
    let contact = user(1);
    disk.append((1..=5).map(|s| disk.ours(contact, s)).collect()).await?;
    check_states(disk, &[Queued, Queued, Queued, Queued, Queued], "written").await?;
    disk.save(vec![Op::AddAcked { contact, s: ranges(&[(1, 2), (4, 4)]) }]).await?;
    check_states(disk, &[Delivered, Delivered, Queued, Delivered, Queued], "acked").await?;
    disk.save(vec![Op::SavePeerRead { contact, to: 3 }]).await?;
    // Position 3 was never acknowledged, whatever they say that they have read.
    check_states(disk, &[Read, Read, Queued, Delivered, Queued], "read").await?;
    disk.save(vec![Op::Fail { contact, ids: vec![id(3), id(99)] }]).await?;
    check_states(disk, &[Read, Read, Failed, Delivered, Queued], "failed").await?;
    // The position is acknowledged as a gap; the message has failed all the same.
    disk.save(vec![Op::AddAcked { contact, s: ranges(&[(3, 3)]) }]).await?;
    check_states(disk, &[Read, Read, Failed, Delivered, Queued], "acked as a gap").await?;
    disk.reopen().await?;
    check_states(disk, &[Read, Read, Failed, Delivered, Queued], "after a restart").await
}

pub(crate) async fn state_of_theirs_follows_from_what_was_shown<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    disk.append((1..=3).map(|s| theirs(contact, s)).collect()).await?;
    disk.save(vec![Op::SaveRead { contact, lg: lg(THEIR_LOG), to: 2 }]).await?;
    check_states(disk, &[Delivery::Read, Delivery::Read, Delivery::Delivered], "shown").await
}

pub(crate) async fn message_can_fail_in_the_transaction_that_writes_it<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    let (first, second) = (disk.ours(contact, 1), disk.ours(contact, 2));
    let fail = Op::Fail { contact, ids: vec![id(1)] };
    disk.save(vec![Op::Append(first), Op::Append(second), fail]).await?;
    check_states(disk, &[Delivery::Failed, Delivery::Queued], "both").await
}
