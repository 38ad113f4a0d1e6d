//! The store against a model of it in memory, under random operations in random groups.

mod reference;

use tincan_engine::store::{IssuedInvite, Op, Replay, Request, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, MessageKind, MessageView, Time};
use tincan_wire::{
    DeviceId, DisplayName, InviteToken, Leaf, LogId, PrekeyId, PrekeyPublic, Ranges, UserId,
};

use crate::compare::same;
use crate::random::Random;
use crate::samples::{id, lg, message, ranges, user};
use crate::{Disk, OutboxQuestion, Outcome, Subject};
use reference::Model;

/// Worlds that are played. Each begins with an empty store.
const WORLDS: u64 = 40;

const CONTACTS: u64 = 3;

fn any_user(random: &mut Random) -> UserId {
    user(1 + random.below(CONTACTS) as u8)
}

fn any_log(random: &mut Random) -> LogId {
    lg(if random.flag() { "aaaaaaaa" } else { "bbbbbbbb" })
}

fn any_ranges(random: &mut Random) -> Ranges {
    let list = random.list(4, |random| {
        let first = 1 + random.below(19);
        (first, first + random.below(5))
    });
    ranges(&list)
}

fn any_time(random: &mut Random) -> Time {
    Time::from_millis(random.below(1 << 53))
}

fn any_name(random: &mut Random) -> DisplayName {
    let letters = ['a', 'Z', 'é', '好', '🎈', ' ', '\u{202e}'];
    let text = random.list(10, |random| letters[random.below(letters.len() as u64) as usize]);
    DisplayName::clean(&text.into_iter().collect::<String>())
}

fn any_prekey(random: &mut Random) -> PrekeyPublic {
    PrekeyPublic { id: PrekeyId(random.bytes()), key: random.bytes() }
}

fn any_contact(random: &mut Random) -> Contact {
    let statuses = [
        ContactStatus::Requested,
        ContactStatus::Accepted,
        ContactStatus::Declined,
        ContactStatus::Blocked,
    ];
    Contact {
        id: any_user(random),
        status: statuses[random.below(4) as usize],
        name: any_name(random),
        nickname: random.maybe(any_name),
        verified: random.flag(),
        prekey: random.maybe(|random| (any_prekey(random), any_time(random))),
        token: random.maybe(|random| InviteToken(random.bytes())),
        asked: random.maybe(any_time),
        read_receipts: random.maybe(Random::flag),
        relay_only: random.maybe(Random::flag),
        added: any_time(random),
    }
}

fn any_message(random: &mut Random, own: LogId) -> MessageView {
    let kind = match random.below(7) {
        0 => MessageKind::Text { reply: Some(id(1)) },
        1 => MessageKind::Edit { target: id(1) },
        2 => MessageKind::Delete { target: id(1) },
        3 => MessageKind::React { target: id(1) },
        _ => MessageKind::Text { reply: None },
    };
    let (contact, outgoing, s) = (any_user(random), random.flag(), 1 + random.below(11));
    let lg = if outgoing { own } else { any_log(random) };
    let h = if random.below(21) == 0 { u64::MAX } else { 1 + random.below(11) };
    let letters = ['a', 'b', 'c', 'é', '好', ' '];
    let content = random.list(6, |random| letters[random.below(6) as usize]).into_iter().collect();
    // One position, one message, as the engine has it; theirs may be inconsistent.
    let id = id(if outgoing { 100 + s } else { s });
    MessageView { id, h, kind, content, ..message(contact, outgoing, lg, s) }
}

fn any_op(random: &mut Random, own: LogId) -> Op {
    match random.below(35) {
        0 => Op::SaveEpoch(random.below(9)),
        1 => Op::SaveName(any_name(random)),
        2 | 3 => Op::SaveContact(any_contact(random)),
        4 => Op::SaveRequest(Request {
            from: any_user(random),
            name: any_name(random),
            pk: any_prekey(random),
            at: any_time(random),
            declined: random.flag(),
        }),
        5 => Op::RemoveRequest(any_user(random)),
        6 => Op::SaveInvite(IssuedInvite {
            token: InviteToken([random.below(3) as u8; 16]),
            uses: random.number() as u32,
            expiry: any_time(random),
        }),
        7 => Op::RemoveInvite(InviteToken([random.below(3) as u8; 16])),
        8 => {
            let id = PrekeyId([random.below(3) as u8; 4]);
            let mut bytes: [u8; 36] = random.bytes();
            bytes[..4].copy_from_slice(&id.0);
            Op::SavePrekey(StoredPrekey { id, bytes, made: any_time(random) })
        }
        9 => Op::RemovePrekey(PrekeyId([random.below(3) as u8; 4])),
        10 if random.below(4) == 0 => {
            Op::RemoveReplays { from: any_user(random), upto: random.below(4) }
        }
        10 | 11 => Op::SaveReplay(Replay {
            from: any_user(random),
            dev: DeviceId([random.below(2) as u8; 8]),
            leaf: Leaf::ALL[random.below(3) as usize],
            ep: random.below(4),
            seq: random.below(4),
        }),
        12..=14 => {
            let (contact, lg) = (any_user(random), any_log(random));
            Op::AddHave { contact, lg, s: any_ranges(random) }
        }
        15..=17 => Op::AddAcked { contact: any_user(random), s: any_ranges(random) },
        18 | 19 => Op::SavePeerRead { contact: any_user(random), to: random.below(20) },
        20 | 21 => {
            let (contact, lg) = (any_user(random), any_log(random));
            Op::SaveRead { contact, lg, to: random.below(20) }
        }
        22 => {
            let contact = any_user(random);
            Op::Fail { contact, ids: random.list(3, |random| id(95 + random.below(17))) }
        }
        _ => Op::Append(any_message(random, own)),
    }
}

async fn compare<S: Subject>(disk: &mut Disk<S>, model: &Model) -> Outcome {
    same(disk.summaries().await?, model.summaries(), "summaries")?;
    for contact in (1..=CONTACTS as u8).map(user) {
        let history = model.history(contact);
        same(disk.history(contact).await?, history.clone(), "history")?;
        let mut paged = disk.pages(contact, 3).await?;
        paged.reverse();
        same(paged.concat(), history, "pages")?;
        for after in [0, 3] {
            let question = OutboxQuestion { contact, after, limit: 1_000, limit_bytes: 1 << 20 };
            let page = disk.outbox(question).await?;
            same(page.messages, model.outbox(contact, after), "outbox")?;
            same(page.upto, model.written(contact).max(after), "how far")?;
        }
    }
    Ok(())
}

async fn play<S: Subject>(disk: &mut Disk<S>, random: &mut Random) -> Outcome {
    disk.subject.fresh().await?;
    let mut model = Model::new(disk.snapshot().clone());
    let own = disk.snapshot().lg;
    for _ in 0..1 + random.below(5) {
        let group: Vec<Vec<Op>> = (0..1 + random.below(5))
            .map(|_| random.list(6, |random| any_op(random, own)))
            .collect();
        let expected: Vec<_> = group.iter().map(|ops| model.transaction(ops)).collect();
        let results = disk.run_together(group.clone()).await?;
        let results: Vec<_> = results.into_iter().map(Result::ok).collect();
        same(results, expected, &format!("answers to {group:?}"))?;
        if random.below(4) == 0 {
            disk.reopen().await?;
            same(disk.snapshot(), &model.snapshot(), "after a restart")?;
        }
    }
    compare(disk, &model).await?;
    disk.reopen().await?;
    same(disk.snapshot(), &model.snapshot(), "at the end")?;
    compare(disk, &model).await
}

pub(crate) async fn store_is_as_its_model<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    for seed in 0..WORLDS {
        play(disk, &mut Random::new(seed))
            .await
            .map_err(|wrong| format!("the world of seed {seed}: {wrong}"))?;
    }
    Ok(())
}
