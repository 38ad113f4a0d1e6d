//! Records to write.

use tincan_backup::{Installation, Log, Record};
use tincan_engine::store::{IssuedInvite, Replay, Request, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, Delivery, MessageKind, MessageView, Time};
use tincan_wire::{
    DeviceId, DisplayName, Identity, InviteToken, Leaf, LogId, MessageId, PrekeyId, PrekeyPublic,
    PrekeySecret, Ranges, UserId,
};

pub(crate) fn user(seed: u8) -> UserId {
    Identity::from_seed([seed; 32]).user_id()
}

pub(crate) fn lg(text: &str) -> LogId {
    text.parse().unwrap()
}

pub(crate) fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

pub(crate) fn name(text: &str) -> DisplayName {
    DisplayName::clean(text)
}

pub(crate) fn installation() -> Record {
    Record::Installation(Installation {
        seed: [3; 32],
        name: name("Ada"),
        epoch: 1_763_792_787_123,
        made: at(1_763_792_787_999),
        hub: Some("https://hub.example.org".to_owned()),
        brokers: vec!["mqtts://broker.example.org:8883".to_owned()],
    })
}

pub(crate) fn prekey(seed: u8) -> PrekeyPublic {
    PrekeyPublic { id: PrekeyId([seed; 4]), key: [seed; 32] }
}

pub(crate) fn contact(seed: u8) -> Contact {
    Contact {
        id: user(seed),
        status: ContactStatus::Accepted,
        name: name("Bob"),
        nickname: Some(name("Bobby")),
        verified: true,
        prekey: Some((prekey(7), at(1_763_000_000_000))),
        token: Some(InviteToken([8; 16])),
        asked: Some(at(1_762_000_000_000)),
        read_receipts: Some(false),
        relay_only: None,
        added: at(1_761_000_000_000),
    }
}

pub(crate) fn bare_contact(seed: u8) -> Contact {
    Contact::new(user(seed), ContactStatus::Blocked, at(0))
}

pub(crate) fn log(contact: u8, own: bool, name: &str, held: &[(u64, u64)], read: u64) -> Log {
    let mut ranges = Ranges::new();
    held.iter().for_each(|(first, last)| ranges.insert_range(*first, *last));
    Log { contact: user(contact), own, lg: lg(name), held: ranges, read }
}

pub(crate) fn message(log: &Log, s: u64, kind: MessageKind, failed: bool) -> MessageView {
    MessageView {
        contact: log.contact,
        outgoing: log.own,
        id: id(s),
        lg: log.lg,
        s,
        h: 1_763_792_787_000 + s,
        timestamp: 1_763_792_787_000 + s,
        kind,
        content: format!("message {s} — ünïcode 🎉"),
        state: log.delivery(s, failed),
    }
}

pub(crate) fn id(number: u64) -> MessageId {
    MessageId::new(number, [7; 10])
}

pub(crate) fn text() -> MessageKind {
    MessageKind::Text { reply: None }
}

/// One of everything.
pub(crate) fn all() -> Vec<Record> {
    let own = log(2, true, "ownlog00", &[(1, 3), (5, 6)], 2);
    let theirs = log(2, false, "theirlog", &[(1, 1), (3, 300)], 1);
    let other = log(4, true, "ownlog00", &[], 0);
    let secret = PrekeySecret::from_bytes(&std::array::from_fn(|index| index as u8 + 1));
    let mut records = vec![
        installation(),
        Record::Contact(contact(2)),
        Record::Contact(bare_contact(4)),
        Record::Request(Request {
            from: user(6),
            name: name("Eve"),
            pk: prekey(9),
            at: at(5),
            declined: true,
        }),
        Record::Invite(IssuedInvite { token: InviteToken([1; 16]), uses: 3, expiry: at(9) }),
        Record::Prekey(StoredPrekey { id: secret.id(), bytes: secret.to_bytes(), made: at(8) }),
        Record::Log(own.clone()),
        Record::Log(theirs.clone()),
        Record::Log(other.clone()),
    ];
    for (leaf, seq) in Leaf::ALL.into_iter().zip(1..) {
        let (from, dev) = (user(2), DeviceId([5; 8]));
        records.push(Record::Replay(Replay { from, dev, leaf, ep: 1_763_000_000_000, seq }));
    }
    let target = id(1);
    for (s, kind, failed) in [
        (1, text(), false),
        (2, MessageKind::Text { reply: Some(target) }, false),
        (3, MessageKind::Edit { target }, false),
        (4, text(), false),
        (5, MessageKind::React { target }, true),
        (6, MessageKind::Delete { target }, false),
    ] {
        records.push(Record::Message(message(&own, s, kind, failed)));
    }
    records.push(Record::Message(message(&theirs, 300, text(), false)));
    records.push(Record::Message(message(&other, 1, text(), false)));
    records
}

/// So many messages of 200 bytes.
pub(crate) fn talk(count: u64) -> Vec<Record> {
    let log = log(2, false, "theirlog", &[(1, count)], 0);
    let mut records = vec![installation(), Record::Log(log.clone())];
    for s in 1..=count {
        let content = "x".repeat(200);
        records.push(Record::Message(MessageView { content, ..message(&log, s, text(), false) }));
    }
    records
}

/// The states of all messages.
pub(crate) fn states(records: &[Record]) -> Vec<Delivery> {
    let state = |record: &Record| match record {
        Record::Message(message) => Some(message.state),
        _ => None,
    };
    records.iter().filter_map(state).collect()
}
