//! New messages become blocks: runs in order as long as they go on, strays one by one.

use tincan_wire::{MessageId, SortedMap, UserId};

use super::block::{Block, Entry, MAX_BLOCK_BYTES, MAX_BLOCK_MESSAGES};
use super::schema::{OURS, STRAY, THEIRS};
use super::side::End;

/// The blocks of a commit.
#[derive(Default)]
pub(super) struct Runs {
    /// Of each contact and direction, the block that may still grow.
    filling: SortedMap<(UserId, bool), Filling>,
    /// Contact, class and block.
    full: Vec<(UserId, u8, Block)>,
}

struct Filling {
    block: Block,
    size_bytes: usize,
}

/// Where a message goes.
pub(super) struct Slot {
    pub(super) contact: UserId,
    pub(super) number: u32,
    pub(super) outgoing: bool,
    pub(super) log: u16,
    pub(super) commit: u64,
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

impl Runs {
    /// Puts an entry at the end of a run; gives it back if it does not fit there.
    pub(super) fn fill(
        &mut self,
        slot: &Slot,
        end: &mut Option<End>,
        entry: Entry,
    ) -> Option<Entry> {
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

    /// Puts an entry into a block of its own.
    pub(super) fn stray(&mut self, slot: &Slot, entry: Entry) {
        let mut block = slot.block();
        block.entries.push(entry);
        self.full.push((slot.contact, STRAY, block));
    }

    /// A message that is in one of the blocks.
    pub(super) fn find(
        &self,
        contact: UserId,
        outgoing: bool,
        id: MessageId,
    ) -> Option<(&Block, &Entry)> {
        let full = self.full.iter().map(|(contact, _, block)| (contact, block));
        let filling = self.filling.iter().map(|((contact, _), filling)| (contact, &filling.block));
        full.chain(filling)
            .filter(|(found, block)| **found == contact && block.outgoing == outgoing)
            .flat_map(|(_, block)| block.entries.iter().map(move |entry| (block, entry)))
            .find(|(_, entry)| entry.id == id)
    }

    /// All blocks: contact, class and block.
    pub(super) fn finish(mut self) -> Vec<(UserId, u8, Block)> {
        for ((contact, outgoing), filling) in self.filling {
            self.full.push((contact, class_of(outgoing), filling.block));
        }
        self.full
    }
}
