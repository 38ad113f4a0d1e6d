//! Frames of the contact: their messages to our disk, then the acknowledgement (protocol §6,
//! step 2), and `sync` after each new session.

use std::collections::BTreeMap;

use tincan_wire::ranges::MAX_RANGES;
use tincan_wire::{Body, Frame, Kind, LogId, Message, Ranges, UserId};

use crate::delivery::next_h;
use crate::engine::Engine;
use crate::event::{Alarm, Delivery, Event, MessageKind, MessageView};
use crate::inbox::{Inbox, Verdict};
use crate::output::PeerOutput;
use crate::peer::MAX_LOGS;
use crate::store::{Op, Stored};
use crate::time::Time;
use crate::transactions::Pending;

/// Content of one contact on the way to our disk: above this we stop reading …
const STORING_PAUSE_BYTES: usize = 4 * 1024 * 1024;
/// … below this we go on …
const STORING_RESUME_BYTES: usize = 1024 * 1024;
/// … and what a shell still hands in above this is dropped; it will come again.
const STORING_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Acknowledgements that a contact does not read, beyond the bytes at which messages pause: each
/// is small, and costs ten times its size where it waits. A later one covers those that are left
/// out, and whoever misses the last asks by `sync`.
const MAX_UNREAD_ACK_BYTES: usize = 256 * 1024;

/// The log under which messages of plain clients are kept, which have none of their own.
fn plain_log() -> Option<LogId> {
    "00000000".parse().ok()
}

impl Engine {
    pub(crate) fn handle_frame(&mut self, id: UserId, bytes: &[u8], now: Time) {
        let Some(session) = self.session(id) else { return };
        let frame = match session.codec.decode(bytes) {
            Ok(frame) => frame,
            Err(error) => return self.reject(error.reason(), now),
        };
        let is_verified = session.hello_verified;
        if is_verified {
            self.heard(id, now);
        }
        match frame {
            Frame::Hello(hello) => self.handle_hello(id, &hello, now),
            _ if !is_verified => self.reject("frame before hello", now),
            Frame::Sync { have, sent } => self.handle_sync(id, &have, &sent, now),
            Frame::Message(message) => self.receive(id, vec![message], now),
            Frame::Batch(messages) => self.receive(id, messages, now),
            Frame::Ack { lg, to, sel } => self.handle_ack(id, lg, to, &sel, now),
            Frame::Read { lg, to } => self.handle_read(id, lg, to, now),
            Frame::Typing { on } => self.peer_typing(id, on, now),
            Frame::Ping => self.answer_ping(id, now),
            Frame::Pong => {}
            Frame::Gone { lg, s } => self.handle_gone(id, lg, &s, now),
            Frame::Signal(body) => self.handle_live_signal(id, body, now),
            Frame::Bye { why } => self.handle_bye(id, &why, now),
        }
    }

    /// Signaling over the live channel: hello has proved who sends it.
    fn handle_live_signal(&mut self, id: UserId, body: Body, now: Time) {
        match body {
            Body::Offer { session, description } => {
                let ours = self.session(id).is_some_and(|s| s.sid == session.sid);
                if !ours {
                    return self.reject("offer of another session", now);
                }
                self.handle_offer(id, None, session, description, now);
            }
            Body::Answer { session, description } => {
                self.handle_answer(id, None, session, description, now);
            }
            Body::IceCandidate { session, candidates, eoc: _ } => {
                self.handle_candidates(id, session, candidates, now);
            }
            Body::ContactRequest { .. }
            | Body::ContactResponse { .. }
            | Body::ChatPresence { .. }
            | Body::Heartbeat { .. } => self.reject("signal not for the channel", now),
        }
    }

    /// What we hold and have sent; after hello, and when an acknowledgement is late.
    pub(crate) fn send_sync(&mut self, id: UserId, now: Time) {
        let lg = self.lg;
        let Some(peer) = self.peers.get(&id) else { return };
        let (mut have, mut sent) = (BTreeMap::new(), BTreeMap::new());
        have.extend(peer.inboxes.iter().map(|(lg, inbox)| (*lg, inbox.have().clone())));
        sent.insert(lg, peer.outbox.written());
        self.send_frame(id, &Frame::Sync { have, sent }, now);
    }

    fn handle_sync(
        &mut self,
        id: UserId,
        have: &BTreeMap<LogId, Ranges>,
        sent: &BTreeMap<LogId, u64>,
        now: Time,
    ) {
        let lg = self.lg;
        let held = have.get(&lg).cloned().unwrap_or_default();
        self.acknowledged(id, &held, now);
        self.tell_lost(id, &held, now);
        let Some(session) = self.session(id) else { return };
        if !std::mem::replace(&mut session.synced, true) {
            return self.pump(id, true, now);
        }
        // Not the first of the session: they miss an acknowledgement.
        let logs: Vec<_> = sent.keys().copied().collect();
        for lg in logs {
            self.send_ack(id, lg, now);
        }
    }

    /// Positions that they have acknowledged and hold no more won't come again: they were restored
    /// from an older backup, or this is another of their devices. Unless they hear that, the gap
    /// stays open for ever, and soon nothing is taken beyond it.
    fn tell_lost(&mut self, id: UserId, held: &Ranges, now: Time) {
        let lg = self.lg;
        let lost = self.peers.get(&id).map(|peer| peer.outbox.lost(held)).unwrap_or_default();
        if !lost.is_empty() {
            let s = lost.lowest_ranges(MAX_RANGES);
            self.send_frame(id, &Frame::Gone { lg, s }, now);
        }
    }

    fn send_ack(&mut self, id: UserId, lg: LogId, now: Time) {
        if Some(lg) == plain_log() {
            return;
        }
        let enough = self.config.pause_bytes + MAX_UNREAD_ACK_BYTES;
        if self.session(id).is_none_or(|session| session.buffered >= enough) {
            return;
        }
        let Some(peer) = self.peers.get(&id) else { return };
        let (to, sel) = peer.inboxes.get(&lg).map_or((0, Vec::new()), Inbox::ack);
        if peer.is_connected() {
            self.send_frame(id, &Frame::Ack { lg, to, sel }, now);
        }
    }

    /// Step 2: commit messages, positions and deduplication in one transaction.
    fn receive(&mut self, id: UserId, messages: Vec<Message>, now: Time) {
        self.peer_typing(id, false, now);
        self.touch(id, now);
        self.receive_of_one_log(id, messages, now);
    }

    /// Messages of one frame, cut where the log changes: that is where an installation ends and
    /// another begins, so nearly never.
    fn receive_of_one_log(&mut self, id: UserId, messages: Vec<Message>, now: Time) {
        let mut rest = messages.into_iter().peekable();
        while let Some(first) = rest.peek() {
            let lg = first.position.as_ref().map(|position| position.lg);
            let mut run = Vec::new();
            while let Some(message) =
                rest.next_if(|message| message.position.as_ref().map(|p| p.lg) == lg)
            {
                run.push(message);
            }
            match lg.or_else(plain_log) {
                Some(lg) => self.take_in(id, lg, run, now),
                None => self.reject("message without a log", now),
            }
        }
    }

    fn take_in(&mut self, id: UserId, lg: LogId, messages: Vec<Message>, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.storing_bytes > STORING_MAX_BYTES {
            return self.reject("disk too slow", now);
        }
        if !peer.inboxes.contains_key(&lg) && peer.inboxes.len() >= MAX_LOGS {
            return self.reject("too many logs", now);
        }
        let inbox = peer.inboxes.or_insert_with(lg, Inbox::default);
        let mut taken = Ranges::new();
        let mut views = Vec::with_capacity(messages.len());
        let (mut known, mut too_far) = (false, false);
        for message in messages {
            let (s, h) = match &message.position {
                Some(position) => (position.s, position.h),
                None => (inbox.next(), next_h(peer.last_h, now)),
            };
            match inbox.take(s) {
                Verdict::Take => {
                    peer.last_h = peer.last_h.max(h);
                    taken.insert(s);
                    views.push(view(id, lg, s, h, message));
                }
                Verdict::Known => known = true,
                Verdict::TooFar => too_far = true,
            }
        }
        if too_far {
            self.reject("too far ahead of a gap", now);
        }
        if known {
            self.reject("message known already", now);
            self.send_ack(id, lg, now);
        }
        if !views.is_empty() {
            self.store_incoming(id, lg, taken, views);
        }
    }

    fn store_incoming(
        &mut self,
        contact: UserId,
        lg: LogId,
        s: Ranges,
        messages: Vec<MessageView>,
    ) {
        let bytes = messages.iter().map(|message| message.content.len() + 200).sum();
        let mut ops: Vec<_> = messages.iter().cloned().map(Op::Append).collect();
        ops.push(Op::AddHave { contact, lg, s: s.clone() });
        if let Some(peer) = self.peers.get_mut(&contact) {
            peer.storing_bytes += bytes;
        }
        self.store(ops, Pending::Incoming { contact, lg, s, messages, bytes });
        self.throttle(contact);
    }

    /// Reads on or stops reading, as the disk keeps up.
    fn throttle(&mut self, id: UserId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let storing = peer.storing_bytes;
        let Some(session) = &mut peer.session else { return };
        let receiving = match session.receiving {
            true => storing <= STORING_PAUSE_BYTES,
            false => storing < STORING_RESUME_BYTES,
        };
        if std::mem::replace(&mut session.receiving, receiving) != receiving {
            let sid = session.sid;
            self.peer_output(id, sid, PeerOutput::Receive(receiving));
        }
    }

    /// Step 2 is done: acknowledge, and show.
    #[expect(clippy::too_many_arguments, reason = "the fields of one transaction")]
    pub(crate) fn incoming_stored(
        &mut self,
        contact: UserId,
        lg: LogId,
        s: &Ranges,
        messages: Vec<MessageView>,
        bytes: usize,
        stored: &Stored,
        now: Time,
    ) {
        let Some(peer) = self.peers.get_mut(&contact) else { return };
        peer.storing_bytes -= bytes;
        if let Some(inbox) = peer.inboxes.get_mut(&lg) {
            inbox.stored(s);
        }
        // Where an id came twice in one frame, the first was written and the last was present.
        let mut present = stored.present.clone();
        let mut news = Vec::with_capacity(messages.len());
        for message in messages.into_iter().rev() {
            match present.iter().rposition(|present| present.id == message.id) {
                None => news.push(message),
                Some(at) if present.remove(at).same => {}
                Some(_) => {
                    let alarm = Alarm::MessageIdReused { id: message.id };
                    self.alarm(Some(contact), alarm);
                    self.reject("message id reused", now);
                }
            }
        }
        for message in news.into_iter().rev() {
            self.event(Event::Message { message });
        }
        // Who reads it comes before who waits for the acknowledgement.
        self.send_ack(contact, lg, now);
        self.throttle(contact);
    }

    pub(crate) fn incoming_not_stored(&mut self, contact: UserId, lg: LogId, bytes: usize) {
        let Some(peer) = self.peers.get_mut(&contact) else { return };
        peer.storing_bytes -= bytes;
        if let Some(inbox) = peer.inboxes.get_mut(&lg) {
            inbox.not_stored();
        }
        self.throttle(contact);
    }

    /// Positions of theirs that will never carry anything.
    fn handle_gone(&mut self, id: UserId, lg: LogId, s: &Ranges, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.storing_bytes > STORING_MAX_BYTES {
            return self.reject("disk too slow", now);
        }
        if !peer.inboxes.contains_key(&lg) && peer.inboxes.len() >= MAX_LOGS {
            return self.reject("too many logs", now);
        }
        let new = peer.inboxes.or_insert_with(lg, Inbox::default).take_gone(s);
        if new.is_empty() {
            return self.send_ack(id, lg, now);
        }
        let ops = vec![Op::AddHave { contact: id, lg, s: new.clone() }];
        let bytes = 200 + 32 * new.range_count();
        peer.storing_bytes += bytes;
        let messages = Vec::new();
        self.store(ops, Pending::Incoming { contact: id, lg, s: new, messages, bytes });
        self.throttle(id);
    }

    /// A person has seen all that came from this contact.
    pub(crate) fn mark_read(&mut self, id: UserId, now: Time) -> Vec<Op> {
        let Some(peer) = self.peers.get_mut(&id) else { return Vec::new() };
        let mut ops = Vec::new();
        for (lg, inbox) in peer.inboxes.iter_mut() {
            let to = inbox.have().highest();
            if to > inbox.read {
                inbox.read = to;
                ops.push(Op::SaveRead { contact: id, lg: *lg, to });
            }
        }
        self.event(Event::ReadHere { contact: id });
        self.tell_read(id, now);
        ops
    }

    /// Tells the contact how far we have read, where that is wanted and not told yet.
    pub(crate) fn tell_read(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let wanted = peer.contact.read_receipts.unwrap_or(self.config.read_receipts);
        if !wanted || !peer.is_connected() {
            return;
        }
        let mut news = Vec::new();
        for (lg, inbox) in peer.inboxes.iter_mut() {
            // Only a prefix can be told: what is missing below was not shown.
            let to = inbox.read.min(inbox.have().cumulative());
            if to > inbox.read_told && Some(*lg) != plain_log() {
                inbox.read_told = to;
                news.push((*lg, to));
            }
        }
        for (lg, to) in news {
            self.send_frame(id, &Frame::Read { lg, to }, now);
        }
    }
}

fn view(contact: UserId, lg: LogId, s: u64, h: u64, message: Message) -> MessageView {
    MessageView {
        contact,
        outgoing: false,
        id: message.id,
        lg,
        s,
        h,
        timestamp: message.timestamp,
        kind: match message.kind {
            Kind::Text { reply } => MessageKind::Text { reply },
            Kind::Edit { target } => MessageKind::Edit { target },
            Kind::Delete { target } => MessageKind::Delete { target },
            Kind::React { target } => MessageKind::React { target },
        },
        content: message.content,
        state: Delivery::Delivered,
    }
}
