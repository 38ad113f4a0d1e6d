//! Backups: read whole while the store goes on, and taken in once, however often.

use tincan_backup::{Installation, Record};
use tincan_engine::store::{Op, TransactionId};
use tincan_engine::{Answer, Contact, ContactStatus, Delivery, MessageView, Query, Time};
use tincan_store_suite::Outcome;
use tincan_wire::{DisplayName, Identity, Ranges, UserId};

use super::faults::{Case, Tab, holds, message};
use crate::store::{RestoreError, Restored};

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// The cases.
        pub(super) const CASES: &[(&str, Case)] =
            &[$((concat!("transfer::", stringify!($name)), || Box::pin($name()))),+];
    };
}

cases![
    moment_has_every_message_in_the_order_of_writing_and_none_that_came_later,
    restored_store_is_the_same_but_for_its_log,
    restore_into_the_same_identity_adds_what_is_missing,
    restore_over_another_identity_in_use_is_refused,
];

fn user(seed: u8) -> UserId {
    Identity::from_seed([seed; 32]).user_id()
}

fn contact(seed: u8) -> Contact {
    Contact {
        id: user(seed),
        status: ContactStatus::Accepted,
        name: DisplayName::clean("someone"),
        nickname: None,
        verified: seed == 9,
        prekey: None,
        token: None,
        asked: None,
        read_receipts: None,
        relay_only: None,
        added: Time::from_millis(5),
    }
}

/// A tab with two conversations, in many commits: theirs up to 2,000 with some out of order, and
/// five of ours, of which two are delivered and one has failed.
async fn full() -> Result<(Tab, Vec<MessageView>), String> {
    let tab = Tab::new().await?;
    let lg = tab.snapshot.lg;
    let mut ops = vec![Op::SaveContact(contact(8)), Op::SaveContact(contact(9))];
    ops.push(Op::SaveName(DisplayName::clean("me")));
    ops.push(Op::SaveEpoch(4));
    submit(&tab, ops).await?;
    let mut all = Vec::new();
    for from in (1..2_000).step_by(40) {
        let some: Vec<MessageView> = (from..from + 40)
            .map(|s| MessageView {
                contact: user(8 + (s % 2) as u8),
                h: if s % 50 == 0 { 5_000 - s } else { s },
                ..message(s)
            })
            .collect();
        submit(&tab, some.iter().cloned().map(Op::Append).collect()).await?;
        all.extend(some);
    }
    for s in 1..=5 {
        let ours = MessageView { outgoing: true, lg, h: 9_000 + s, ..message(s) };
        submit(&tab, vec![Op::Append(ours.clone())]).await?;
        all.push(ours);
    }
    let id = message(4).id;
    submit(
        &tab,
        vec![
            Op::AddAcked { contact: user(9), s: Ranges::from_range(1, 2) },
            Op::Fail { contact: user(9), ids: vec![id] },
            Op::SaveRead { contact: user(9), lg: message(1).lg, to: 1_000 },
        ],
    )
    .await?;
    Ok((tab, all))
}

async fn submit(tab: &Tab, ops: Vec<Op>) -> Outcome {
    tab.store.submit(TransactionId(0), ops);
    match tab.answers.next(1).await.pop() {
        Some(crate::store::StoreAnswer::Stored { result: Ok(_), .. }) => Ok(()),
        other => Err(format!("an answer, not {other:?}")),
    }
}

async fn records(tab: &Tab) -> Result<Vec<Record>, String> {
    let mut moment = tab.store.moment().await.map_err(|failure| failure.0)?;
    let is_ours = moment.snapshot.seed == tab.snapshot.seed && moment.snapshot.epoch == 4;
    holds(is_ours, "who we are")?;
    let (mut records, mut late) = (Vec::new(), 10_000);
    loop {
        let some = moment.next().await.map_err(|failure| failure.0)?;
        if some.is_empty() {
            return Ok(records);
        }
        records.extend(some);
        // The store goes on meanwhile.
        tab.append(late).await?;
        late += 1;
    }
}

fn messages(records: &[Record]) -> Vec<MessageView> {
    let message = |record: &Record| match record {
        Record::Message(message) => Some(message.clone()),
        _ => None,
    };
    records.iter().filter_map(message).collect()
}

fn installation(tab: &Tab) -> Installation {
    Installation {
        seed: tab.snapshot.seed,
        name: DisplayName::clean("me"),
        epoch: 4,
        made: Time::from_millis(1),
        hub: None,
        brokers: Vec::new(),
    }
}

async fn history(tab: &Tab, contact: UserId) -> Result<Vec<MessageView>, String> {
    let (mut before, mut all) = (None, Vec::new());
    loop {
        let query = Query::History { contact, before, limit: 1_000 };
        match tab.store.reader().query(&query).await {
            Ok(Answer::Messages { messages, more }) => {
                before = messages.first().map(|message| tincan_engine::Cursor {
                    h: message.h,
                    outgoing: message.outgoing,
                    id: message.id,
                });
                all = [messages, all].concat();
                if !more {
                    return Ok(all);
                }
            }
            other => return Err(format!("messages, not {other:?}")),
        }
    }
}

async fn take(tab: &Tab, first: &Installation, records: &[Record]) -> Result<Restored, String> {
    let settings = [("hub", "there".to_owned())];
    let restore = tab.store.restore(first, &settings, Time::from_millis(2)).await;
    let mut restore = restore.map_err(|error| format!("{error:?}"))?;
    for some in records.chunks(700) {
        restore.take(some.to_vec()).await.map_err(|failure| failure.0)?;
    }
    Ok(restore.finish())
}

async fn moment_has_every_message_in_the_order_of_writing_and_none_that_came_later() -> Outcome {
    let (tab, all) = full().await?;
    let records = records(&tab).await?;
    let found = messages(&records);
    let names = |list: &[MessageView]| -> Vec<_> {
        list.iter().map(|message| (message.contact, message.outgoing, message.id)).collect()
    };
    holds(names(&found) == names(&all), "all messages, in order")?;
    let states: Vec<_> = found.iter().skip(2_000).map(|message| message.state).collect();
    use Delivery::{Delivered, Failed, Queued};
    holds(states == [Delivered, Delivered, Queued, Failed, Queued], format!("{states:?}"))?;
    let is_log = |record: &&Record| matches!(record, Record::Log(_));
    let is_person = |record: &&Record| matches!(record, Record::Contact(_));
    let counts = (records.iter().filter(is_log).count(), records.iter().filter(is_person).count());
    holds(counts == (3, 2), format!("logs and people: {counts:?}"))?;
    tab.end().await;
    Ok(())
}

async fn restored_store_is_the_same_but_for_its_log() -> Outcome {
    let (tab, all) = full().await?;
    let (first, records) = (installation(&tab), records(&tab).await?);
    let new = Tab::new().await?;
    let restored = take(&new, &first, &records).await?;
    let expected = Restored {
        merged: false,
        contacts: 2,
        messages: all.len() as u64,
        waiting: 2,
        ..Restored::default()
    };
    holds(restored == expected, format!("{restored:?}"))?;
    new.store.close();
    let name = new.name.clone();
    let new = Tab::open(&name).await.map_err(|error| error.to_string())?;
    let (old, now) = (&tab.snapshot, &new.snapshot);
    let is_another = old.dev != now.dev && old.lg != now.lg && old.seed == now.seed;
    holds(is_another && now.epoch == 4 && now.name.as_str() == "me", "another installation")?;
    holds(new.store.setting("hub").as_deref() == Some("there"), "the setting")?;
    for seed in [8, 9] {
        let mut expected = history(&tab, user(seed)).await?;
        expected.retain(|message| message.s < 10_000);
        // What waits to be sent goes into the new log, from its beginning.
        let waiting = expected.iter_mut().filter(|message| message.state == Delivery::Queued);
        for (s, message) in (1..).zip(waiting) {
            (message.lg, message.s) = (now.lg, s);
        }
        let found = history(&new, user(seed)).await?;
        holds(found == expected, format!("the history of {seed}"))?;
    }
    tab.end().await;
    new.end().await;
    Ok(())
}

async fn restore_into_the_same_identity_adds_what_is_missing() -> Outcome {
    let (tab, all) = full().await?;
    let (first, records) = (installation(&tab), records(&tab).await?);
    let known = take(&tab, &first, &records).await?;
    let expected = Restored { merged: true, known: all.len() as u64, ..Restored::default() };
    holds(known == expected, format!("nothing is new: {known:?}"))?;
    let new = Tab::new().await?;
    // Broken off in the middle, then done again.
    let half = records.get(..records.len() / 2).unwrap_or_default();
    take(&new, &first, half).await?;
    let rest = take(&new, &first, &records).await?;
    let count = rest.known + rest.messages;
    holds(rest.merged && count == all.len() as u64 && rest.conflicts == 0, format!("{rest:?}"))?;
    let again = take(&new, &first, &records).await?;
    holds(again.messages == 0 && again.contacts == 0, format!("{again:?}"))?;
    tab.end().await;
    new.end().await;
    Ok(())
}

async fn restore_over_another_identity_in_use_is_refused() -> Outcome {
    let (tab, new) = (full().await?.0, Tab::new().await?);
    new.append(1).await?;
    let refused = new.store.restore(&installation(&tab), &[], Time::from_millis(2)).await.err();
    let is_other = matches!(refused, Some(RestoreError::OtherIdentity { ours, theirs })
        if ours == Identity::from_seed(new.snapshot.seed).user_id()
            && theirs == Identity::from_seed(tab.snapshot.seed).user_id());
    holds(is_other, "it is refused")?;
    holds(history(&new, user(9)).await?.len() == 1, "nothing has changed")?;
    tab.end().await;
    new.end().await;
    Ok(())
}
