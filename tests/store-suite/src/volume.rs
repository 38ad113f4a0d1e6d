//! Many messages.

use tincan_engine::store::Op;
use tincan_engine::{Cursor, MessageView, Query};
use tincan_wire::MessageId;

use crate::compare::same;
use crate::random::Random;
use crate::samples::{THEIR_LOG, id, lg, ranges, theirs, user};
use crate::{Disk, OutboxQuestion, Outcome, Subject};

const MANY: u64 = 10_000;

pub(crate) async fn ten_thousand_messages_are_paged_whole<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    // Both talk; each commit has what a busy moment has.
    for from in (1..=MANY / 2).step_by(250) {
        let mut transactions = Vec::new();
        for first in (from..from + 250).step_by(25) {
            let ours: Vec<Op> = (first..first + 25)
                .map(|s| Op::Append(MessageView { h: 2 * s, ..disk.ours(contact, s) }))
                .collect();
            let theirs = (first..first + 25)
                .map(|s| Op::Append(MessageView { h: 2 * s + 1, ..theirs(contact, s) }));
            let have =
                Op::AddHave { contact, lg: lg(THEIR_LOG), s: ranges(&[(first, first + 24)]) };
            transactions.extend([ours, theirs.chain([have]).collect()]);
        }
        for result in disk.run_together(transactions).await? {
            result.map_err(|failure| failure.0)?;
        }
    }
    disk.reopen().await?;
    let mut paged = disk.pages(contact, 999).await?;
    paged.reverse();
    let paged = paged.concat();
    same(paged.len() as u64, MANY, "messages")?;
    let places: Vec<u64> = paged.iter().map(|message| message.h).collect();
    same(places, (2..MANY + 2).collect::<Vec<u64>>(), "in order")?;
    let middle = Cursor { h: MANY / 2, outgoing: true, id: id(0) };
    let query = Query::History { contact, before: Some(middle), limit: 50 };
    let (page, more) = disk.messages(query).await?;
    let places: Vec<u64> = page.iter().map(|message| message.h).collect();
    same((places, more), ((MANY / 2 - 50..MANY / 2).collect(), true), "from the middle")?;
    let unread = disk.summaries().await?.first().map(|summary| summary.unread);
    same(unread, Some(MANY / 2), "unread")?;
    let question = OutboxQuestion { contact, after: 4_000, limit: 2_000, limit_bytes: 1 << 30 };
    let page = disk.outbox(question).await?;
    let positions: Vec<u64> = page.messages.iter().map(|message| message.s).collect();
    same((positions, page.upto), ((4_001..=5_000).collect(), 5_000), "the outbox")
}

pub(crate) async fn messages_out_of_order_are_all_there<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let contact = user(1);
    let mut random = Random::new(11);
    let mut order: Vec<u64> = (1..=1_500).collect();
    random.shuffle(&mut order);
    for some in order.chunks(100) {
        disk.append(some.iter().map(|s| theirs(contact, *s)).collect()).await?;
    }
    let mut paged = disk.pages(contact, 333).await?;
    paged.reverse();
    let positions: Vec<u64> = paged.concat().iter().map(|message| message.s).collect();
    same(positions, (1..=1_500).collect::<Vec<u64>>(), "in order")?;
    let again = order.iter().take(50).map(|s| Op::Append(theirs(contact, *s))).collect();
    same(disk.done(again).await?.present.len(), 50, "known")
}

pub(crate) async fn hostile_places_and_ids_cost_nothing_but_themselves<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    let last = (1_u64 << 53) - (1 << 32);
    let mut random = Random::new(13);
    let mut all = Vec::new();
    for s in 1..=400_u64 {
        // From one end of time to the other, and all ids of a few moments.
        let h = match s % 4 {
            0 => s,
            1 => last - s,
            2 => last / 2 + random.below(1_000_000),
            _ => 5_000,
        };
        let time = [0, (1 << 48) - 1, 7][(s % 3) as usize];
        let message =
            MessageView { h, id: MessageId::new(time, random.bytes()), ..theirs(contact, s) };
        all.push(message);
    }
    for some in all.chunks(37) {
        disk.append(some.to_vec()).await?;
    }
    disk.reopen().await?;
    all.sort_by_key(|message| (message.h, message.id));
    let mut paged = disk.pages(contact, 61).await?;
    paged.reverse();
    same(paged.concat(), all.clone(), "in order")?;
    for message in all.iter().step_by(17) {
        let found = disk.messages(Query::Message { contact, id: message.id }).await?;
        same(found, (vec![message.clone()], false), "by its id")?;
    }
    same(disk.done(all.into_iter().map(Op::Append).collect()).await?.present.len(), 400, "known")
}

pub(crate) async fn ids_of_one_millisecond_in_many_commits_are_found<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    let mut random = Random::new(17);
    let mut all = Vec::new();
    for s in 1..=120 {
        let time = if s <= 20 { 5 } else { 6 + s / 40 };
        all.push(MessageView { id: MessageId::new(time, random.bytes()), ..theirs(contact, s) });
    }
    for some in all.chunks(3) {
        disk.append(some.to_vec()).await?;
    }
    disk.reopen().await?;
    for message in &all {
        let found = disk.messages(Query::Message { contact, id: message.id }).await?;
        same(found, (vec![message.clone()], false), "by its id")?;
    }
    let again: Vec<Op> = all.iter().cloned().map(Op::Append).collect();
    same(disk.done(again).await?.present.len(), all.len(), "known")?;
    same(disk.history(contact).await?, all, "each once")
}
