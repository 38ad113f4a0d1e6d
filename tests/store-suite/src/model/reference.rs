//! What a store should hold, kept as simply as possible.

use std::collections::{BTreeMap, BTreeSet};

use tincan_engine::store::{
    Conversation, IssuedInvite, Op, PeerLog, Present, Replay, Request, Snapshot, Stored,
    StoredPrekey,
};
use tincan_engine::{Contact, Delivery, MessageView, Summary};
use tincan_wire::{DeviceId, Identity, LogId, MessageId, Ranges, UserId};

#[derive(Clone)]
pub(super) struct Model {
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
    pub(super) fn new(snapshot: Snapshot) -> Self {
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
    pub(super) fn transaction(&mut self, ops: &[Op]) -> Option<Stored> {
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
        if i64::try_from(message.h).is_err() {
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

    pub(super) fn snapshot(&self) -> Snapshot {
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
        let Some(conversation) = self.conversations.get(&message.contact) else {
            return Delivery::Queued;
        };
        if !message.outgoing {
            let mut logs = conversation.logs.iter();
            let is_read = logs.any(|log| log.lg == message.lg && message.s <= log.read);
            return if is_read { Delivery::Read } else { Delivery::Delivered };
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

    pub(super) fn history(&self, contact: UserId) -> Vec<MessageView> {
        let me = Identity::from_seed(self.snapshot.seed).user_id();
        let mut messages: Vec<_> = (self.messages.iter())
            .filter(|message| message.contact == contact)
            .map(|message| MessageView { state: self.state(message), ..message.clone() })
            .collect();
        messages.sort_by_key(|m| (m.h, if m.outgoing { me } else { contact }, m.id));
        messages
    }

    pub(super) fn summaries(&self) -> Vec<Summary> {
        let contacts = self.conversations.keys();
        let summary = |contact: &UserId| {
            let mut history = self.history(*contact);
            let unread = (history.iter())
                .filter(|message| !message.outgoing && message.state == Delivery::Delivered);
            Summary { contact: *contact, unread: unread.count() as u64, last: history.pop() }
        };
        contacts.map(summary).collect()
    }

    pub(super) fn outbox(&self, contact: UserId, after: u64) -> Vec<MessageView> {
        let mut messages = self.history(contact);
        messages.retain(|m| m.outgoing && m.s > after && m.state == Delivery::Queued);
        messages.sort_by_key(|message| message.s);
        messages
    }

    /// The highest position of our log.
    pub(super) fn written(&self, contact: UserId) -> u64 {
        self.conversations.get(&contact).map_or(0, |conversation| conversation.written)
    }
}
