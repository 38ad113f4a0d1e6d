//! The outbox of one contact (protocol §6): which positions of our log are acknowledged, and a
//! bounded window of the messages that are not, in the order of the log. What does not fit
//! into the window stays on disk until its turn comes.

use std::collections::VecDeque;

use tincan_wire::{MessageId, Ranges, encoded_len_of};

use crate::event::MessageView;
use crate::time::Time;

/// One position of the window.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) s: u64,
    pub(crate) what: What,
    /// What its message takes in a frame, about: counted once, and asked for whenever another
    /// comes after it.
    pub(crate) encoded_bytes: usize,
    /// When it was written to the present session's channel.
    pub(crate) sent: Option<Time>,
}

/// What a position carries.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A message that waits for its acknowledgement.
    Message(MessageView),
    /// Nothing, for ever: cancelled or expired, or not written to our disk while a later
    /// position was.
    Gone,
}

/// Why a message could not be cancelled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CancelError {
    /// It is not in the window, and everything unacknowledged is.
    Unknown,
    /// It is not in the window, but might be among what waits on the disk.
    PerhapsOnDisk,
}

/// The outbox of one contact.
///
/// The owner calls [`Outbox::reserve`] for a new message, [`Outbox::committed`] once it is on
/// disk (or [`Outbox::not_committed`]), [`Outbox::unsent`] and [`Outbox::mark_sent`] while
/// a channel takes more, [`Outbox::acknowledge`] for what came back and
/// [`Outbox::session_lost`] when the channel is gone.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The highest position given out.
    reserved: u64,
    /// The highest position that is on disk. Positions below it that the disk lacks are holes.
    committed: u64,
    /// Positions given out of which the disk has not said yet whether they are written.
    under_way: u64,
    acked: Ranges,
    /// How far the contact has read.
    pub(crate) peer_read: u64,
    window: VecDeque<Slot>,
    window_bytes: usize,
    /// The highest position that the window has ever held: beyond it the disk knows more.
    loaded: u64,
    /// Window slots before this index are sent in the present session.
    sent_to: usize,
    pub(crate) loading: bool,
    /// Acknowledged, but the disk refused to note it.
    pub(crate) unsaved: Ranges,
}

impl Outbox {
    pub(crate) fn new(written: u64, acked: Ranges, peer_read: u64) -> Self {
        let reserved = written.max(acked.highest());
        Self {
            reserved,
            committed: reserved,
            loaded: acked.cumulative(),
            acked,
            peer_read,
            ..Self::default()
        }
    }

    /// The position of a new message.
    pub(crate) fn reserve(&mut self) -> u64 {
        self.reserved += 1;
        self.under_way += 1;
        self.reserved
    }

    /// The highest position ever given to a message that is on disk.
    pub(crate) fn written(&self) -> u64 {
        self.committed
    }

    /// How many positions are neither acknowledged nor gone.
    pub(crate) fn waiting(&self) -> u64 {
        let acked = self.acked.cumulative() + self.acked.count_above();
        let gone = self.window.iter().filter(|slot| slot.message_id().is_none()).count() as u64;
        self.reserved.saturating_sub(acked + gone)
    }

    /// Whether anything still has to reach the contact.
    pub(crate) fn is_empty(&self) -> bool {
        self.committed <= self.acked.cumulative()
    }

    /// A message is on disk: keep it in memory too, if it is next and there is room.
    pub(crate) fn committed(&mut self, message: MessageView, max: usize, max_bytes: usize) {
        let s = message.s;
        self.under_way = self.under_way.saturating_sub(1);
        self.committed = self.committed.max(s);
        let fits = self.window.len() < max && self.window_bytes < max_bytes;
        if !self.loading && fits && s == self.loaded + 1 {
            self.push(Slot::new(s, What::Message(message)));
        }
    }

    /// A message did not reach the disk.
    ///
    /// Its position is a hole once a later one is on disk. Until then nobody may hear of it: after
    /// a crash the disk would not know that it was ever given out, another message would get it,
    /// and the contact would take that one for known. So the last positions are given out again.
    pub(crate) fn not_committed(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        if self.under_way == 0 {
            self.reserved = self.committed;
        }
    }

    fn push(&mut self, slot: Slot) {
        self.loaded = slot.s;
        if self.acked.contains(slot.s) {
            return;
        }
        self.window_bytes += slot.size_bytes();
        self.window.push_back(slot);
    }

    /// After which position to load from disk, if the window has room and the disk has more.
    pub(crate) fn wants_page(&self, max: usize, max_bytes: usize) -> Option<u64> {
        let room = self.window.len() < max / 2 && self.window_bytes < max_bytes / 2;
        (!self.loading && room && self.loaded < self.committed).then_some(self.loaded)
    }

    /// A page of the disk has come: positions up to `upto` that it lacks are gone. Returns false
    /// if it was of no use, so that nobody asks for the same at once again.
    pub(crate) fn page(&mut self, after: u64, messages: Vec<MessageView>, upto: u64) -> bool {
        self.loading = false;
        if after != self.loaded {
            return true;
        }
        // Positions above what is committed are still on their way to the disk.
        let upto = upto.min(self.committed);
        let mut messages = messages.into_iter().filter(|m| m.s > after && m.s <= upto).peekable();
        for s in after + 1..=upto {
            let what = match messages.next_if(|message| message.s == s) {
                Some(message) => What::Message(message),
                None => What::Gone,
            };
            self.push(Slot::new(s, what));
        }
        upto > after
    }

    /// All slots that were not sent in the present session, in order.
    pub(crate) fn unsent(&self) -> impl Iterator<Item = &Slot> {
        self.window.iter().skip(self.sent_to)
    }

    /// The first of `unsent` is written to the channel.
    pub(crate) fn mark_sent(&mut self, now: Time) {
        if let Some(slot) = self.window.get_mut(self.sent_to) {
            slot.sent = Some(now);
            self.sent_to += 1;
        }
    }

    /// When the oldest slot that is sent and unacknowledged was sent.
    pub(crate) fn oldest_sent(&self) -> Option<Time> {
        self.window.front().and_then(|slot| slot.sent)
    }

    /// Whether everything that was sent is acknowledged.
    pub(crate) fn all_sent_acked(&self) -> bool {
        self.sent_to == 0
    }

    /// The session is gone, or `sync` found a gap: what is unacknowledged is sent again.
    /// Returns the messages that fall back from Sent to Queued.
    pub(crate) fn session_lost(&mut self) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for slot in self.window.iter_mut().take(self.sent_to) {
            slot.sent = None;
            ids.extend(slot.message_id());
        }
        self.sent_to = 0;
        ids
    }

    /// The contact holds these positions. Returns what is new of it, and the messages that are
    /// thereby delivered; positions that were never written are left out.
    pub(crate) fn acknowledge(&mut self, held: &Ranges) -> (Ranges, Vec<MessageId>) {
        let mut new = Ranges::new();
        for (first, last) in held.iter() {
            let last = last.min(self.committed);
            let mut at = first;
            while at <= last {
                // Skips what is known already, range by range.
                let known = self.acked.iter().find(|(a, b)| *a <= at && at <= *b);
                if let Some((_, end)) = known {
                    at = end + 1;
                    continue;
                }
                let until =
                    self.acked.iter().map(|(a, _)| a).find(|a| *a > at).map_or(last, |a| a - 1);
                new.insert_range(at, until.min(last));
                at = until + 1;
            }
        }
        if new.is_empty() {
            return (new, Vec::new());
        }
        self.acked.insert_all(&new);
        self.loaded = self.loaded.max(self.acked.cumulative());
        (new, self.drop_acked())
    }

    /// What of the acknowledged positions is not among these.
    pub(crate) fn lost(&self, held: &Ranges) -> Ranges {
        let mut lost = Ranges::new();
        for (first, last) in held.missing_up_to(self.acked.highest()).iter() {
            let acked = self.acked.iter().skip_while(|(_, end)| *end < first);
            for (start, end) in acked.take_while(|(start, _)| *start <= last) {
                lost.insert_range(start.max(first), end.min(last));
            }
        }
        lost
    }

    fn drop_acked(&mut self) -> Vec<MessageId> {
        let mut delivered = Vec::new();
        let cumulative = self.acked.cumulative();
        while self.window.front().is_some_and(|slot| slot.s <= cumulative)
            && let Some(slot) = self.window.pop_front()
        {
            self.window_bytes -= slot.size_bytes();
            self.sent_to = self.sent_to.saturating_sub(1);
            delivered.extend(slot.message_id());
        }
        if self.acked.highest() > cumulative {
            self.drop_selectively_acked(&mut delivered);
        }
        delivered
    }

    fn drop_selectively_acked(&mut self, delivered: &mut Vec<MessageId>) {
        let mut sent_to = 0;
        for (index, slot) in std::mem::take(&mut self.window).into_iter().enumerate() {
            if self.acked.contains(slot.s) {
                self.window_bytes -= slot.size_bytes();
                delivered.extend(slot.message_id());
            } else {
                sent_to += usize::from(index < self.sent_to);
                self.window.push_back(slot);
            }
        }
        self.sent_to = sent_to;
    }

    /// Whether a message could be given up now.
    pub(crate) fn check_cancel(&self, id: MessageId) -> Result<(), CancelError> {
        if self.window.iter().any(|slot| slot.message_id() == Some(id)) {
            return Ok(());
        }
        let on_disk = self.loaded < self.committed;
        Err(if on_disk { CancelError::PerhapsOnDisk } else { CancelError::Unknown })
    }

    /// A message is given up, durably: its position is gone.
    pub(crate) fn cancel(&mut self, id: MessageId) {
        let Some(slot) = self.window.iter_mut().find(|slot| slot.message_id() == Some(id)) else {
            return;
        };
        self.window_bytes -= slot.size_bytes();
        slot.what = What::Gone;
        slot.sent = None;
        // What is sent is a prefix of the window; from the cancelled slot on it is sent again.
        let index = self.window.iter().position(|slot| slot.sent.is_none());
        self.sent_to = self.sent_to.min(index.unwrap_or(self.sent_to));
    }

    /// Messages of the window that are older than `oldest`, to be given up.
    pub(crate) fn older_than(&self, oldest_millis: u64) -> Vec<MessageId> {
        let old = |slot: &Slot| match &slot.what {
            What::Message(message) if message.timestamp < oldest_millis => Some(message.id),
            What::Message(_) | What::Gone => None,
        };
        self.window.iter().filter_map(old).collect()
    }

    /// Whether that position is acknowledged.
    #[cfg(test)]
    pub(crate) fn is_acked(&self, s: u64) -> bool {
        self.acked.contains(s)
    }
}

impl Slot {
    fn new(s: u64, what: What) -> Self {
        let encoded_bytes = match &what {
            What::Message(message) => encoded_len_of(&message.content),
            What::Gone => 0,
        };
        Self { s, what, encoded_bytes, sent: None }
    }

    fn size_bytes(&self) -> usize {
        match &self.what {
            // What a message takes beside its content, roughly.
            What::Message(message) => message.content.len() + 200,
            What::Gone => 0,
        }
    }

    pub(crate) fn message_id(&self) -> Option<MessageId> {
        match &self.what {
            What::Message(message) => Some(message.id),
            What::Gone => None,
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
