//! What is known of the messages of one direction of a conversation: where its run of blocks
//! ends, and which ids are surely new.

use tincan_wire::{MessageId, SortedMap};

use super::bytes::{Parser, Record};

/// Ids per side that are remembered: enough that a message which is sent again, or one that
/// shares its millisecond with others, needs no look at the disk.
const MAX_RECENT: usize = 512;

/// What is known of the messages of one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// The end of the run of blocks in order.
    pub(super) end: Option<End>,
    /// The highest time in any id.
    pub(super) top: Option<u64>,
    /// Every id whose time is at least this is in `recent`. Not stored.
    known_from: u64,
    recent: SortedMap<MessageId, ()>,
}

/// The end of a run of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// `h` of the last message.
    pub(super) h: u64,
    /// Time in the id of the last message.
    pub(super) time: u64,
    /// Time in the id of the first message of the last block.
    pub(super) first_time: u64,
}

impl Side {
    /// What a lookup can be spared for: the id is surely not on the disk.
    pub(super) fn is_surely_new(&self, id: MessageId) -> bool {
        match self.top {
            None => true,
            Some(top) if id.timestamp_ms() > top => true,
            Some(_) => id.timestamp_ms() >= self.known_from && !self.recent.contains_key(&id),
        }
    }

    /// Takes note of a new id.
    pub(super) fn note(&mut self, id: MessageId) {
        self.top = self.top.max(Some(id.timestamp_ms()));
        if id.timestamp_ms() >= self.known_from {
            self.recent.insert(id, ());
        }
    }

    /// Forgets the oldest of the remembered ids. Not in the middle of a group.
    pub(super) fn trim(&mut self) {
        if self.recent.len() <= MAX_RECENT {
            return;
        }
        let surplus = self.recent.len() - MAX_RECENT;
        if let Some(last) = self.recent.keys().nth(surplus - 1) {
            self.known_from = last.timestamp_ms() + 1;
        }
        self.recent.retain(|id, ()| id.timestamp_ms() >= self.known_from);
    }

    pub(super) fn encode(&self, out: &mut Record) {
        out.optional(self.end, |out, end| {
            [end.h, end.time, end.first_time].into_iter().for_each(|number| out.number(number));
        });
        out.optional(self.top, Record::number);
    }

    pub(super) fn decode(record: &mut Parser<'_>) -> Option<Self> {
        let end = record.optional(|record| {
            let (h, time, first_time) = (record.number()?, record.number()?, record.number()?);
            Some(End { h, time, first_time })
        })?;
        let top: Option<u64> = record.optional(Parser::number)?;
        let known_from = top.map_or(0, |top| top.saturating_add(1));
        Some(Self { end, top, known_from, recent: SortedMap::new() })
    }
}
