//! A disk in memory: what a store does with each operation, in the simplest way.

use std::collections::BTreeMap;

use tincan_engine::contact::Contact;
use tincan_engine::store::{
    Conversation, IssuedInvite, Op, OutboxPage, PeerLog, Present, Replay, Request, Snapshot,
    Stored, StoredPrekey,
};
use tincan_engine::{ContactStatus, Delivery, MessageView, Time};
use tincan_wire::{DeviceId, DisplayName, InviteToken, Leaf, LogId, MessageId, PrekeyId};
use tincan_wire::{Ranges, UserId};

/// What one installation holds.
#[derive(Clone, Debug)]
pub struct Disk {
    seed: [u8; 32],
    /// This installation.
    pub dev: DeviceId,
    /// The log that it writes.
    pub lg: LogId,
    /// The last run's mark.
    pub epoch: u64,
    name: DisplayName,
    /// Everyone it knows.
    pub contacts: BTreeMap<UserId, Contact>,
    /// Requests that wait or were declined.
    pub requests: BTreeMap<UserId, Request>,
    /// Invites that may still be used.
    pub invites: BTreeMap<InviteToken, IssuedInvite>,
    /// Our prekeys.
    pub prekeys: BTreeMap<PrekeyId, StoredPrekey>,
    /// Replay positions.
    pub replays: BTreeMap<(UserId, DeviceId, Leaf), Replay>,
    messages: BTreeMap<(UserId, bool, MessageId), MessageView>,
    failed: BTreeMap<MessageId, ()>,
    /// What it holds of each log of a contact.
    pub have: BTreeMap<(UserId, LogId), Ranges>,
    read: BTreeMap<(UserId, LogId), u64>,
    /// Positions of its log that a contact holds.
    pub acked: BTreeMap<UserId, Ranges>,
    peer_read: BTreeMap<UserId, u64>,
}

impl Disk {
    /// The empty disk of a node, 0 to 25.
    ///
    /// # Panics
    /// There are no more letters.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a log of eight letters and digits")]
    pub fn new(number: u8) -> Self {
        let letter = char::from(b'a' + number);
        Self {
            seed: *crate::world::identity(number.into()).seed(),
            dev: DeviceId([number; 8]),
            lg: format!("log0000{letter}").parse().unwrap(),
            epoch: 0,
            name: DisplayName::clean(&format!("Node {letter}")),
            contacts: BTreeMap::new(),
            requests: BTreeMap::new(),
            invites: BTreeMap::new(),
            prekeys: BTreeMap::new(),
            replays: BTreeMap::new(),
            messages: BTreeMap::new(),
            failed: BTreeMap::new(),
            have: BTreeMap::new(),
            read: BTreeMap::new(),
            acked: BTreeMap::new(),
            peer_read: BTreeMap::new(),
        }
    }

    /// Someone is a contact already.
    pub fn befriend(&mut self, id: UserId, name: &str, at: Time) {
        let mut contact = Contact::new(id, ContactStatus::Accepted, at);
        contact.name = DisplayName::clean(name);
        self.contacts.insert(id, contact);
    }

    /// Those of the transaction's messages whose ids it has not.
    #[must_use]
    pub fn unknown_messages(&self, ops: &[Op]) -> Vec<MessageId> {
        let appended = ops.iter().filter_map(|op| match op {
            Op::Append(message) => Some(message),
            _ => None,
        });
        let key = |m: &MessageView| (m.contact, m.outgoing, m.id);
        appended.filter(|m| !self.messages.contains_key(&key(m))).map(|m| m.id).collect()
    }

    /// A message of the history.
    #[must_use]
    pub fn message(&self, contact: UserId, outgoing: bool, id: MessageId) -> Option<&MessageView> {
        self.messages.get(&(contact, outgoing, id))
    }

    /// Messages to a contact that are neither delivered nor failed, in order.
    #[must_use]
    pub fn waiting(&self, contact: UserId) -> Vec<MessageId> {
        let ours = self.ours(contact).filter(|m| self.state(m) == Delivery::Queued);
        let mut list: Vec<_> = ours.map(|message| (message.s, message.id)).collect();
        list.sort_unstable();
        list.into_iter().map(|(_, id)| id).collect()
    }

    /// Our messages to a contact.
    pub fn ours(&self, contact: UserId) -> impl Iterator<Item = &MessageView> {
        let first = (contact, true, MessageId::new(0, [0; 10]));
        let ours = self.messages.range(first..);
        ours.take_while(move |((of, outgoing, _), _)| *of == contact && *outgoing).map(|(_, m)| m)
    }

    /// Does a transaction.
    pub fn apply(&mut self, ops: Vec<Op>) -> Stored {
        let mut stored = Stored::default();
        for op in ops {
            self.apply_one(op, &mut stored);
        }
        stored
    }

    fn apply_one(&mut self, op: Op, stored: &mut Stored) {
        match op {
            Op::SaveEpoch(epoch) => self.epoch = self.epoch.max(epoch),
            Op::SaveName(name) => self.name = name,
            Op::SaveContact(contact) => {
                self.contacts.insert(contact.id, contact);
            }
            Op::SaveRequest(request) => {
                self.requests.insert(request.from, request);
            }
            Op::RemoveRequest(from) => {
                self.requests.remove(&from);
            }
            Op::SaveInvite(invite) => {
                self.invites.insert(invite.token, invite);
            }
            Op::RemoveInvite(token) => {
                self.invites.remove(&token);
            }
            Op::SavePrekey(prekey) => {
                self.prekeys.insert(prekey.id, prekey);
            }
            Op::RemovePrekey(id) => {
                self.prekeys.remove(&id);
            }
            Op::SaveReplay(replay) => {
                self.replays.insert((replay.from, replay.dev, replay.leaf), replay);
            }
            Op::RemoveReplays { from, upto } => {
                self.replays.retain(|(user, _, _), old| *user != from || old.ep > upto);
            }
            Op::Append(message) => self.append(message, stored),
            Op::AddHave { contact, lg, s } => {
                self.have.entry((contact, lg)).or_default().insert_all(&s);
            }
            Op::AddAcked { contact, s } => self.acked.entry(contact).or_default().insert_all(&s),
            Op::SavePeerRead { contact, to } => {
                let read = self.peer_read.entry(contact).or_default();
                *read = to.max(*read);
            }
            Op::SaveRead { contact, lg, to } => {
                let read = self.read.entry((contact, lg)).or_default();
                *read = to.max(*read);
            }
            Op::Fail { contact, ids } => {
                for id in ids {
                    let s = self.messages.get(&(contact, true, id)).map(|message| message.s);
                    let held = |s| self.acked.get(&contact).is_some_and(|acked| acked.contains(s));
                    if s.is_some_and(|s| !held(s)) {
                        self.failed.insert(id, ());
                    }
                }
            }
        }
    }

    fn append(&mut self, message: MessageView, stored: &mut Stored) {
        let key = (message.contact, message.outgoing, message.id);
        match self.messages.get(&key) {
            Some(old) => {
                let same = old.content == message.content && old.kind == message.kind;
                stored.present.push(Present { contact: message.contact, id: message.id, same });
            }
            None => {
                self.messages.insert(key, message);
            }
        }
    }

    /// The conversation as a screen shows it.
    #[must_use]
    pub fn history(&self, me: UserId, contact: UserId) -> Vec<MessageView> {
        let mut list: Vec<_> = self
            .messages
            .values()
            .filter(|message| message.contact == contact)
            .map(|message| MessageView { state: self.state(message), ..message.clone() })
            .collect();
        list.sort_by_key(|m| (m.h, if m.outgoing { me } else { contact }, m.id));
        list
    }

    /// How far a message has come, as far as this disk knows.
    #[must_use]
    pub fn state(&self, message: &MessageView) -> Delivery {
        let contact = message.contact;
        let acked = self.acked.get(&contact).is_some_and(|acked| acked.contains(message.s));
        let read = self.peer_read.get(&contact).is_some_and(|to| message.s <= *to);
        match () {
            () if !message.outgoing => Delivery::Delivered,
            () if self.failed.contains_key(&message.id) => Delivery::Failed,
            () if read => Delivery::Read,
            () if acked => Delivery::Delivered,
            () => Delivery::Queued,
        }
    }

    /// Messages to a contact that are neither delivered nor failed.
    #[must_use]
    pub fn undelivered(&self, contact: UserId) -> usize {
        let ours = self.messages.values().filter(|m| m.outgoing && m.contact == contact);
        ours.filter(|message| self.state(message) == Delivery::Queued).count()
    }

    /// A page of the outbox, of at most `limit` messages.
    #[must_use]
    pub fn outbox(&self, contact: UserId, after: u64, limit: usize) -> OutboxPage {
        let acked = self.acked.get(&contact).cloned().unwrap_or_default();
        let mut messages: Vec<_> = self
            .messages
            .values()
            .filter(|m| m.outgoing && m.contact == contact && m.s > after)
            .filter(|m| !acked.contains(m.s) && !self.failed.contains_key(&m.id))
            .cloned()
            .collect();
        messages.sort_by_key(|message| message.s);
        let more = messages.len() > limit;
        messages.truncate(limit);
        let upto = match messages.last() {
            Some(last) if more => last.s,
            _ => self.written(contact).max(after),
        };
        OutboxPage { contact, after, messages, upto }
    }

    fn written(&self, contact: UserId) -> u64 {
        let ours = self.messages.values().filter(|m| m.outgoing && m.contact == contact);
        ours.map(|message| message.s).max().unwrap_or(0)
    }

    /// What an engine starts with.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(self.seed, self.dev, self.lg);
        snapshot.epoch = self.epoch;
        snapshot.name = self.name.clone();
        snapshot.contacts = self.contacts.values().cloned().collect();
        snapshot.conversations = self.contacts.keys().map(|id| self.conversation(*id)).collect();
        snapshot.requests = self.requests.values().cloned().collect();
        snapshot.invites = self.invites.values().cloned().collect();
        snapshot.prekeys = self.prekeys.values().cloned().collect();
        snapshot.replays = self.replays.values().copied().collect();
        snapshot
    }

    fn conversation(&self, contact: UserId) -> Conversation {
        let logs = self.have.iter().filter(|((user, _), _)| *user == contact);
        let messages = self.messages.values().filter(|message| message.contact == contact);
        Conversation {
            contact,
            written: self.written(contact),
            acked: self.acked.get(&contact).cloned().unwrap_or_default(),
            peer_read: self.peer_read.get(&contact).copied().unwrap_or(0),
            last_h: messages.map(|message| message.h).max().unwrap_or(0),
            logs: logs
                .map(|((_, lg), have)| PeerLog {
                    lg: *lg,
                    have: have.clone(),
                    read: self.read.get(&(contact, *lg)).copied().unwrap_or(0),
                })
                .collect(),
        }
    }
}
