//! Histories, single messages and summaries.

use tincan_engine::query::MAX_PAGE;
use tincan_engine::store::Op;
use tincan_engine::{Cursor, Delivery, MessageView, Query, Summary};

use crate::compare::{holds, same};
use crate::random::Random;
use crate::samples::{OTHER_LOG, THEIR_LOG, id, lg, ranges, theirs, user};
use crate::{Disk, Outcome, Refusal, Subject};

/// Most bytes of content in one page.
const MAX_PAGE_BYTES: usize = 1 << 20;

pub(crate) async fn unknown_contact_has_no_history<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    holds(disk.history(user(1)).await?.is_empty(), "no messages")
}

pub(crate) async fn order_is_by_place_then_sender_then_id<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    // Among these are contacts below us and above us.
    for contact in (1..=8).map(user) {
        let mut all = Vec::new();
        for (s, h) in [(1, 5), (2, 5), (3, 4), (4, 6), (5, 5)] {
            all.push(MessageView { h, ..disk.ours(contact, s) });
            all.push(MessageView { h, ..theirs(contact, s) });
        }
        disk.append(all.clone()).await?;
        let me = disk.me();
        all.sort_by_key(|m| (m.h, if m.outgoing { me } else { contact }, m.id));
        same(disk.history(contact).await?, all.clone(), "whole")?;
        for limit in 1..=11 {
            let mut paged = disk.pages(contact, limit).await?;
            holds(paged.iter().all(|page| page.len() <= limit), "no page is too long")?;
            paged.reverse();
            same(paged.concat(), all.clone(), "in pages")?;
        }
    }
    Ok(())
}

pub(crate) async fn order_does_not_depend_on_the_order_of_arrival<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    let mut random = Random::new(7);
    let mut all: Vec<MessageView> = (1..=120)
        .flat_map(|s| [disk.ours(contact, s), MessageView { h: 970 + s, ..theirs(contact, s) }])
        .collect();
    let mut arriving = all.clone();
    random.shuffle(&mut arriving);
    while !arriving.is_empty() {
        let count = arriving.len().min(1 + random.below(9) as usize);
        disk.append(arriving.drain(..count).collect()).await?;
    }
    let me = disk.me();
    all.sort_by_key(|m| (m.h, if m.outgoing { me } else { contact }, m.id));
    same(disk.history(contact).await?, all.clone(), "whole")?;
    for limit in [1, 7, 50] {
        let mut paged = disk.pages(contact, limit).await?;
        paged.reverse();
        same(paged.concat(), all.clone(), "in pages")?;
    }
    Ok(())
}

pub(crate) async fn more_is_told_exactly<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    disk.append((1..=4).map(|s| theirs(user(1), s)).collect()).await?;
    for (limit, expected, more) in
        [(3, vec![2, 3, 4], true), (4, vec![1, 2, 3, 4], false), (5, vec![1, 2, 3, 4], false)]
    {
        let query = Query::History { contact: user(1), before: None, limit };
        let (page, found_more) = disk.messages(query).await?;
        let positions: Vec<_> = page.iter().map(|message| message.s).collect();
        same((positions, found_more), (expected, more), "a page")?;
    }
    Ok(())
}

pub(crate) async fn cursor_need_not_be_a_message<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    disk.append((1..=4).map(|s| theirs(user(1), s)).collect()).await?;
    for (h, count) in [(0, 0), (1_000, 0), (1_003, 2), (u64::MAX, 4)] {
        let before = Some(Cursor { h, outgoing: false, id: id(0) });
        let query = Query::History { contact: user(1), before, limit: 9 };
        same(disk.messages(query).await?.0.len(), count, "messages before it")?;
    }
    Ok(())
}

pub(crate) async fn page_ends_early_when_it_would_be_too_large<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let size = MAX_PAGE_BYTES / 10;
    for s in 1..=25 {
        let content = "x".repeat(size);
        disk.append(vec![MessageView { content, ..theirs(user(1), s) }]).await?;
    }
    let paged = disk.pages(user(1), 1_000).await?;
    same(paged.iter().map(Vec::len).collect::<Vec<_>>(), vec![10, 10, 5], "lengths of pages")
}

pub(crate) async fn limit_has_bounds<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    for limit in [0, MAX_PAGE + 1, usize::MAX] {
        let history = Query::History { contact: user(1), before: None, limit };
        same(disk.query(history).await, Err(Refusal::Limit), "a history")?;
        let search = Query::Search { text: "x".to_owned(), contact: None, limit };
        same(disk.query(search).await, Err(Refusal::Limit), "a search")?;
    }
    let history = Query::History { contact: user(1), before: None, limit: MAX_PAGE };
    holds(disk.query(history).await.is_ok(), "the highest limit")
}

pub(crate) async fn one_message_is_found_by_its_id_in_its_conversation<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    disk.append(vec![theirs(user(1), 1), theirs(user(2), 1)]).await?;
    // Of the same id, in the other direction; one that came out of order; and one in a run.
    let ours = disk.ours(user(2), 1);
    disk.append(vec![ours.clone()]).await?;
    disk.append((50..=60).map(|s| theirs(user(2), s)).collect()).await?;
    disk.append(vec![theirs(user(2), 40)]).await?;
    for (contact, number, mut expected) in [
        (user(1), 1, vec![theirs(user(1), 1)]),
        (user(2), 1, vec![theirs(user(2), 1), ours]),
        (user(2), 40, vec![theirs(user(2), 40)]),
        (user(2), 55, vec![theirs(user(2), 55)]),
        (user(1), 2, vec![]),
        (user(3), 1, vec![]),
    ] {
        let me = disk.me();
        expected.sort_by_key(|m| (m.h, if m.outgoing { me } else { contact }));
        let found = disk.messages(Query::Message { contact, id: id(number) }).await?;
        same(found, (expected, false), "one message")?;
    }
    Ok(())
}

pub(crate) async fn summaries_have_unread_and_last_in_the_order_of_ids<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    same(disk.summaries().await?, vec![], "nobody")?;
    let (first, second, third) = (user(1), user(2), user(3));
    let ours = disk.ours(first, 50);
    disk.append((1..=5).map(|s| theirs(first, s)).collect()).await?;
    disk.save(vec![
        Op::Append(ours.clone()),
        // A second log of theirs, of which nothing was shown.
        Op::Append(MessageView { id: id(90), lg: lg(OTHER_LOG), h: 3, ..theirs(first, 1) }),
        Op::SaveRead { contact: first, lg: lg(THEIR_LOG), to: 3 },
        Op::Append(theirs(second, 1)),
        Op::SaveRead { contact: second, lg: lg(THEIR_LOG), to: 1 },
        // A conversation of positions only.
        Op::AddHave { contact: third, lg: lg(THEIR_LOG), s: ranges(&[(1, 1)]) },
    ])
    .await?;
    let read = MessageView { state: Delivery::Read, ..theirs(second, 1) };
    let mut summaries = vec![
        Summary { contact: first, unread: 3, last: Some(ours) },
        Summary { contact: second, unread: 0, last: Some(read) },
        Summary { contact: third, unread: 0, last: None },
    ];
    summaries.sort_by_key(|summary| summary.contact);
    same(disk.summaries().await?, summaries.clone(), "at once")?;
    disk.reopen().await?;
    same(disk.summaries().await?, summaries, "after a restart")
}

pub(crate) async fn unread_counts_what_is_above_the_position_read<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    let read = |to| vec![Op::SaveRead { contact, lg: lg(THEIR_LOG), to }];
    let unread = async |disk: &mut Disk<S>| {
        Ok::<_, String>(disk.summaries().await?.first().map(|summary| summary.unread))
    };
    // With a gap; the position read may be in it, or beyond all that came.
    disk.append([1, 2, 3, 7, 8].map(|s| theirs(contact, s)).to_vec()).await?;
    same(unread(disk).await?, Some(5), "nothing is read")?;
    disk.save(read(2)).await?;
    same(unread(disk).await?, Some(3), "two are read")?;
    disk.save(read(5)).await?;
    same(unread(disk).await?, Some(2), "read into the gap")?;
    disk.append([4, 6].map(|s| theirs(contact, s)).to_vec()).await?;
    same(unread(disk).await?, Some(3), "one below and one above has come")?;
    // A position that two messages have, as no writer in its right mind makes them.
    disk.append(vec![MessageView { id: id(70), h: 2_000, ..theirs(contact, 7) }]).await?;
    same(unread(disk).await?, Some(4), "two of one position")?;
    disk.append(vec![disk.ours(contact, 1)]).await?;
    same(unread(disk).await?, Some(4), "ours don't count")?;
    disk.save(read(7)).await?;
    same(unread(disk).await?, Some(1), "both are read")?;
    disk.save(read(20)).await?;
    disk.append(vec![theirs(contact, 15)]).await?;
    same(unread(disk).await?, Some(0), "read before it came")?;
    disk.append(vec![theirs(contact, 21)]).await?;
    disk.reopen().await?;
    same(unread(disk).await?, Some(1), "after a restart")
}
