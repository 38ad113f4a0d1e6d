//! One log of a conversation: its positions, from which every state of delivery follows.

use tincan_engine::Delivery;
use tincan_wire::{LogId, Ranges};

use super::bytes::{Parser, Record};

/// One log of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// Whether we write it.
    pub(super) own: bool,
    pub(super) lg: LogId,
    /// Positions that the other side of the writer holds.
    pub(super) held: Ranges,
    /// The last position shown to a person there.
    pub(super) read: u64,
    /// The highest position written.
    pub(super) written: u64,
    /// Of ours: the last position in a block in order.
    pub(super) tail: u64,
    /// Of ours: positions of messages that have failed.
    pub(super) failed: Ranges,
    /// Of theirs: positions of messages that were not shown.
    pub(super) unread: Ranges,
    /// Of theirs: positions above `read` that a further message has. A writer in its right mind
    /// never does that.
    pub(super) twins: Vec<u64>,
}

impl Log {
    pub(super) fn new(own: bool, lg: LogId) -> Self {
        Self {
            own,
            lg,
            held: Ranges::new(),
            read: 0,
            written: 0,
            tail: 0,
            failed: Ranges::new(),
            unread: Ranges::new(),
            twins: Vec::new(),
        }
    }

    /// How far a message has come. *Sent* is nothing that a disk knows: such a message is
    /// `Queued` here. A failed one stays failed, even where its position was given up and
    /// acknowledged as a gap.
    pub(super) fn delivery(&self, s: u64) -> Delivery {
        if self.own && self.failed.contains(s) {
            Delivery::Failed
        } else if self.own && !self.held.contains(s) {
            Delivery::Queued
        } else if s <= self.read {
            Delivery::Read
        } else {
            Delivery::Delivered
        }
    }

    /// A message was written.
    pub(super) fn append(&mut self, s: u64) {
        self.written = self.written.max(s);
        if !self.own && s > self.read && !self.unread.insert(s) {
            self.twins.push(s);
        }
    }

    /// Positions read never go back.
    pub(super) fn read_to(&mut self, to: u64) {
        if to <= self.read {
            return;
        }
        self.read = to;
        let mut unread = Ranges::new();
        let above = self.unread.iter().filter(|(_, last)| *last > to);
        above.for_each(|(first, last)| unread.insert_range(first.max(to + 1), last));
        self.unread = unread;
        self.twins.retain(|s| *s > to);
    }

    /// Messages of theirs that were not shown.
    pub(super) fn unread_count(&self) -> u64 {
        let single: u64 = self.unread.iter().map(|(first, last)| last - first + 1).sum();
        single + self.twins.len() as u64
    }

    pub(super) fn encode(&self, out: &mut Record) {
        out.byte(u8::from(self.own));
        out.raw(self.lg.as_str().as_bytes());
        out.ranges(&self.held);
        [self.read, self.written, self.tail].into_iter().for_each(|number| out.number(number));
        out.ranges(&self.failed);
        out.ranges(&self.unread);
        out.size(self.twins.len());
        self.twins.iter().for_each(|s| out.number(*s));
    }

    pub(super) fn decode(record: &mut Parser<'_>) -> Option<Self> {
        Some(Self {
            own: record.flag()?,
            lg: record.log()?,
            held: record.ranges()?,
            read: record.number()?,
            written: record.number()?,
            tail: record.number()?,
            failed: record.ranges()?,
            unread: record.ranges()?,
            twins: record.list(Parser::number)?,
        })
    }
}
