//! Our messages: from the person to the disk, from the disk to the channel, and the
//! acknowledgement back (protocol §6). Batching and back-pressure are here (protocol §5).

use std::time::Duration;

use tincan_wire::message::MAX_HYBRID_TIME;
use tincan_wire::{Frame, LogId, Message, MessageId, Ranges, UserId};

use crate::batch::{Batch, Extent};
use crate::command::{CommandError, Reply};
use crate::engine::Engine;
use crate::event::{Delivery, Event, MessageKind, MessageView};
use crate::input::StoreFailure;
use crate::outbox::CancelError;
use crate::output::{Output, PeerOutput};
use crate::store::{Op, OutboxPage};
use crate::time::Time;
use crate::timer::Timer;
use crate::transactions::Pending;
use rand_core::Rng;

/// Content of our own that may wait for the disk: beyond it the disk is too slow for the person.
const MAX_COMMITTING_BYTES: usize = 32 * 1024 * 1024;
/// Messages of one page from the outbox on disk.
const PAGE_MESSAGES: usize = 1_024;
/// Bytes of such a page.
const PAGE_BYTES: usize = 1024 * 1024;
/// What the disk refused is tried again after this.
const DISK_RETRY: Duration = Duration::from_secs(10);

impl Engine {
    /// Step 1: commit message and outbox entry in one transaction.
    pub(crate) fn send_message(
        &mut self,
        command: u64,
        contact: UserId,
        content: String,
        reply: Option<MessageId>,
        now: Time,
    ) -> Result<(), CommandError> {
        if self.committing_bytes > MAX_COMMITTING_BYTES {
            return Err(CommandError::Busy);
        }
        let mut random = [0; 10];
        self.rng.fill_bytes(&mut random);
        let lg = self.lg;
        let peer = self.peers.get_mut(&contact).ok_or(CommandError::UnknownContact)?;
        peer.last_h = next_h(peer.last_h, now);
        let message = MessageView {
            contact,
            outgoing: true,
            id: MessageId::new(self.id_time.next(now), random),
            lg,
            s: peer.outbox.reserve(),
            h: peer.last_h,
            timestamp: now.as_millis(),
            kind: MessageKind::Text { reply },
            content,
            state: Delivery::Queued,
        };
        self.committing_bytes += message.content.len();
        let ops = vec![Op::Append(message.clone())];
        self.store(ops, Pending::Outgoing { command, message });
        Ok(())
    }

    /// Step 1 is done: step 2 may begin.
    pub(crate) fn outgoing_stored(&mut self, command: u64, message: MessageView, now: Time) {
        let id = message.contact;
        self.committing_bytes -= message.content.len();
        self.event(Event::Message { message: message.clone() });
        self.reply(command, Ok(Reply::Message { message: message.clone() }));
        let (max, max_bytes) = (self.config.window_messages, self.config.window_bytes);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.outbox.committed(message, max, max_bytes);
        peer.attempts.resting = false;
        peer.attempts.failed = false;
        self.outbox_moved(id, now);
    }

    pub(crate) fn outgoing_not_stored(&mut self, message: &MessageView, now: Time) {
        self.committing_bytes -= message.content.len();
        if let Some(peer) = self.peers.get_mut(&message.contact) {
            peer.outbox.not_committed();
            self.outbox_moved(message.contact, now);
        }
    }

    fn outbox_moved(&mut self, id: UserId, now: Time) {
        self.load_outbox(id);
        self.drive(id, now);
        self.pump(id, false, now);
    }

    /// Fills the window from disk, if there is room and more.
    pub(crate) fn load_outbox(&mut self, id: UserId) {
        let (max, max_bytes) = (self.config.window_messages, self.config.window_bytes);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if self.timers.at(Timer::OutboxPage(id)).is_some() {
            return;
        }
        let Some(after) = peer.outbox.wants_page(max, max_bytes) else { return };
        peer.outbox.loading = true;
        self.output(Output::LoadOutbox {
            contact: id,
            after,
            limit: PAGE_MESSAGES.min(max / 2),
            limit_bytes: PAGE_BYTES,
        });
    }

    pub(crate) fn handle_outbox(
        &mut self,
        contact: UserId,
        result: Result<OutboxPage, StoreFailure>,
        now: Time,
    ) {
        let Some(peer) = self.peers.get_mut(&contact) else { return };
        match result {
            Ok(page) => {
                let oldest = (now - self.config.message_lifetime).as_millis();
                let old = page.messages.iter().filter(|message| message.timestamp < oldest);
                let old: Vec<_> = old.map(|message| message.id).collect();
                if !old.is_empty() {
                    // Too old while they waited on disk. Once that is durable they are no longer
                    // of the page, which is then asked for again.
                    peer.outbox.loading = false;
                    self.timers.set(Timer::OutboxPage(contact), now + DISK_RETRY);
                    self.fail_messages(contact, old);
                } else if peer.outbox.page(page.after, page.messages, page.upto) {
                    self.outbox_moved(contact, now);
                } else {
                    self.timers.set(Timer::OutboxPage(contact), now + DISK_RETRY);
                }
            }
            Err(failure) => {
                peer.outbox.loading = false;
                self.timers.set(Timer::OutboxPage(contact), now + DISK_RETRY);
                let alarm = crate::event::Alarm::StorageFailed { reason: failure.0 };
                self.alarm(Some(contact), alarm);
            }
        }
    }

    /// Writes what waits to the channel: at once while nothing is under way, else once 16 KiB
    /// have gathered or, with `flush`, whatever there is.
    pub(crate) fn pump(&mut self, id: UserId, flush: bool, now: Time) {
        let mut flush = flush;
        while let Some(batch) = self.next_batch(id, flush, now) {
            if !self.write_batch(id, batch, now) {
                return;
            }
            flush = false;
        }
        let ack_timeout = self.config.ack_timeout;
        let Some(peer) = self.peers.get(&id) else { return };
        match peer.outbox.oldest_sent() {
            Some(sent) if self.timers.at(Timer::AckOverdue(id)).is_none() => {
                self.timers.set(Timer::AckOverdue(id), (sent + ack_timeout).max(now));
            }
            Some(_) => {}
            None => self.timers.clear(Timer::AckOverdue(id)),
        }
    }

    /// What the next frame holds, if one is due.
    fn next_batch(&mut self, id: UserId, flush: bool, now: Time) -> Option<Batch> {
        let peer = self.peers.get_mut(&id)?;
        let session = peer.session.as_ref()?;
        if !session.is_connected() || !session.synced || session.paused {
            return None;
        }
        let idle = peer.outbox.all_sent_acked();
        let extent = Extent::of(&peer.outbox, self.config.batch_bytes)?;
        if extent.is_full || idle || flush {
            self.timers.clear(Timer::Batch(id));
            return Some(Batch::gather(&peer.outbox, &extent));
        }
        if self.timers.at(Timer::Batch(id)).is_none() {
            self.timers.set(Timer::Batch(id), now + self.config.batch_delay);
        }
        None
    }

    fn write_batch(&mut self, id: UserId, batch: Batch, now: Time) -> bool {
        let lg = self.lg;
        if !batch.gone.is_empty()
            && !self.send_frame(id, &Frame::Gone { lg, s: batch.gone.clone() }, now)
        {
            return false;
        }
        let frame = match <[Message; 1]>::try_from(batch.messages) {
            Ok([message]) => Some(Frame::Message(message)),
            Err(messages) if messages.is_empty() => None,
            Err(messages) => Some(Frame::Batch(messages)),
        };
        if let Some(frame) = frame
            && !self.send_frame(id, &frame, now)
        {
            return false;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return false };
        for _ in 0..batch.slots {
            peer.outbox.mark_sent(now);
        }
        if !batch.ids.is_empty() {
            self.touch(id, now);
            self.event(Event::Delivery { contact: id, ids: batch.ids, state: Delivery::Sent });
        }
        true
    }

    /// Writes one frame to the session's channel.
    pub(crate) fn send_frame(&mut self, id: UserId, frame: &Frame, now: Time) -> bool {
        let pause_bytes = self.config.pause_bytes;
        let Some(session) = self.session(id) else { return false };
        let sid = session.sid;
        match session.codec.encode(frame) {
            Ok(text) => {
                session.buffered += text.len();
                session.paused |= session.buffered >= pause_bytes;
                self.peer_output(id, sid, PeerOutput::Send(text));
                true
            }
            Err(error) => {
                self.reject(error.reason(), now);
                false
            }
        }
    }

    /// The shell says how much is unsent or unacknowledged in the connection.
    pub(crate) fn handle_buffered(&mut self, id: UserId, bytes: usize, now: Time) {
        let (pause, resume) = (self.config.pause_bytes, self.config.resume_bytes);
        let Some(session) = self.session(id) else { return };
        session.buffered = bytes;
        session.paused = if session.paused { bytes >= resume } else { bytes >= pause };
        if !session.paused {
            self.pump(id, false, now);
        }
    }

    /// Step 3: the contact holds these positions of our log.
    pub(crate) fn acknowledged(&mut self, id: UserId, held: &Ranges, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let (new, delivered) = peer.outbox.acknowledge(held);
        if new.is_empty() {
            return;
        }
        let ops = vec![Op::AddAcked { contact: id, s: new.clone() }];
        self.store(ops, Pending::Acked { contact: id, s: new });
        if !delivered.is_empty() {
            let state = Delivery::Delivered;
            self.event(Event::Delivery { contact: id, ids: delivered, state });
        }
        self.timers.clear(Timer::AckOverdue(id));
        self.load_outbox(id);
        self.pump(id, false, now);
    }

    /// The disk did not take what the contact told, and they will not tell it again: keep it.
    pub(crate) fn acked_not_stored(&mut self, id: UserId, s: &Ranges, now: Time) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.outbox.unsaved.insert_all(s);
            self.timers.set(Timer::Unsaved(id), now + DISK_RETRY);
        }
    }

    /// Tries again to write what the contact has told.
    pub(crate) fn save_acked(&mut self, id: UserId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let (contact, to) = (id, peer.outbox.peer_read);
        let s = std::mem::take(&mut peer.outbox.unsaved);
        let ops = vec![Op::AddAcked { contact, s: s.clone() }, Op::SavePeerRead { contact, to }];
        self.store(ops, Pending::Acked { contact, s });
    }

    pub(crate) fn handle_ack(&mut self, id: UserId, lg: LogId, to: u64, sel: &[u64], now: Time) {
        if lg != self.lg {
            return self.reject("ack of another log", now);
        }
        let mut held = Ranges::from_range(1, to);
        sel.iter().for_each(|s| {
            held.insert(*s);
        });
        if held.highest() > self.peers.get(&id).map_or(0, |peer| peer.outbox.written()) {
            return self.reject("ack of what was never sent", now);
        }
        self.acknowledged(id, &held, now);
        let resyncing = self.session(id).is_some_and(|s| std::mem::take(&mut s.resyncing));
        if resyncing && let Some(peer) = self.peers.get_mut(&id) {
            // What is still open although they have answered did not arrive.
            peer.outbox.session_lost();
            self.pump(id, true, now);
        }
    }

    /// An acknowledgement is late: ask what they hold, and do not resend blindly.
    pub(crate) fn ack_overdue(&mut self, id: UserId, now: Time) {
        let ack_timeout = self.config.ack_timeout;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(sent) = peer.outbox.oldest_sent() else { return };
        if sent + ack_timeout > now {
            return self.timers.set(Timer::AckOverdue(id), sent + ack_timeout);
        }
        self.timers.set(Timer::AckOverdue(id), now + ack_timeout);
        let Some(session) = self.session(id) else { return };
        if session.is_connected() {
            session.resyncing = true;
            self.send_sync(id, now);
        }
    }

    /// The contact has read our log up to `to`.
    pub(crate) fn handle_read(&mut self, id: UserId, lg: LogId, to: u64, now: Time) {
        if lg != self.lg {
            return self.reject("read of another log", now);
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let to = to.min(peer.outbox.written());
        if to <= peer.outbox.peer_read {
            return;
        }
        peer.outbox.peer_read = to;
        // Shown is held: a read receipt is an acknowledgement, too.
        self.acknowledged(id, &Ranges::from_range(1, to), now);
        let ops = vec![Op::SavePeerRead { contact: id, to }];
        self.store(ops, Pending::Acked { contact: id, s: Ranges::new() });
        self.event(Event::Read { contact: id, to });
    }

    /// Gives a message up. The disk must know before the contact does: else a crash would bring
    /// the message back, and the contact's word that the position is held would count for it.
    pub(crate) fn cancel_message(
        &mut self,
        command: u64,
        contact: UserId,
        id: MessageId,
    ) -> Result<(), CommandError> {
        let peer = self.peers.get(&contact).ok_or(CommandError::UnknownContact)?;
        match peer.outbox.check_cancel(id) {
            Ok(()) | Err(CancelError::PerhapsOnDisk) => {}
            Err(CancelError::Unknown) => return Err(CommandError::UnknownMessage),
        }
        let ids = vec![id];
        let ops = vec![Op::Fail { contact, ids: ids.clone() }];
        self.store(ops, Pending::Failed { command: Some(command), contact, ids });
        Ok(())
    }

    /// Messages are given up on disk: their positions are gone.
    pub(crate) fn failed_stored(
        &mut self,
        command: Option<u64>,
        contact: UserId,
        ids: Vec<MessageId>,
        now: Time,
    ) {
        if let Some(peer) = self.peers.get_mut(&contact) {
            ids.iter().for_each(|id| peer.outbox.cancel(*id));
        }
        self.event(Event::Delivery { contact, ids, state: Delivery::Failed });
        if let Some(command) = command {
            self.reply(command, Ok(Reply::Done));
        }
        self.timers.clear(Timer::OutboxPage(contact));
        self.load_outbox(contact);
        self.pump(contact, false, now);
    }

    /// Messages that nobody took for 30 days fail.
    pub(crate) fn expire_messages(&mut self, now: Time) {
        let ids: Vec<_> = self.peers.keys().copied().collect();
        let oldest = (now - self.config.message_lifetime).as_millis();
        for contact in ids {
            let old = self.peers.get(&contact).map(|peer| peer.outbox.older_than(oldest));
            self.fail_messages(contact, old.unwrap_or_default());
        }
    }

    fn fail_messages(&mut self, contact: UserId, ids: Vec<MessageId>) {
        if !ids.is_empty() {
            let ops = vec![Op::Fail { contact, ids: ids.clone() }];
            self.store(ops, Pending::Failed { command: None, contact, ids });
        }
    }
}

/// The next place in a conversation: above the last, and not below the clock. A contact that claims
/// the highest place leaves that one for all that follow; their order is then that of their ids.
pub(crate) fn next_h(last: u64, now: Time) -> u64 {
    now.as_millis().max(last + 1).min(MAX_HYBRID_TIME)
}
