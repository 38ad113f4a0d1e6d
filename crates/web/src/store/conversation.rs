//! How far a conversation is: the positions of its logs, and where its blocks end. One small
//! record, from which a start, a list of conversations and every state of delivery follow
//! without a look at the messages.

use std::collections::BTreeSet;

use tincan_engine::store::{self, PeerLog};
use tincan_engine::{Delivery, MessageView, Summary};
use tincan_wire::{LogId, MessageId, Ranges, UserId};

use super::block::{Entry, sender_rank};
use super::bytes::{self, Parser, Record};
use super::fault::Fault;
use super::schema::Kind;

/// Ids per side that are remembered: enough that a message which is sent again, or one that
/// shares its millisecond with others, needs no look at the disk.
const MAX_RECENT: usize = 512;

/// A conversation's record.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    /// Names it in the keys of `messages`.
    pub(super) number: u32,
    pub(super) contact: UserId,
    /// The highest `h` of any message; 0 for none.
    pub(super) last_h: u64,
    /// The last message on display.
    pub(super) last: Option<Last>,
    pub(super) ours: Side,
    pub(super) theirs: Side,
    pub(super) logs: Vec<Log>,
}

/// The last message on display.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) outgoing: bool,
    pub(super) log: u16,
    pub(super) entry: Entry,
}

/// What is known of the messages of one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// The end of the run of blocks in order.
    pub(super) end: Option<End>,
    /// The highest time in any id.
    pub(super) top: Option<u64>,
    /// Every id whose time is at least this is in `recent`. Not stored.
    known_from: u64,
    recent: BTreeSet<MessageId>,
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

impl Side {
    /// What a lookup can be spared for: the id is surely not on the disk.
    pub(super) fn is_surely_new(&self, id: MessageId) -> bool {
        match self.top {
            None => true,
            Some(top) if id.timestamp_ms() > top => true,
            Some(_) => id.timestamp_ms() >= self.known_from && !self.recent.contains(&id),
        }
    }

    /// Takes note of a new id.
    pub(super) fn note(&mut self, id: MessageId) {
        self.top = self.top.max(Some(id.timestamp_ms()));
        if id.timestamp_ms() >= self.known_from {
            self.recent.insert(id);
        }
    }

    /// Forgets the oldest of the remembered ids. Not in the middle of a group.
    pub(super) fn trim(&mut self) {
        if self.recent.len() <= MAX_RECENT {
            return;
        }
        let surplus = self.recent.len() - MAX_RECENT;
        if let Some(last) = self.recent.iter().nth(surplus - 1) {
            self.known_from = last.timestamp_ms() + 1;
        }
        self.recent = std::mem::take(&mut self.recent)
            .into_iter()
            .filter(|id| id.timestamp_ms() >= self.known_from)
            .collect();
    }

    fn encode(&self, out: &mut Record) {
        out.optional(self.end, |out, end| {
            [end.h, end.time, end.first_time].into_iter().for_each(|number| out.number(number));
        });
        out.optional(self.top, Record::number);
    }

    fn decode(record: &mut Parser<'_>) -> Option<Self> {
        let end = record.optional(|record| {
            let (h, time, first_time) = (record.number()?, record.number()?, record.number()?);
            Some(End { h, time, first_time })
        })?;
        let top: Option<u64> = record.optional(Parser::number)?;
        let known_from = top.map_or(0, |top| top.saturating_add(1));
        Some(Self { end, top, known_from, recent: BTreeSet::new() })
    }
}

impl Log {
    fn new(own: bool, lg: LogId) -> Self {
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

    fn unread_count(&self) -> u64 {
        let single: u64 = self.unread.iter().map(|(first, last)| last - first + 1).sum();
        single + self.twins.len() as u64
    }

    fn encode(&self, out: &mut Record) {
        out.byte(u8::from(self.own));
        out.raw(self.lg.as_str().as_bytes());
        out.ranges(&self.held);
        [self.read, self.written, self.tail].into_iter().for_each(|number| out.number(number));
        out.ranges(&self.failed);
        out.ranges(&self.unread);
        out.size(self.twins.len());
        self.twins.iter().for_each(|s| out.number(*s));
    }

    fn decode(record: &mut Parser<'_>) -> Option<Self> {
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

impl Conversation {
    pub(super) fn new(number: u32, contact: UserId) -> Self {
        Self {
            number,
            contact,
            last_h: 0,
            last: None,
            ours: Side::default(),
            theirs: Side::default(),
            logs: Vec::new(),
        }
    }

    pub(super) fn side(&self, outgoing: bool) -> &Side {
        if outgoing { &self.ours } else { &self.theirs }
    }

    pub(super) fn side_mut(&mut self, outgoing: bool) -> &mut Side {
        if outgoing { &mut self.ours } else { &mut self.theirs }
    }

    /// The place of a log in the record, if it is there.
    pub(super) fn find_log(&self, own: bool, lg: LogId) -> Option<u16> {
        let at = self.logs.iter().position(|log| (log.own, log.lg) == (own, lg))?;
        u16::try_from(at).ok()
    }

    /// A log, made where there is none.
    pub(super) fn log(&mut self, own: bool, lg: LogId) -> Result<(u16, &mut Log), Fault> {
        let at = match self.find_log(own, lg) {
            Some(at) => at,
            None => {
                // The engine allows a few logs per contact.
                let at = u16::try_from(self.logs.len())
                    .map_err(|_| Fault::OutOfRange("the number of logs"))?;
                self.logs.push(Log::new(own, lg));
                at
            }
        };
        match self.logs.get_mut(usize::from(at)) {
            Some(log) => Ok((at, log)),
            None => Err(Fault::Damaged("a log")),
        }
    }

    /// A message as the history shows it.
    pub(super) fn view(
        &self,
        outgoing: bool,
        log: u16,
        entry: Entry,
    ) -> Result<MessageView, Fault> {
        let log = self.logs.get(usize::from(log)).filter(|log| log.own == outgoing);
        let log = log.ok_or(Fault::Damaged("a message without a log"))?;
        let state = log.delivery(entry.s);
        let Entry { id, s, h, timestamp, kind, content, .. } = entry;
        Ok(MessageView {
            contact: self.contact,
            outgoing,
            id,
            lg: log.lg,
            s,
            h,
            timestamp,
            kind,
            content,
            state,
        })
    }

    /// Takes note of a message as the last one, if it is.
    pub(super) fn show(&mut self, me: &UserId, outgoing: bool, log: u16, entry: &Entry) {
        let rank = |outgoing| sender_rank(me, &self.contact, outgoing);
        let place = entry.place(rank(outgoing));
        let is_last = match &self.last {
            Some(last) => place > last.entry.place(rank(last.outgoing)),
            None => true,
        };
        if is_last {
            self.last = Some(Last { outgoing, log, entry: entry.clone() });
        }
    }

    /// The line of it.
    pub(super) fn summary(&self) -> Result<Summary, Fault> {
        let unread = self.logs.iter().map(Log::unread_count).sum();
        let last = self.last.clone();
        let last = last.map(|last| self.view(last.outgoing, last.log, last.entry)).transpose()?;
        Ok(Summary { contact: self.contact, unread, last })
    }

    /// What the engine must know of it; `own` is the log that we write now.
    pub(super) fn for_engine(&self, own: LogId) -> store::Conversation {
        let ours = self.logs.iter().find(|log| log.own && log.lg == own);
        let mut logs: Vec<PeerLog> = (self.logs.iter().filter(|log| !log.own))
            .map(|log| PeerLog { lg: log.lg, have: log.held.clone(), read: log.read })
            .collect();
        logs.sort_by_key(|log| log.lg);
        store::Conversation {
            contact: self.contact,
            written: ours.map_or(0, |log| log.written),
            acked: ours.map(|log| log.held.clone()).unwrap_or_default(),
            peer_read: ours.map_or(0, |log| log.read),
            last_h: self.last_h,
            logs,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Record(Vec::with_capacity(256));
        out.byte(Kind::Conversation as u8);
        out.raw(self.contact.as_bytes());
        out.number(u64::from(self.number));
        out.number(self.last_h);
        out.optional(self.last.as_ref(), |out, last| {
            out.byte(u8::from(last.outgoing));
            out.number(u64::from(last.log));
            last.entry.encode(out, 0, 0, 0);
        });
        self.ours.encode(&mut out);
        self.theirs.encode(&mut out);
        out.size(self.logs.len());
        self.logs.iter().for_each(|log| log.encode(&mut out));
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        bytes::read(bytes, "a conversation", |record| {
            record.byte()?;
            Some(Self {
                contact: record.user()?,
                number: record.number()?.try_into().ok()?,
                last_h: record.number()?,
                last: record.optional(|record| {
                    let outgoing = record.flag()?;
                    let log = record.number()?.try_into().ok()?;
                    Some(Last { outgoing, log, entry: Entry::decode(record, 0, 0, 0)? })
                })?,
                ours: Side::decode(record)?,
                theirs: Side::decode(record)?,
                logs: record.list(Log::decode)?,
            })
        })
    }
}
