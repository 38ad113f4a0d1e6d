//! A group of transactions becomes the records of one commit: few, however many messages it has.

use std::collections::{BTreeMap, BTreeSet};

use tincan_engine::store::{Op, Present, Stored};
use tincan_engine::{MessageKind, MessageView};
use tincan_wire::{LogId, MessageId, UserId};

use super::block::{Block, Entry, MAX_BLOCK_BYTES, MAX_BLOCK_MESSAGES};
use super::conversation::{Conversation, End};
use super::fault::Fault;
use super::schema::{self, Kind, OURS, STRAY, THEIRS, book_key};
use super::state::{State, replay_key};
use super::book;

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
pub(super) type Found = BTreeMap<Name, Known>;

/// A record to be written.
pub(super) enum Write {
    /// A record of `book`; none removes it.
    Book { key: Vec<u8>, value: Option<Vec<u8>> },
    /// A block of messages, with its keys.
    Block { place: Vec<u8>, number: Vec<u8>, ids: Vec<u8>, position: Option<Vec<u8>>, block: Vec<u8> },
}

/// Blocks that are being filled, and what else changed.
#[derive(Default)]
pub(super) struct Group {
    book: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    touched: BTreeSet<UserId>,
    filling: BTreeMap<(UserId, bool), Filling>,
    full: Vec<(UserId, u8, Block)>,
    ordinal: u32,
    /// Whether there are messages.
    pub(super) appended: bool,
}

struct Filling {
    block: Block,
    size_bytes: usize,
}

/// Refuses what the native database can't hold: numbers of more than 63 bits. So nothing fails
/// half way.
pub(super) fn check(op: &Op) -> Result<(), Fault> {
    let fits = |number: u64, what| {
        if i64::try_from(number).is_ok() { Ok(()) } else { Err(Fault::OutOfRange(what)) }
    };
    match op {
        Op::SaveEpoch(epoch) => fits(*epoch, "the epoch"),
        Op::SaveContact(contact) => {
            let prekey_at = contact.prekey.as_ref().map(|(_, at)| *at);
            [prekey_at, contact.asked, Some(contact.added)]
                .into_iter()
                .flatten()
                .try_for_each(|time| fits(time.as_millis(), "a time"))
        }
        Op::SaveRequest(request) => fits(request.at.as_millis(), "a time"),
        Op::SaveInvite(invite) => fits(invite.expiry.as_millis(), "a time"),
        Op::SavePrekey(prekey) => fits(prekey.made.as_millis(), "a time"),
        Op::SaveReplay(replay) => {
            fits(replay.ep, "an epoch")?;
            fits(replay.seq, "a sequence number")
        }
        Op::Append(message) => {
            fits(message.s, "the position of a message")?;
            fits(message.h, "the place of a message")?;
            fits(message.timestamp, "the time of a message")
        }
        Op::SavePeerRead { to, .. } | Op::SaveRead { to, .. } => fits(*to, "a read position"),
        Op::SaveName(_)
        | Op::RemoveRequest(_)
        | Op::RemoveInvite(_)
        | Op::RemovePrekey(_)
        | Op::AddHave { .. }
        | Op::AddAcked { .. }
        | Op::Fail { .. } => Ok(()),
    }
}

/// The messages that must be looked for in the database before the operation.
pub(super) fn lookups(state: &State, op: &Op, names: &mut BTreeSet<Name>) {
    match op {
        Op::Append(message) => {
            let Some(conversation) = state.conversations.get(&message.contact) else { return };
            if !conversation.side(message.outgoing).is_surely_new(message.id) {
                names.insert((message.contact, message.outgoing, message.id));
            }
        }
        Op::Fail { contact, ids } if state.conversations.contains_key(contact) => {
            names.extend(ids.iter().map(|id| (*contact, true, *id)));
        }
        _ => {}
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
                let old = state.replays.entry(replay_key(&replay)).or_insert(replay);
                if (replay.ep, replay.seq) >= (old.ep, old.seq) {
                    *old = replay;
                    self.put(book::replay(&replay));
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

    /// All that is to be written.
    pub(super) fn finish(mut self, state: &mut State) -> Vec<Write> {
        for ((contact, outgoing), filling) in std::mem::take(&mut self.filling) {
            self.full.push((contact, class_of(outgoing), filling.block));
        }
        let mut writes = Vec::with_capacity(self.full.len() + self.touched.len() + self.book.len());
        for (place, (contact, class, block)) in (0..).zip(&self.full) {
            if let Some(conversation) = state.conversations.get_mut(contact)
                && let (Some(first), Some(last)) = (block.entries.first(), block.entries.last())
            {
                // Of a run the last message is the highest, and a stray is alone.
                conversation.show(&state.me, block.outgoing, block.log, last);
                writes.push(write_of(&state.me, *class, block, place, first, last, contact));
            }
        }
        if self.appended {
            state.next_commit += 1;
        }
        for contact in &self.touched {
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
        self.touched.insert(contact);
        state.conversation(contact)
    }

    fn log<'a>(
        &mut self,
        state: &'a mut State,
        contact: UserId,
        own: bool,
        lg: LogId,
    ) -> Result<&'a mut super::conversation::Log, Fault> {
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
        let entry = Entry::new(message, self.ordinal);
        self.ordinal += 1;
        self.appended = true;
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
            if let Some(entry) = self.fill(&slot, &mut side.end, entry) {
                self.stray(&slot, entry);
            } else {
                log.tail = tail;
            }
        } else {
            let slot = Slot { contact, number: conversation.number, outgoing, log: at, commit };
            conversation.side_mut(outgoing).note(id);
            self.stray(&slot, entry);
        }
        Ok(None)
    }

    /// Puts an entry at the end of a run; gives it back if it does not fit there.
    fn fill(&mut self, slot: &Slot, end: &mut Option<End>, entry: Entry) -> Option<Entry> {
        let time = entry.id.timestamp_ms();
        let rises = end.is_none_or(|end| entry.h > end.h && time >= end.time);
        if !rises {
            return Some(entry);
        }
        let key = (slot.contact, slot.outgoing);
        let goes_on = self.filling.get(&key).is_some_and(|filling| {
            filling.block.log == slot.log
                && filling.block.entries.len() < MAX_BLOCK_MESSAGES
                && filling.size_bytes < MAX_BLOCK_BYTES
        });
        // At most two blocks may share a time, so that looking for an id reads no more.
        let is_stuck = end.is_some_and(|end| end.first_time == time);
        if !goes_on && is_stuck {
            return Some(entry);
        }
        if !goes_on {
            let block = slot.block();
            let old = self.filling.insert(key, Filling { block, size_bytes: 0 });
            let class = class_of(slot.outgoing);
            self.full.extend(old.map(|old| (slot.contact, class, old.block)));
        }
        let first_time = match end {
            Some(end) if goes_on => end.first_time,
            _ => time,
        };
        *end = Some(End { h: entry.h, time, first_time });
        if let Some(filling) = self.filling.get_mut(&key) {
            filling.size_bytes += entry.content.len();
            filling.block.entries.push(entry);
        }
        None
    }

    fn stray(&mut self, slot: &Slot, entry: Entry) {
        let mut block = slot.block();
        block.entries.push(entry);
        self.full.push((slot.contact, STRAY, block));
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
        let full = self.full.iter().map(|(contact, _, block)| (contact, block));
        let filling = self.filling.iter().map(|((contact, _), filling)| (contact, &filling.block));
        full.chain(filling)
            .filter(|(found, block)| **found == contact && block.outgoing == outgoing)
            .flat_map(|(_, block)| block.entries.iter().map(move |entry| (block, entry)))
            .find(|(_, entry)| entry.id == id)
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
                self.touched.insert(contact);
            }
        }
    }
}

/// Where a message goes.
struct Slot {
    contact: UserId,
    number: u32,
    outgoing: bool,
    log: u16,
    commit: u64,
}

impl Slot {
    fn block(&self) -> Block {
        let Self { number, outgoing, log, commit, .. } = *self;
        Block { conversation: number, outgoing, log, commit, entries: Vec::new() }
    }
}

fn class_of(outgoing: bool) -> u8 {
    if outgoing { OURS } else { THEIRS }
}

fn write_of(
    me: &UserId,
    class: u8,
    block: &Block,
    place: u32,
    first: &Entry,
    last: &Entry,
    contact: &UserId,
) -> Write {
    let (number, outgoing) = (block.conversation, block.outgoing);
    let (key, ids) = if class == STRAY {
        let rank = super::block::sender_rank(me, contact, outgoing);
        let key = schema::stray_place(number, last.h, rank, last.id);
        (key, schema::stray_id(number, outgoing, last.id))
    } else {
        let ids = schema::run_ids(number, class, last.id.timestamp_ms());
        (schema::place(number, class, first.h), ids)
    };
    let position =
        outgoing.then(|| schema::position(number, block.log, class == STRAY, last.s));
    Write::Block {
        place: key,
        number: schema::number(block.commit, place),
        ids,
        position,
        block: block.encode(),
    }
}
