//! Each operation: done twice it is done once, and it is there after a restart.

use tincan_engine::store::{Conversation, IssuedInvite, PeerLog, Replay, Request, StoredPrekey};
use tincan_engine::time::Time;
use tincan_engine::{Contact, ContactStatus};
use tincan_wire::{DeviceId, DisplayName, InviteToken, Leaf, PrekeyId, PrekeyPublic};

use super::*;

/// Does `ops` once, twice, and after a restart a third time; the snapshot is as `change` says
/// each time.
fn check(before: Vec<Op>, ops: Vec<Op>, change: impl FnOnce(&mut Snapshot)) {
    let mut disk = Disk::new();
    let mut expected = disk.snapshot.clone();
    disk.run(before).unwrap();
    change(&mut expected);
    disk.run(ops.clone()).unwrap();
    let mut disk = disk.reopen();
    assert_eq!(disk.snapshot, expected, "once");
    disk.run([ops.clone(), ops.clone()].concat()).unwrap();
    disk.run(ops).unwrap();
    assert_eq!(disk.reopen().snapshot, expected, "again");
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
    PeerLog { lg: lg("theirlog"), have: ranges(have), read }
}

#[test]
fn epoch_never_goes_back() {
    check(vec![], vec![Op::SaveEpoch(7)], |snapshot| snapshot.epoch = 7);
    check(vec![Op::SaveEpoch(8)], vec![Op::SaveEpoch(7)], |snapshot| snapshot.epoch = 8);
}

#[test]
fn name_is_replaced() {
    let name = |text| DisplayName::clean(text);
    check(vec![Op::SaveName(name("old"))], vec![Op::SaveName(name("new ☂"))], |snapshot| {
        snapshot.name = name("new ☂");
    });
}

#[test]
fn contact_is_kept_with_every_field() {
    let (empty, full) = (contact(1), full_contact(2));
    let ops = vec![Op::SaveContact(empty.clone()), Op::SaveContact(full.clone())];
    check(vec![], ops, |snapshot| {
        snapshot.contacts = vec![empty, full];
        snapshot.contacts.sort_by_key(|contact| contact.id);
    });
}

#[test]
fn contact_is_replaced_whole() {
    check(vec![Op::SaveContact(full_contact(1))], vec![Op::SaveContact(contact(1))], |snapshot| {
        snapshot.contacts = vec![contact(1)]
    });
}

#[test]
fn every_contact_status_is_kept() {
    for status in [
        ContactStatus::Requested,
        ContactStatus::Accepted,
        ContactStatus::Declined,
        ContactStatus::Blocked,
    ] {
        let contact = Contact { status, ..contact(1) };
        check(vec![], vec![Op::SaveContact(contact.clone())], |snapshot| {
            snapshot.contacts = vec![contact];
        });
    }
}

#[test]
fn request_is_kept_replaced_and_removed() {
    check(
        vec![Op::SaveRequest(request(1, false))],
        vec![Op::SaveRequest(request(1, true))],
        |snapshot| snapshot.requests = vec![request(1, true)],
    );
    check(
        vec![Op::SaveRequest(request(1, false)), Op::SaveRequest(request(2, false))],
        vec![Op::RemoveRequest(user(1)), Op::RemoveRequest(user(3))],
        |snapshot| snapshot.requests = vec![request(2, false)],
    );
}

#[test]
fn invite_is_kept_replaced_and_removed() {
    let invite = |byte, uses| IssuedInvite {
        token: InviteToken([byte; 16]),
        uses,
        expiry: time(1_763_792_787_123),
    };
    check(
        vec![Op::SaveInvite(invite(1, 2)), Op::SaveInvite(invite(2, 9))],
        vec![Op::SaveInvite(invite(1, 1)), Op::RemoveInvite(InviteToken([2; 16]))],
        |snapshot| snapshot.invites = vec![invite(1, 1)],
    );
}

#[test]
fn prekey_is_kept_and_removed() {
    let prekey = |byte| StoredPrekey { id: PrekeyId([byte; 4]), bytes: [byte; 36], made: time(11) };
    check(
        vec![Op::SavePrekey(prekey(1))],
        vec![Op::SavePrekey(prekey(2)), Op::RemovePrekey(PrekeyId([1; 4]))],
        |snapshot| snapshot.prekeys = vec![prekey(2)],
    );
}

#[test]
fn removed_prekey_is_in_no_file() {
    let mut disk = Disk::new();
    let secret = *b"this is a secret that must be gone..";
    let prekey = StoredPrekey { id: PrekeyId([1; 4]), bytes: secret, made: time(1) };
    disk.save(vec![Op::SavePrekey(prekey)]);
    let files_with_it = |disk: &Disk| {
        std::fs::read_dir(disk.home())
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap_or_default())
            .filter(|bytes| bytes.windows(36).any(|window| window == secret))
            .count()
    };
    assert!(files_with_it(&disk) > 0);
    disk.save(vec![Op::RemovePrekey(PrekeyId([1; 4]))]);
    // The answer comes before the scrubbing, the next answer after it.
    disk.save(vec![]);
    assert_eq!(files_with_it(&disk), 0);
}

#[test]
fn replay_position_only_rises() {
    for (old, new, kept) in [
        (replay(1, 5), replay(1, 6), replay(1, 6)),
        (replay(1, 5), replay(1, 4), replay(1, 5)),
        (replay(1, 5), replay(2, 0), replay(2, 0)),
        (replay(2, 0), replay(1, 9), replay(2, 0)),
    ] {
        check(vec![Op::SaveReplay(old)], vec![Op::SaveReplay(new)], |snapshot| {
            snapshot.replays = vec![kept];
        });
    }
}

#[test]
fn replay_positions_are_per_peer_device_and_leaf() {
    let mut all = vec![replay(1, 1)];
    all.push(Replay { from: user(2), ..replay(1, 2) });
    all.push(Replay { dev: DeviceId([3; 8]), ..replay(1, 3) });
    all.extend(Leaf::ALL.map(|leaf| Replay { dev: DeviceId([4; 8]), leaf, ..replay(1, 4) }));
    check(vec![], all.iter().copied().map(Op::SaveReplay).collect(), |snapshot| {
        all.sort_by_key(|replay| (replay.from, replay.dev, replay.leaf.as_str()));
        snapshot.replays = all;
    });
}

#[test]
fn append_moves_what_was_written_and_the_place_in_the_conversation() {
    let (contact, mut disk) = (user(1), Disk::new());
    let own = vec![Op::Append(disk.ours(contact, 3)), Op::Append(disk.ours(contact, 2))];
    disk.save(own.clone());
    let mut disk = disk.reopen();
    let expected = Conversation { written: 3, last_h: 1_003, ..conversation(contact) };
    assert_eq!(disk.snapshot.conversations, std::slice::from_ref(&expected));
    assert_eq!(disk.run(own).unwrap().present.len(), 2);
    disk.save(vec![Op::Append(theirs(contact, 9))]);
    let expected = Conversation { last_h: 1_009, logs: vec![peer_log(&[], 0)], ..expected };
    assert_eq!(disk.reopen().snapshot.conversations, [expected]);
}

#[test]
fn append_is_kept_with_every_field() {
    let (contact, mut disk) = (user(1), Disk::new());
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
        all.push(MessageView { kind, content, ..theirs(contact, 10 + s) });
    }
    all.sort_by_key(|message| message.h);
    disk.save(all.iter().cloned().map(Op::Append).collect());
    let disk = disk.reopen();
    assert_eq!(disk.history(contact), all);
}

#[test]
fn positions_held_are_added() {
    let have = |list: &[(u64, u64)]| {
        vec![Op::AddHave { contact: user(1), lg: lg("theirlog"), s: ranges(list) }]
    };
    check(have(&[(1, 2), (9, 9)]), have(&[(3, 3), (5, 6)]), |snapshot| {
        let logs = vec![peer_log(&[(1, 3), (5, 6), (9, 9)], 0)];
        snapshot.conversations = vec![Conversation { logs, ..conversation(user(1)) }];
    });
}

#[test]
fn each_log_of_a_contact_has_its_own_positions() {
    let have = |lg, to| Op::AddHave { contact: user(1), lg, s: ranges(&[(1, to)]) };
    check(
        vec![have(lg("bbbbbbbb"), 2)],
        vec![have(lg("aaaaaaaa"), 1), Op::SaveRead { contact: user(1), lg: lg("bbbbbbbb"), to: 2 }],
        |snapshot| {
            let log = |name, to, read| PeerLog { lg: lg(name), have: ranges(&[(1, to)]), read };
            let logs = vec![log("aaaaaaaa", 1, 0), log("bbbbbbbb", 2, 2)];
            snapshot.conversations = vec![Conversation { logs, ..conversation(user(1)) }];
        },
    );
}

#[test]
fn acknowledged_positions_are_added() {
    let acked = |list: &[(u64, u64)]| vec![Op::AddAcked { contact: user(1), s: ranges(list) }];
    check(acked(&[(1, 4)]), acked(&[(2, 5), (7, 7)]), |snapshot| {
        let acked = ranges(&[(1, 5), (7, 7)]);
        snapshot.conversations = vec![Conversation { acked, ..conversation(user(1)) }];
    });
}

#[test]
fn more_ranges_than_fit_into_a_frame_are_kept() {
    let gaps = Ranges::from_iter((1..=1_000).map(|n| n * 2));
    let op = Op::AddAcked { contact: user(1), s: gaps.clone() };
    check(vec![], vec![op], |snapshot| {
        snapshot.conversations = vec![Conversation { acked: gaps, ..conversation(user(1)) }];
    });
}

#[test]
fn read_positions_never_go_back() {
    let contact = user(1);
    let read = |to| {
        vec![
            Op::SavePeerRead { contact, to },
            Op::SaveRead { contact, lg: lg("theirlog"), to: to + 1 },
        ]
    };
    for (first, then) in [(4, 9), (9, 4)] {
        check(read(first), read(then), |snapshot| {
            let logs = vec![peer_log(&[], 10)];
            snapshot.conversations =
                vec![Conversation { peer_read: 9, logs, ..conversation(contact) }];
        });
    }
}

#[test]
fn failure_of_messages_that_are_not_there_is_nothing() {
    check(vec![], vec![Op::Fail { contact: user(1), ids: vec![id(1)] }], |_| {});
}

#[test]
fn failure_is_kept_and_touches_only_ours() {
    let (contact, mut disk) = (user(1), Disk::new());
    let ours = disk.ours(contact, 1);
    disk.save(vec![Op::Append(ours), Op::Append(theirs(contact, 1))]);
    let fail = Op::Fail { contact, ids: vec![id(1)] };
    disk.save(vec![fail.clone(), fail]);
    let disk = disk.reopen();
    let mut states: Vec<_> =
        disk.history(contact).iter().map(|message| (message.outgoing, message.state)).collect();
    states.sort_unstable();
    assert_eq!(states, [(false, Delivery::Delivered), (true, Delivery::Failed)]);
}
