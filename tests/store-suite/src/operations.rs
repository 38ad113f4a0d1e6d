//! Each operation: done twice it is done once, and it is there after a restart.

use tincan_engine::store::{
    Conversation, IssuedInvite, Op, PeerLog, Replay, Request, Snapshot, StoredPrekey,
};
use tincan_engine::{Contact, ContactStatus, Delivery, MessageKind, MessageView, Time};
use tincan_wire::{
    DeviceId, DisplayName, InviteToken, Leaf, PrekeyId, PrekeyPublic, Ranges, UserId,
};

use crate::compare::{holds, same};
use crate::samples::{THEIR_LOG, id, lg, ranges, theirs, user};
use crate::{Disk, Outcome, Subject};

/// Does `ops` once, twice, and after a restart a third time; the snapshot is as `change` says
/// each time.
async fn check<S: Subject>(
    disk: &mut Disk<S>,
    before: Vec<Op>,
    ops: Vec<Op>,
    change: impl FnOnce(&mut Snapshot),
) -> Outcome {
    disk.subject.fresh().await?;
    let mut expected = disk.snapshot().clone();
    disk.done(before).await?;
    change(&mut expected);
    disk.done(ops.clone()).await?;
    disk.reopen().await?;
    same(disk.snapshot(), &expected, "once")?;
    disk.done([ops.clone(), ops.clone()].concat()).await?;
    disk.done(ops).await?;
    disk.reopen().await?;
    same(disk.snapshot(), &expected, "again")
}

fn time(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn prekey(byte: u8) -> PrekeyPublic {
    PrekeyPublic { id: PrekeyId([byte; 4]), key: [byte; 32] }
}

fn contact(seed: u8) -> Contact {
    Contact {
        name: DisplayName::clean("Jürgen 🎈"),
        ..Contact::new(user(seed), ContactStatus::Requested, time(5))
    }
}

fn full_contact(seed: u8) -> Contact {
    Contact {
        status: ContactStatus::Blocked,
        nickname: Some(DisplayName::clean("nick")),
        verified: true,
        prekey: Some((prekey(3), time(7))),
        token: Some(InviteToken([4; 16])),
        asked: Some(time(8)),
        read_receipts: Some(false),
        relay_only: Some(true),
        ..contact(seed)
    }
}

fn request(seed: u8, declined: bool) -> Request {
    let name = DisplayName::clean("stranger");
    Request { from: user(seed), name, pk: prekey(1), at: time(9), declined }
}

fn replay(ep: u64, seq: u64) -> Replay {
    Replay { from: user(1), dev: DeviceId([2; 8]), leaf: Leaf::IceCandidate, ep, seq }
}

fn conversation(contact: UserId) -> Conversation {
    Conversation {
        contact,
        written: 0,
        acked: Ranges::new(),
        peer_read: 0,
        last_h: 0,
        logs: Vec::new(),
    }
}

fn peer_log(have: &[(u64, u64)], read: u64) -> PeerLog {
    PeerLog { lg: lg(THEIR_LOG), have: ranges(have), read }
}

pub(crate) async fn identity_is_made_once_and_differs_between_stores<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let first = disk.snapshot().clone();
    same(&first, &Snapshot::new(first.seed, first.dev, first.lg), "the first start")?;
    disk.reopen().await?;
    same(disk.snapshot(), &first, "the second start")?;
    disk.subject.fresh().await?;
    let other = disk.snapshot();
    let differs = other.seed != first.seed && other.dev != first.dev && other.lg != first.lg;
    holds(differs, "another store has another identity")
}

pub(crate) async fn epoch_never_goes_back<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    check(disk, vec![], vec![Op::SaveEpoch(7)], |snapshot| snapshot.epoch = 7).await?;
    let before = vec![Op::SaveEpoch(8)];
    check(disk, before, vec![Op::SaveEpoch(7)], |snapshot| snapshot.epoch = 8).await
}

pub(crate) async fn name_is_replaced<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let save = |text| vec![Op::SaveName(DisplayName::clean(text))];
    check(disk, save("old"), save("new ☂"), |snapshot| {
        snapshot.name = DisplayName::clean("new ☂");
    })
    .await
}

pub(crate) async fn contact_is_kept_with_every_field<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let (empty, full) = (contact(1), full_contact(2));
    let ops = vec![Op::SaveContact(empty.clone()), Op::SaveContact(full.clone())];
    check(disk, vec![], ops, |snapshot| {
        snapshot.contacts = vec![empty, full];
        snapshot.contacts.sort_by_key(|contact| contact.id);
    })
    .await
}

pub(crate) async fn contact_is_replaced_whole<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let before = vec![Op::SaveContact(full_contact(1))];
    check(disk, before, vec![Op::SaveContact(contact(1))], |snapshot| {
        snapshot.contacts = vec![contact(1)];
    })
    .await
}

pub(crate) async fn every_contact_status_is_kept<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    for status in [
        ContactStatus::Requested,
        ContactStatus::Accepted,
        ContactStatus::Declined,
        ContactStatus::Blocked,
    ] {
        let contact = Contact { status, ..contact(1) };
        check(disk, vec![], vec![Op::SaveContact(contact.clone())], |snapshot| {
            snapshot.contacts = vec![contact];
        })
        .await?;
    }
    Ok(())
}

pub(crate) async fn request_is_kept_replaced_and_removed<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let (before, ops) =
        (vec![Op::SaveRequest(request(1, false))], vec![Op::SaveRequest(request(1, true))]);
    check(disk, before, ops, |snapshot| snapshot.requests = vec![request(1, true)]).await?;
    check(
        disk,
        vec![Op::SaveRequest(request(1, false)), Op::SaveRequest(request(2, false))],
        vec![Op::RemoveRequest(user(1)), Op::RemoveRequest(user(3))],
        |snapshot| snapshot.requests = vec![request(2, false)],
    )
    .await
}

pub(crate) async fn invite_is_kept_replaced_and_removed<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let invite = |byte, uses| IssuedInvite {
        token: InviteToken([byte; 16]),
        uses,
        expiry: time(1_763_792_787_123),
    };
    check(
        disk,
        vec![Op::SaveInvite(invite(1, 2)), Op::SaveInvite(invite(2, 9))],
        vec![Op::SaveInvite(invite(1, 1)), Op::RemoveInvite(InviteToken([2; 16]))],
        |snapshot| snapshot.invites = vec![invite(1, 1)],
    )
    .await
}

pub(crate) async fn prekey_is_kept_and_removed<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let prekey = |byte| StoredPrekey { id: PrekeyId([byte; 4]), bytes: [byte; 36], made: time(11) };
    check(
        disk,
        vec![Op::SavePrekey(prekey(1))],
        vec![Op::SavePrekey(prekey(2)), Op::RemovePrekey(PrekeyId([1; 4]))],
        |snapshot| snapshot.prekeys = vec![prekey(2)],
    )
    .await
}

pub(crate) async fn replay_position_only_rises<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    for (old, new, kept) in [
        (replay(1, 5), replay(1, 6), replay(1, 6)),
        (replay(1, 5), replay(1, 4), replay(1, 5)),
        (replay(1, 5), replay(2, 0), replay(2, 0)),
        (replay(2, 0), replay(1, 9), replay(2, 0)),
    ] {
        check(disk, vec![Op::SaveReplay(old)], vec![Op::SaveReplay(new)], |snapshot| {
            snapshot.replays = vec![kept];
        })
        .await?;
    }
    Ok(())
}

pub(crate) async fn replay_positions_are_per_peer_device_and_leaf<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let mut all = vec![replay(1, 1)];
    all.push(Replay { from: user(2), ..replay(1, 2) });
    all.push(Replay { dev: DeviceId([3; 8]), ..replay(1, 3) });
    all.extend(Leaf::ALL.map(|leaf| Replay { dev: DeviceId([4; 8]), leaf, ..replay(1, 4) }));
    check(disk, vec![], all.iter().copied().map(Op::SaveReplay).collect(), |snapshot| {
        all.sort_by_key(|replay| (replay.from, replay.dev, replay.leaf.as_str()));
        snapshot.replays = all;
    })
    .await
}

pub(crate) async fn replay_positions_of_old_runs_go<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let old = [replay(2, 9), Replay { dev: DeviceId([3; 8]), ..replay(3, 1) }];
    let kept = [Replay { dev: DeviceId([4; 8]), ..replay(4, 1) }];
    let others = [Replay { from: user(2), ..replay(1, 1) }];
    let before = [&old[..], &kept, &others].concat().into_iter().map(Op::SaveReplay).collect();
    let floor = Replay::floor(user(1), 3);
    let ops = vec![Op::RemoveReplays { from: user(1), upto: 3 }, Op::SaveReplay(floor)];
    check(disk, before, ops, |snapshot| {
        snapshot.replays = [&[floor][..], &kept, &others].concat();
        snapshot.replays.sort_by_key(|replay| (replay.from, replay.dev, replay.leaf.as_str()));
    })
    .await
}

pub(crate) async fn append_moves_what_was_written_and_the_place_in_the_conversation<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    let own = vec![Op::Append(disk.ours(contact, 3)), Op::Append(disk.ours(contact, 2))];
    disk.save(own.clone()).await?;
    disk.reopen().await?;
    let expected = Conversation { written: 3, last_h: 1_003, ..conversation(contact) };
    same(&disk.snapshot().conversations, &vec![expected.clone()], "ours")?;
    same(disk.done(own).await?.present.len(), 2, "known")?;
    disk.append(vec![theirs(contact, 9)]).await?;
    let expected = Conversation { last_h: 1_009, logs: vec![peer_log(&[], 0)], ..expected };
    disk.reopen().await?;
    same(&disk.snapshot().conversations, &vec![expected], "theirs")
}

pub(crate) async fn append_is_kept_with_every_field<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let contact = user(1);
    let target = id(77);
    let kinds = [
        MessageKind::Text { reply: None },
        MessageKind::Text { reply: Some(target) },
        MessageKind::Edit { target },
        MessageKind::Delete { target },
        MessageKind::React { target },
    ];
    let contents = ["x", "שלום 👋🏽 мир", "", &"ø".repeat(8 * 1024), "two\nlines\0and a nul"];
    let mut all = Vec::new();
    for (s, (kind, content)) in (1..).zip(kinds.into_iter().zip(contents)) {
        let content = content.to_owned();
        all.push(MessageView { kind, content: content.clone(), ..disk.ours(contact, s) });
        let timestamp = 1_763_792_787_123 * s;
        all.push(MessageView { kind, content, timestamp, ..theirs(contact, 10 + s) });
    }
    all.sort_by_key(|message| message.h);
    disk.append(all.clone()).await?;
    disk.reopen().await?;
    same(disk.history(contact).await?, all, "all fields")
}

pub(crate) async fn positions_held_are_added<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let have = |list: &[(u64, u64)]| {
        vec![Op::AddHave { contact: user(1), lg: lg(THEIR_LOG), s: ranges(list) }]
    };
    check(disk, have(&[(1, 2), (9, 9)]), have(&[(3, 3), (5, 6)]), |snapshot| {
        let logs = vec![peer_log(&[(1, 3), (5, 6), (9, 9)], 0)];
        snapshot.conversations = vec![Conversation { logs, ..conversation(user(1)) }];
    })
    .await
}

pub(crate) async fn each_log_of_a_contact_has_its_own_positions<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let have = |lg, to| Op::AddHave { contact: user(1), lg, s: ranges(&[(1, to)]) };
    check(
        disk,
        vec![have(lg("bbbbbbbb"), 2)],
        vec![have(lg("aaaaaaaa"), 1), Op::SaveRead { contact: user(1), lg: lg("bbbbbbbb"), to: 2 }],
        |snapshot| {
            let log = |name, to, read| PeerLog { lg: lg(name), have: ranges(&[(1, to)]), read };
            let logs = vec![log("aaaaaaaa", 1, 0), log("bbbbbbbb", 2, 2)];
            snapshot.conversations = vec![Conversation { logs, ..conversation(user(1)) }];
        },
    )
    .await
}

pub(crate) async fn acknowledged_positions_are_added<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let acked = |list: &[(u64, u64)]| vec![Op::AddAcked { contact: user(1), s: ranges(list) }];
    check(disk, acked(&[(1, 4)]), acked(&[(2, 5), (7, 7)]), |snapshot| {
        let acked = ranges(&[(1, 5), (7, 7)]);
        snapshot.conversations = vec![Conversation { acked, ..conversation(user(1)) }];
    })
    .await
}

pub(crate) async fn more_ranges_than_fit_into_a_frame_are_kept<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let gaps = Ranges::from_iter((1..=1_000).map(|n| n * 2));
    let op = Op::AddAcked { contact: user(1), s: gaps.clone() };
    check(disk, vec![], vec![op], |snapshot| {
        snapshot.conversations = vec![Conversation { acked: gaps, ..conversation(user(1)) }];
    })
    .await
}

pub(crate) async fn read_positions_never_go_back<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    let contact = user(1);
    let read = |to| {
        vec![
            Op::SavePeerRead { contact, to },
            Op::SaveRead { contact, lg: lg(THEIR_LOG), to: to + 1 },
        ]
    };
    for (first, then) in [(4, 9), (9, 4)] {
        check(disk, read(first), read(then), |snapshot| {
            let logs = vec![peer_log(&[], 10)];
            snapshot.conversations =
                vec![Conversation { peer_read: 9, logs, ..conversation(contact) }];
        })
        .await?;
    }
    Ok(())
}

pub(crate) async fn failure_of_messages_that_are_not_there_is_nothing<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    check(disk, vec![], vec![Op::Fail { contact: user(1), ids: vec![id(1)] }], |_| {}).await
}

pub(crate) async fn failure_is_kept_and_touches_only_ours<S: Subject>(
    disk: &mut Disk<S>,
) -> Outcome {
    let contact = user(1);
    disk.append(vec![disk.ours(contact, 1), theirs(contact, 1)]).await?;
    let fail = Op::Fail { contact, ids: vec![id(1)] };
    disk.save(vec![fail.clone(), fail]).await?;
    disk.reopen().await?;
    let history = disk.history(contact).await?;
    let mut states: Vec<_> =
        history.iter().map(|message| (message.outgoing, message.state)).collect();
    states.sort_unstable();
    same(states, vec![(false, Delivery::Delivered), (true, Delivery::Failed)], "states")
}
