//! A block of messages: a run of one log that one commit wrote, as one record that never changes.

use std::cmp::Ordering;

use tincan_engine::{MessageKind, MessageView};
use tincan_wire::MessageId;

use super::bytes::{self, Parser, Record};
use super::fault::Fault;

/// Most messages of one block: a page of history should not read much more than it shows.
pub(super) const MAX_BLOCK_MESSAGES: usize = 256;

/// A block that has so many bytes of content is full.
pub(super) const MAX_BLOCK_BYTES: usize = 64 * 1024;

/// A message as its block holds it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its place among the messages of its commit.
    pub(super) ordinal: u32,
    pub(super) id: MessageId,
    pub(super) s: u64,
    pub(super) h: u64,
    pub(super) timestamp: u64,
    pub(super) kind: MessageKind,
    pub(super) content: String,
}

/// A run of messages of one log.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The conversation's number.
    pub(super) conversation: u32,
    /// Whether we wrote them.
    pub(super) outgoing: bool,
    /// The log's place in the conversation's record.
    pub(super) log: u16,
    /// The number of the commit.
    pub(super) commit: u64,
    pub(super) entries: Vec<Entry>,
}

impl Entry {
    pub(super) fn new(message: MessageView, ordinal: u32) -> Self {
        let MessageView { id, s, h, timestamp, kind, content, .. } = message;
        Self { ordinal, id, s, h, timestamp, kind, content }
    }

    pub(super) fn encode(&self, out: &mut Record, ordinal: u32, s: u64, h: u64) {
        out.number(u64::from(self.ordinal.wrapping_sub(ordinal)));
        out.raw(self.id.as_bytes());
        out.number(self.s.wrapping_sub(s));
        out.number(self.h.wrapping_sub(h));
        out.signed(self.timestamp.wrapping_sub(self.h) as i64);
        let (kind, target) = kind_parts(&self.kind);
        out.byte(kind);
        if let Some(target) = target {
            out.raw(target.as_bytes());
        }
        out.text(&self.content);
    }

    pub(super) fn decode(record: &mut Parser<'_>, ordinal: u32, s: u64, h: u64) -> Option<Self> {
        let ordinal = ordinal.wrapping_add(record.number()?.try_into().ok()?);
        let id = record.message_id()?;
        let s = s.wrapping_add(record.number()?);
        let h = h.wrapping_add(record.number()?);
        let timestamp = h.wrapping_add(record.signed()? as u64);
        let kind = kind_of(record)?;
        let content = record.text()?.to_owned();
        Some(Self { ordinal, id, s, h, timestamp, kind, content })
    }

    /// The order of display within a conversation: by `h`, sender and id. `rank` is the
    /// sender's, 0 for the lower user id of the two.
    pub(super) fn place(&self, rank: u8) -> Place {
        Place { h: self.h, rank, id: *self.id.as_bytes() }
    }
}

/// A place in the order of display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) h: u64,
    pub(super) rank: u8,
    pub(super) id: [u8; 16],
}

impl Place {
    /// After every message.
    pub(super) const END: Self = Self { h: u64::MAX, rank: u8::MAX, id: [u8::MAX; 16] };
}

impl Block {
    /// Most blocks hold one message or a run, in which each number differs little from the last.
    pub(super) fn encode(&self) -> Vec<u8> {
        let content: usize = self.entries.iter().map(|entry| entry.content.len() + 32).sum();
        let mut out = Record(Vec::with_capacity(content + 24));
        out.number(u64::from(self.conversation));
        out.byte(u8::from(self.outgoing));
        out.number(u64::from(self.log));
        out.number(self.commit);
        let (mut ordinal, mut s, mut h) = (0, 0, 0);
        for entry in &self.entries {
            entry.encode(&mut out, ordinal, s, h);
            (ordinal, s, h) = (entry.ordinal, entry.s, entry.h);
        }
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        bytes::read(bytes, "a message", |record| {
            let conversation = record.number()?.try_into().ok()?;
            let outgoing = record.flag()?;
            let log = record.number()?.try_into().ok()?;
            let commit = record.number()?;
            let mut entries = Vec::new();
            let (mut ordinal, mut s, mut h) = (0, 0, 0);
            while !record.is_empty() {
                let entry = Entry::decode(record, ordinal, s, h)?;
                (ordinal, s, h) = (entry.ordinal, entry.s, entry.h);
                entries.push(entry);
            }
            Some(Self { conversation, outgoing, log, commit, entries })
        })
    }
}

/// The rank of a sender in the order of display: 0 for the lower user id of the two.
pub(super) fn sender_rank(
    me: &tincan_wire::UserId,
    contact: &tincan_wire::UserId,
    outgoing: bool,
) -> u8 {
    let is_higher = me.cmp(contact) == Ordering::Greater;
    u8::from(is_higher == outgoing)
}

fn kind_parts(kind: &MessageKind) -> (u8, Option<MessageId>) {
    match *kind {
        MessageKind::Text { reply: None } => (0, None),
        MessageKind::Text { reply } => (1, reply),
        MessageKind::Edit { target } => (2, Some(target)),
        MessageKind::Delete { target } => (3, Some(target)),
        MessageKind::React { target } => (4, Some(target)),
    }
}

fn kind_of(record: &mut Parser<'_>) -> Option<MessageKind> {
    Some(match record.byte()? {
        0 => MessageKind::Text { reply: None },
        1 => MessageKind::Text { reply: Some(record.message_id()?) },
        2 => MessageKind::Edit { target: record.message_id()? },
        3 => MessageKind::Delete { target: record.message_id()? },
        4 => MessageKind::React { target: record.message_id()? },
        _ => return None,
    })
}
