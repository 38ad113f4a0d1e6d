//! The store against a model of it in memory, under random operations in random groups.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tincan_engine::store::{
    Conversation, IssuedInvite, PeerLog, Present, Replay, Request, StoredPrekey,
};
use tincan_engine::time::Time;
use tincan_engine::{Contact, ContactStatus};
use tincan_wire::{DeviceId, DisplayName, InviteToken, Leaf, PrekeyId, PrekeyPublic};

use super::*;

/// What the store should hold, kept as simply as possible.
#[derive(Clone)]
struct Model {
    snapshot: Snapshot,
    contacts: BTreeMap<UserId, Contact>,
    requests: BTreeMap<UserId, Request>,
    invites: BTreeMap<[u8; 16], IssuedInvite>,
    prekeys: BTreeMap<[u8; 4], StoredPrekey>,
    replays: BTreeMap<(UserId, DeviceId, &'static str), Replay>,
    conversations: BTreeMap<UserId, Conversation>,
    messages: Vec<MessageView>,
    failed: BTreeSet<(UserId, MessageId)>,
}

impl Model {
    fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            contacts: BTreeMap::new(),
            requests: BTreeMap::new(),
            invites: BTreeMap::new(),
            prekeys: BTreeMap::new(),
            replays: BTreeMap::new(),
            conversations: BTreeMap::new(),
            messages: Vec::new(),
            failed: BTreeSet::new(),
        }
    }

    /// All or nothing; `None` if it can't be done.
    fn transaction(&mut self, ops: &[Op]) -> Option<Stored> {
        let mut next = self.clone();
        let mut stored = Stored::default();
        for op in ops {
            stored.present.extend(next.apply(op)?);
        }
        *self = next;
        Some(stored)
    }

    fn apply(&mut self, op: &Op) -> Option<Option<Present>> {
        match op.clone() {
            Op::SaveEpoch(epoch) => self.snapshot.epoch = self.snapshot.epoch.max(epoch),
            Op::SaveName(name) => self.snapshot.name = name,
            Op::SaveContact(contact) => drop(self.contacts.insert(contact.id, contact)),
            Op::SaveRequest(request) => drop(self.requests.insert(request.from, request)),
            Op::RemoveRequest(from) => drop(self.requests.remove(&from)),
            Op::SaveInvite(invite) => drop(self.invites.insert(invite.token.0, invite)),
            Op::RemoveInvite(token) => drop(self.invites.remove(&token.0)),
            Op::SavePrekey(prekey) => drop(self.prekeys.insert(prekey.id.0, prekey)),
            Op::RemovePrekey(id) => drop(self.prekeys.remove(&id.0)),
            Op::SaveReplay(new) => {
                let old = self.replays.entry((new.from, new.dev, new.leaf.as_str())).or_insert(new);
                if (new.ep, new.seq) > (old.ep, old.seq) {
                    *old = new;
                }
            }
            Op::RemoveReplays { from, upto } => {
                self.replays.retain(|(sender, _, _), old| *sender != from || old.ep > upto);
            }
            Op::Append(message) => return self.append(message),
            Op::AddHave { contact, lg, s } => self.log(contact, lg).have.insert_all(&s),
            Op::AddAcked { contact, s } => self.conversation(contact).acked.insert_all(&s),
            Op::SavePeerRead { contact, to } => {
                let conversation = self.conversation(contact);
                conversation.peer_read = conversation.peer_read.max(to);
            }
            Op::SaveRead { contact, lg, to } => {
                let log = self.log(contact, lg);
                log.read = log.read.max(to);
            }
            Op::Fail { contact, ids } => {
                let is_there = |id: &MessageId| {
                    (self.messages.iter())
                        .any(|m| m.outgoing && m.contact == contact && m.id == *id)
                };
                let there: Vec<_> = ids.into_iter().filter(is_there).collect();
                self.failed.extend(there.into_iter().map(|id| (contact, id)));
            }
        }
        Some(None)
    }

    fn append(&mut self, message: MessageView) -> Option<Option<Present>> {
        if message.h > i64::MAX as u64 {
            return None;
        }
        let (contact, id) = (message.contact, message.id);
        self.conversation(contact);
        if !message.outgoing {
            self.log(contact, message.lg);
        }
        let there = self
            .messages
            .iter()
            .find(|m| (m.contact, m.id, m.outgoing) == (contact, id, message.outgoing));
        if let Some(there) = there {
            let same = there.kind == message.kind && there.content == message.content;
            return Some(Some(Present { contact, id, same }));
        }
        let conversation = self.conversation(contact);
        conversation.last_h = conversation.last_h.max(message.h);
        if message.outgoing {
            conversation.written = conversation.written.max(message.s);
        }
        self.messages.push(message);
        Some(None)
    }

    fn conversation(&mut self, contact: UserId) -> &mut Conversation {
        self.conversations.entry(contact).or_insert_with(|| Conversation {
            contact,
            written: 0,
            acked: Ranges::new(),
            peer_read: 0,
            last_h: 0,
            logs: Vec::new(),
        })
    }

    fn log(&mut self, contact: UserId, lg: LogId) -> &mut PeerLog {
        let logs = &mut self.conversation(contact).logs;
        let at = logs.binary_search_by_key(&lg, |log| log.lg).unwrap_or_else(|at| {
            logs.insert(at, PeerLog { lg, have: Ranges::new(), read: 0 });
            at
        });
        &mut logs[at]
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            contacts: self.contacts.values().cloned().collect(),
            conversations: self.conversations.values().cloned().collect(),
            requests: self.requests.values().cloned().collect(),
            invites: self.invites.values().cloned().collect(),
            prekeys: self.prekeys.values().cloned().collect(),
            replays: self.replays.values().copied().collect(),
            ..self.snapshot.clone()
        }
    }

    fn state(&self, message: &MessageView) -> Delivery {
        let conversation = &self.conversations[&message.contact];
        if !message.outgoing {
            let log = conversation.logs.iter().find(|log| log.lg == message.lg).unwrap();
            return if message.s <= log.read { Delivery::Read } else { Delivery::Delivered };
        }
        if self.failed.contains(&(message.contact, message.id)) {
            Delivery::Failed
        } else if !conversation.acked.contains(message.s) {
            Delivery::Queued
        } else if message.s <= conversation.peer_read {
            Delivery::Read
        } else {
            Delivery::Delivered
        }
    }

    fn history(&self, contact: UserId) -> Vec<MessageView> {
        let me = Identity::from_seed(self.snapshot.seed).user_id();
        let mut messages: Vec<_> = (self.messages.iter())
            .filter(|message| message.contact == contact)
            .map(|message| MessageView { state: self.state(message), ..message.clone() })
            .collect();
        messages.sort_by_key(|m| (m.h, if m.outgoing { me } else { contact }, m.id));
        messages
    }

    fn outbox(&self, contact: UserId, after: u64) -> Vec<MessageView> {
        let mut messages = self.history(contact);
        messages.retain(|m| m.outgoing && m.s > after && m.state == Delivery::Queued);
        messages.sort_by_key(|message| message.s);
        messages
    }
}

const CONTACTS: u8 = 3;

fn contacts() -> impl Iterator<Item = UserId> {
    (1..=CONTACTS).map(user)
}

fn any_user() -> impl Strategy<Value = UserId> {
    (1..=CONTACTS).prop_map(user)
}

fn any_log() -> impl Strategy<Value = LogId> {
    prop_oneof![Just(lg("aaaaaaaa")), Just(lg("bbbbbbbb"))]
}

fn any_ranges() -> impl Strategy<Value = Ranges> {
    prop::collection::vec((1..20_u64, 0..5_u64), 0..4)
        .prop_map(|list| ranges(&list.into_iter().map(|(at, n)| (at, at + n)).collect::<Vec<_>>()))
}

fn any_time() -> impl Strategy<Value = Time> {
    (0..1_u64 << 53).prop_map(Time::from_millis)
}

fn any_name() -> impl Strategy<Value = DisplayName> {
    ".{0,10}".prop_map(|text| DisplayName::clean(&text))
}

fn any_prekey() -> impl Strategy<Value = PrekeyPublic> {
    any::<[u8; 4]>().prop_map(|id| PrekeyPublic { id: PrekeyId(id), key: [id[0]; 32] })
}

fn any_contact() -> impl Strategy<Value = Contact> {
    let status = prop_oneof![
        Just(ContactStatus::Requested),
        Just(ContactStatus::Accepted),
        Just(ContactStatus::Declined),
        Just(ContactStatus::Blocked)
    ];
    let first = (any_user(), status, any_name(), prop::option::of(any_name()), any::<bool>());
    let second = (
        prop::option::of((any_prekey(), any_time())),
        prop::option::of(any::<[u8; 16]>().prop_map(InviteToken)),
        prop::option::of(any_time()),
        any::<[Option<bool>; 2]>(),
        any_time(),
    );
    (first, second).prop_map(|((id, status, name, nickname, verified), second)| {
        let (prekey, token, asked, [read_receipts, relay_only], added) = second;
        Contact {
            id,
            status,
            name,
            nickname,
            verified,
            prekey,
            token,
            asked,
            read_receipts,
            relay_only,
            added,
        }
    })
}

/// `own` stands for the log of whatever disk it will be written to.
fn any_message(own: LogId) -> impl Strategy<Value = MessageView> {
    let kind = prop_oneof![
        3 => Just(MessageKind::Text { reply: None }),
        1 => Just(MessageKind::Text { reply: Some(id(1)) }),
        1 => Just(MessageKind::Edit { target: id(1) }),
        1 => Just(MessageKind::Delete { target: id(1) }),
        1 => Just(MessageKind::React { target: id(1) }),
    ];
    let h = prop_oneof![20 => 1..12_u64, 1 => Just(u64::MAX)];
    (any_user(), any::<bool>(), 1..12_u64, any_log(), h, kind, "[a-cé好 ]{0,6}").prop_map(
        move |(contact, outgoing, s, lg, h, kind, content)| {
            let lg = if outgoing { own } else { lg };
            // One position, one message, as the engine has it; theirs may be inconsistent.
            let id = id(if outgoing { 100 + s } else { s });
            MessageView { id, h, kind, content, ..message(contact, outgoing, lg, s) }
        },
    )
}

fn any_op(own: LogId) -> impl Strategy<Value = Op> {
    let replay = (any_user(), 0..2_u8, 0..3_usize, 0..4_u64, 0..4_u64).prop_map(
        |(from, dev, leaf, ep, seq)| Replay {
            from,
            dev: DeviceId([dev; 8]),
            leaf: Leaf::ALL[leaf],
            ep,
            seq,
        },
    );
    let request = (any_user(), any_name(), any_prekey(), any_time(), any::<bool>())
        .prop_map(|(from, name, pk, at, declined)| Request { from, name, pk, at, declined });
    let token = (0..3_u8).prop_map(|byte| InviteToken([byte; 16]));
    let invite = (token.clone(), any::<u32>(), any_time())
        .prop_map(|(token, uses, expiry)| IssuedInvite { token, uses, expiry });
    let prekey_id = (0..3_u8).prop_map(|byte| PrekeyId([byte; 4]));
    let prekey = (prekey_id.clone(), any::<[u8; 32]>(), any_time()).prop_map(|(id, key, made)| {
        let mut bytes = [id.0[0]; 36];
        bytes[4..].copy_from_slice(&key);
        StoredPrekey { id, bytes, made }
    });
    let position = 0..20_u64;
    let failed = (any_user(), prop::collection::vec((95..112_u64).prop_map(id), 0..3));
    prop_oneof![
        1 => (0..9_u64).prop_map(Op::SaveEpoch),
        1 => any_name().prop_map(Op::SaveName),
        2 => any_contact().prop_map(Op::SaveContact),
        1 => request.prop_map(Op::SaveRequest),
        1 => any_user().prop_map(Op::RemoveRequest),
        1 => invite.prop_map(Op::SaveInvite),
        1 => token.prop_map(Op::RemoveInvite),
        1 => prekey.prop_map(Op::SavePrekey),
        1 => prekey_id.prop_map(Op::RemovePrekey),
        2 => replay.prop_map(Op::SaveReplay),
        1 => (any_user(), 0..4_u64).prop_map(|(from, upto)| Op::RemoveReplays { from, upto }),
        12 => any_message(own).prop_map(Op::Append),
        3 => (any_user(), any_log(), any_ranges())
            .prop_map(|(contact, lg, s)| Op::AddHave { contact, lg, s }),
        3 => (any_user(), any_ranges()).prop_map(|(contact, s)| Op::AddAcked { contact, s }),
        2 => (any_user(), position.clone())
            .prop_map(|(contact, to)| Op::SavePeerRead { contact, to }),
        2 => (any_user(), any_log(), position)
            .prop_map(|(contact, lg, to)| Op::SaveRead { contact, lg, to }),
        1 => failed.prop_map(|(contact, ids)| Op::Fail { contact, ids }),
    ]
}

/// Stands for the disk's own log, which is made at random.
const OWN: &str = "ownownow";

fn with_own(mut op: Op, own: LogId) -> Op {
    if let Op::Append(message) = &mut op
        && message.outgoing
    {
        message.lg = own;
    }
    op
}

fn compare(disk: &Disk, model: &Model) {
    for contact in contacts() {
        assert_eq!(disk.history(contact), model.history(contact));
        for after in [0, 3] {
            let page = disk.outbox(contact, after, 1_000, 1 << 20);
            assert_eq!(page.messages, model.outbox(contact, after));
            let written =
                model.conversations.get(&contact).map_or(0, |conversation| conversation.written);
            assert_eq!(page.upto, written.max(after));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn store_is_as_its_model(
        groups in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any_op(lg(OWN)), 0..6), 1..6),
            1..6,
        ),
        restart_after in 0..6_usize,
    ) {
        let mut disk = Disk::new();
        let mut model = Model::new(disk.snapshot.clone());
        let own = disk.snapshot.lg;
        for (number, group) in groups.into_iter().enumerate() {
            let group: Vec<Vec<Op>> = group
                .into_iter()
                .map(|ops| ops.into_iter().map(|op| with_own(op, own)).collect())
                .collect();
            let expected: Vec<_> = group.iter().map(|ops| model.transaction(ops)).collect();
            let results = disk.run_together(group);
            prop_assert_eq!(results.into_iter().map(Result::ok).collect::<Vec<_>>(), expected);
            if number == restart_after {
                disk = disk.reopen();
                prop_assert_eq!(&disk.snapshot, &model.snapshot());
            }
        }
        compare(&disk, &model);
        let disk = disk.reopen();
        prop_assert_eq!(&disk.snapshot, &model.snapshot());
        compare(&disk, &model);
    }
}
