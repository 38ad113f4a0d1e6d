//! A group of transactions becomes the records of one commit: few, however many messages it has.

use tincan_backup::Step;
use tincan_engine::store::{Op, Present, Stored};
use tincan_engine::{Delivery, MessageKind, MessageView};
use tincan_wire::{LogId, MessageId, SortedMap, UserId};

use super::block::{Block, Entry};
use super::book;
use super::conversation::Conversation;
use super::fault::Fault;
use super::log::Log;
use super::restore::Restored;
use super::runs::{Runs, Slot};
use super::schema::{Kind, book_key};
use super::state::{State, replay_key};
use super::write::{Write, write_of};

/// Names a message: conversation, direction, id.
pub(super) type Name = (UserId, bool, MessageId);

/// A message that the database holds already.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) log: u16,
    pub(super) s: u64,
    pub(super) kind: MessageKind,
    pub(super) content: String,
}

/// What was found in the database of the messages that may be there.
pub(super) type Found = SortedMap<Name, Known>;

/// Messages to look for.
pub(super) type Names = SortedMap<Name, ()>;

/// Blocks that are being filled, and what else changed.
#[derive(Default)]
pub(super) struct Group {
    book: SortedMap<Vec<u8>, Option<Vec<u8>>>,
    touched: SortedMap<UserId, ()>,
    runs: Runs,
    /// How many messages there are.
    appended: u32,
}

/// The messages that must be looked for in the database before the record is taken in.
pub(super) fn step_lookups(state: &State, step: &Step, names: &mut Names) {
    match step {
        Step::Op(op) => lookups(state, op, names),
        Step::Log(_) => {}
        Step::Message(message) => message_lookup(state, message, names),
    }
}

/// The messages that must be looked for in the database before the operation.
pub(super) fn lookups(state: &State, op: &Op, names: &mut Names) {
    match op {
        Op::Append(message) => message_lookup(state, message, names),
        Op::Fail { contact, ids } if state.conversations.contains_key(contact) => {
            names.extend(ids.iter().map(|id| ((*contact, true, *id), ())));
        }
        _ => {}
    }
}

fn message_lookup(state: &State, message: &MessageView, names: &mut Names) {
    let Some(conversation) = state.conversations.get(&message.contact) else { return };
    if !conversation.side(message.outgoing).is_surely_new(message.id) {
        names.insert((message.contact, message.outgoing, message.id), ());
    }
}

impl Group {
    /// Does one operation, in memory; it was checked before. What the engine must hear of goes
    /// into `stored`.
    pub(super) fn apply(
        &mut self,
        state: &mut State,
        op: Op,
        found: &Found,
        stored: &mut Stored,
    ) -> Result<(), Fault> {
        let own = state.installation.lg;
        match op {
            Op::SaveEpoch(epoch) => {
                state.installation.epoch = state.installation.epoch.max(epoch);
                self.save_installation(state);
            }
            Op::SaveName(name) => {
                state.installation.name = name;
                self.save_installation(state);
            }
            Op::SaveContact(contact) => self.put(book::contact(&contact)),
            Op::SaveRequest(request) => self.put(book::request(&request)),
            Op::RemoveRequest(from) => self.remove(book::request_key(&from)),
            Op::SaveInvite(invite) => self.put(book::invite(&invite)),
            Op::RemoveInvite(token) => self.remove(book::invite_key(&token)),
            Op::SavePrekey(prekey) => self.put(book::prekey(&prekey)),
            Op::RemovePrekey(id) => self.remove(book::prekey_key(&id)),
            Op::SaveReplay(replay) => {
                let old = state.replays.or_insert_with(replay_key(&replay), || replay);
                if (replay.ep, replay.seq) >= (old.ep, old.seq) {
                    *old = replay;
                    self.put(book::replay(&replay));
                }
            }
            Op::RemoveReplays { from, upto } => {
                let old = state.replays.values().filter(|old| old.from == from && old.ep <= upto);
                for old in old.copied().collect::<Vec<_>>() {
                    state.replays.remove(&replay_key(&old));
                    self.remove(book::replay_key(&old));
                }
            }
            Op::Append(message) => stored.present.extend(self.append(state, message, found)?),
            Op::AddHave { contact, lg, s } => {
                self.log(state, contact, false, lg)?.held.insert_all(&s);
            }
            Op::AddAcked { contact, s } => {
                self.log(state, contact, true, own)?.held.insert_all(&s);
            }
            Op::SavePeerRead { contact, to } => self.log(state, contact, true, own)?.read_to(to),
            Op::SaveRead { contact, lg, to } => self.log(state, contact, false, lg)?.read_to(to),
            Op::Fail { contact, ids } => self.fail(state, contact, &ids, found),
        }
        Ok(())
    }

    /// Takes in a record of a backup.
    pub(super) fn restore(
        &mut self,
        state: &mut State,
        step: Step,
        found: &Found,
        restored: &mut Restored,
    ) -> Result<(), Fault> {
        match step {
            Step::Op(op) => self.apply(state, op, found, &mut Stored::default()),
            Step::Log(log) => self.restore_log(state, &log),
            Step::Message(message) => self.restore_message(state, message, found, restored),
        }
    }

    fn restore_log(&mut self, state: &mut State, log: &tincan_backup::Log) -> Result<(), Fault> {
        // Of the log that we write here, nobody knows more than we do.
        if log.own && log.lg == state.installation.lg {
            return Ok(());
        }
        let ours = self.log(state, log.contact, log.own, log.lg)?;
        ours.held.insert_all(&log.held);
        ours.read_to(log.read);
        Ok(())
    }

    fn restore_message(
        &mut self,
        state: &mut State,
        mut message: MessageView,
        found: &Found,
        restored: &mut Restored,
    ) -> Result<(), Fault> {
        let own = state.installation.lg;
        // A message under the name of our log that we don't have was written by a copy of this
        // store; its position may be another message's by now.
        let is_of_a_copy = message.lg == own;
        let goes_out = message.outgoing && (message.state == Delivery::Queued || is_of_a_copy);
        if goes_out {
            let log = self.log(state, message.contact, true, own)?;
            message.lg = own;
            message.s = log.written.max(log.held.highest()).saturating_add(1);
        }
        let (contact, id) = (message.contact, message.id);
        let has_failed = message.state == Delivery::Failed;
        match self.append(state, message, found)? {
            Some(present) if present.same => restored.known += 1,
            Some(_) => restored.conflicts += 1,
            None => {
                restored.messages += 1;
                restored.waiting += u64::from(goes_out && !has_failed);
                if has_failed {
                    self.fail(state, contact, &[id], found);
                }
            }
        }
        Ok(())
    }

    /// Sets a setting of the shell, or removes it.
    pub(super) fn set(&mut self, state: &mut State, name: &str, value: Option<&str>) {
        match value {
            Some(value) => {
                state.settings.insert(name.to_owned(), value.to_owned());
                self.put(book::setting(name, value));
            }
            None => {
                state.settings.remove(name);
                self.remove(book::setting_key(name));
            }
        }
    }

    /// How many messages are new.
    pub(super) fn appended(&self) -> u32 {
        self.appended
    }

    /// All that is to be written.
    pub(super) fn finish(mut self, state: &mut State) -> Vec<Write> {
        let blocks = self.runs.finish();
        let mut writes = Vec::with_capacity(blocks.len() + self.touched.len() + self.book.len());
        for (place, (contact, class, block)) in (0..).zip(&blocks) {
            if let Some(conversation) = state.conversations.get_mut(contact)
                && let (Some(first), Some(last)) = (block.entries.first(), block.entries.last())
            {
                // Of a run the last message is the highest, and a stray is alone.
                conversation.show(&state.me, block.outgoing, block.log, last);
                writes.push(write_of(&state.me, *class, block, place, first, last, contact));
            }
        }
        if self.appended > 0 {
            state.next_commit += 1;
        }
        for contact in self.touched.keys() {
            if let Some(conversation) = state.conversations.get_mut(contact) {
                conversation.ours.trim();
                conversation.theirs.trim();
                let key = book_key(Kind::Conversation, &[contact.as_bytes()]);
                self.book.insert(key, Some(conversation.encode()));
            }
        }
        writes.extend(self.book.into_iter().map(|(key, value)| Write::Book { key, value }));
        writes
    }

    fn put(&mut self, (key, value): (Vec<u8>, Vec<u8>)) {
        self.book.insert(key, Some(value));
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.book.insert(key, None);
    }

    fn save_installation(&mut self, state: &State) {
        self.put((book::Installation::key(), state.installation.encode()));
    }

    fn touch<'a>(
        &mut self,
        state: &'a mut State,
        contact: UserId,
    ) -> Result<&'a mut Conversation, Fault> {
        self.touched.insert(contact, ());
        state.conversation(contact)
    }

    fn log<'a>(
        &mut self,
        state: &'a mut State,
        contact: UserId,
        own: bool,
        lg: LogId,
    ) -> Result<&'a mut Log, Fault> {
        self.touch(state, contact)?.log(own, lg).map(|(_, log)| log)
    }

    fn append(
        &mut self,
        state: &mut State,
        message: MessageView,
        found: &Found,
    ) -> Result<Option<Present>, Fault> {
        let (contact, outgoing, id) = (message.contact, message.outgoing, message.id);
        let (commit, name) = (state.next_commit, (contact, outgoing, id));
        let conversation = self.touch(state, contact)?;
        let (at, _) = conversation.log(outgoing, message.lg)?;
        let new = conversation.side(outgoing).is_surely_new(id);
        if !new && let Some(same) = self.is_same(&message, name, found) {
            return Ok(Some(Present { contact, id, same }));
        }
        let entry = Entry::new(message, self.appended);
        self.appended += 1;
        conversation.last_h = conversation.last_h.max(entry.h);
        let is_tail = match conversation.logs.get_mut(usize::from(at)) {
            Some(log) => {
                log.append(entry.s);
                let is_tail = !outgoing || entry.s > log.tail;
                is_tail.then_some(log)
            }
            None => None,
        };
        if let Some(log) = is_tail {
            let tail = entry.s;
            let slot = Slot { contact, number: conversation.number, outgoing, log: at, commit };
            let side = if outgoing { &mut conversation.ours } else { &mut conversation.theirs };
            side.note(id);
            if let Some(entry) = self.runs.fill(&slot, &mut side.end, entry) {
                self.runs.stray(&slot, entry);
            } else {
                log.tail = tail;
            }
        } else {
            let slot = Slot { contact, number: conversation.number, outgoing, log: at, commit };
            conversation.side_mut(outgoing).note(id);
            self.runs.stray(&slot, entry);
        }
        Ok(None)
    }

    /// Whether a message of this name is there, and the same.
    fn is_same(&self, message: &MessageView, name: Name, found: &Found) -> Option<bool> {
        let is_same = |kind: &MessageKind, content: &str| {
            *kind == message.kind && *content == *message.content
        };
        match found.get(&name) {
            Some(known) => Some(is_same(&known.kind, &known.content)),
            None => self.pending(name).map(|(_, entry)| is_same(&entry.kind, &entry.content)),
        }
    }

    /// A message of this group.
    fn pending(&self, (contact, outgoing, id): Name) -> Option<(&Block, &Entry)> {
        self.runs.find(contact, outgoing, id)
    }

    fn fail(&mut self, state: &mut State, contact: UserId, ids: &[MessageId], found: &Found) {
        for id in ids {
            let name = (contact, true, *id);
            let known = found.get(&name).map(|known| (known.log, known.s));
            let pending = || self.pending(name).map(|(block, entry)| (block.log, entry.s));
            if let Some((log, s)) = known.or_else(pending)
                && let Some(conversation) = state.conversations.get_mut(&contact)
                && let Some(log) = conversation.logs.get_mut(usize::from(log))
            {
                log.failed.insert(s);
                self.touched.insert(contact, ());
            }
        }
    }
}
