//! How far a conversation is: the positions of its logs, and where its blocks end. One small
//! record, from which a start, a list of conversations and every state of delivery follow
//! without a look at the messages.

use tincan_engine::store::{self, PeerLog};
use tincan_engine::{MessageView, Summary};
use tincan_wire::{LogId, SortedMap, UserId};

use super::block::{Entry, sender_rank};
use super::bytes::{self, Record};
use super::fault::Fault;
use super::log::Log;
use super::schema::Kind;
use super::side::Side;

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
        let theirs = self.logs.iter().filter(|log| !log.own);
        let logs: SortedMap<LogId, PeerLog> = theirs
            .map(|log| (log.lg, PeerLog { lg: log.lg, have: log.held.clone(), read: log.read }))
            .collect();
        store::Conversation {
            contact: self.contact,
            written: ours.map_or(0, |log| log.written),
            acked: ours.map(|log| log.held.clone()).unwrap_or_default(),
            peer_read: ours.map_or(0, |log| log.read),
            last_h: self.last_h,
            logs: logs.into_values().collect(),
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
