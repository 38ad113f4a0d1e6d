//! Who is there: heartbeats, and whose screen shows our chat (protocol §4); and who is typing.

use std::time::Duration;

use tincan_wire::{Body, ChatStatus, DeviceId, Frame, UserId};

use crate::contact::ContactStatus;
use crate::engine::Engine;
use crate::event::Event;
use crate::time::Time;
use crate::timer::Timer;

/// Between heartbeats to a contact whose chat is open.
const OPEN_INTERVAL: Duration = Duration::from_secs(30);
/// Between heartbeats to the rest.
const IDLE_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// After connecting, the first heartbeats are spread over this.
const SPREAD: Duration = Duration::from_secs(5);
/// A typing notice goes out at most so often …
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// … and holds so long without another.
const TYPING_HOLDS: Duration = Duration::from_secs(7);

impl Engine {
    /// The broker is there: tell everyone, those first whose chat is open.
    pub(crate) fn announce(&mut self, now: Time) {
        let (mut ids, hidden): (Vec<_>, Vec<_>) = self
            .peers
            .values()
            .filter(|peer| peer.is_accepted())
            .map(|peer| (peer.screens.is_empty(), peer.contact.id))
            .partition(|(hidden, _)| !hidden);
        ids.extend(hidden);
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX).max(1);
        for (index, (hidden, id)) in (0..).zip(ids) {
            let wait = SPREAD * index / count;
            self.timers.set(Timer::Heartbeat(id), now + wait);
            if !hidden {
                self.publish_chat_presence(id, ChatStatus::Opened, now);
            }
        }
        let everyone: Vec<_> = self.peers.keys().copied().collect();
        for id in everyone {
            self.ask_on_connect(id, now);
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.attempts.resting = false;
            }
            self.broker_back(id, now);
            self.drive(id, now);
        }
    }

    /// A contact is new or back: say that we are here.
    pub(crate) fn greet(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get(&id) else { return };
        if peer.is_accepted() {
            let open = !peer.screens.is_empty();
            self.timers.set(Timer::Heartbeat(id), now);
            if open {
                self.publish_chat_presence(id, ChatStatus::Opened, now);
            }
        }
    }

    pub(crate) fn heartbeat_due(&mut self, id: UserId, now: Time) {
        self.beat(id, false, now);
    }

    fn beat(&mut self, id: UserId, re: bool, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.is_accepted() || !self.broker.is_connected() {
            return;
        }
        peer.heartbeats += 1;
        let n = peer.heartbeats;
        let interval = if peer.screens.is_empty() { IDLE_INTERVAL } else { OPEN_INTERVAL };
        self.timers.set(Timer::Heartbeat(id), now + interval);
        self.publish(id, Body::Heartbeat { n, re }, now);
    }

    /// Who was away has not heard us, and neither has who begins a run: a reload is so quick that
    /// we never thought them offline.
    pub(crate) fn handle_heartbeat(&mut self, from: UserId, n: u64, re: bool, now: Time) {
        self.infer_acceptance(from, now);
        let was_online = self.seen(from, now);
        if (!was_online || n == 1) && !re {
            self.beat(from, true, now);
        }
    }

    /// A verified body of this contact's has come: they are alive, and if their run is another
    /// than the session's, the session is dead. Unless they are about to offer, we do.
    pub(crate) fn sign_of_life(
        &mut self,
        from: UserId,
        dev: DeviceId,
        ep: u64,
        body: &Body,
        now: Time,
    ) {
        self.drop_session_of_old_run(from, dev, ep, now);
        self.close_chat_of_old_run(from, dev, ep);
        if matches!(body, Body::ChatPresence { status: ChatStatus::Left }) {
            return;
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.attempts.resting = false;
        peer.attempts.failed = false;
        if matches!(body, Body::ChatPresence { status: ChatStatus::Opened }) {
            peer.chat_run = Some((dev, ep));
        }
        let they_offer = match body {
            Body::Offer { .. } => true,
            Body::ChatPresence { status } => *status == ChatStatus::Opened,
            Body::Answer { .. }
            | Body::IceCandidate { .. }
            | Body::ContactRequest { .. }
            | Body::ContactResponse { .. }
            | Body::Heartbeat { .. } => false,
        };
        if !they_offer {
            self.drive(from, now);
        }
        if matches!(body, Body::Heartbeat { .. } | Body::ChatPresence { .. }) {
            self.tell_again_soon(from, now);
        }
    }

    /// The contact's device runs anew, and its screens with it: what was on them is closed.
    fn close_chat_of_old_run(&mut self, from: UserId, dev: DeviceId, ep: u64) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if !peer.chat_run.is_some_and(|(device, run)| device == dev && run < ep) {
            return;
        }
        peer.chat_run = None;
        if std::mem::replace(&mut peer.chat_open, false) {
            self.tell_presence(from);
        }
    }

    /// Notes that a contact was heard; returns whether they counted as online before.
    pub(crate) fn seen(&mut self, id: UserId, now: Time) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else { return true };
        let interval = if peer.chat_open { OPEN_INTERVAL } else { IDLE_INTERVAL };
        self.timers.set(Timer::Offline(id), now + interval * 5 / 2);
        peer.last_seen = Some(now);
        let was_online = std::mem::replace(&mut peer.online, true);
        if !was_online {
            self.tell_presence(id);
        }
        was_online
    }

    pub(crate) fn contact_offline(&mut self, id: UserId) {
        if self.peers.get(&id).is_some_and(|peer| peer.is_connected()) {
            // The broker may be gone for one of us; the channel is proof enough.
            return;
        }
        self.forget_presence(id);
    }

    pub(crate) fn forget_presence(&mut self, id: UserId) {
        self.timers.clear(Timer::Offline(id));
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let changed = peer.online || peer.chat_open;
        peer.online = false;
        peer.chat_open = false;
        if changed {
            self.tell_presence(id);
        }
    }

    pub(crate) fn open_chat(&mut self, id: UserId, screen: u64, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let first = peer.screens.is_empty();
        peer.screens.insert(screen, ());
        peer.attempts.resting = false;
        peer.attempts.failed = false;
        if first {
            // A person waits: the attempt goes out before anything else, and at once.
            if peer.session.is_none() {
                self.timers.clear(Timer::AttemptBackoff(id));
            }
            self.drive(id, now);
            self.publish_chat_presence(id, ChatStatus::Opened, now);
            self.timers.set(Timer::Heartbeat(id), now + OPEN_INTERVAL);
        }
        self.tell_peer(id, now);
    }

    pub(crate) fn close_chat(&mut self, id: UserId, screen: u64, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.screens.remove(&screen).is_none() || !peer.screens.is_empty() {
            return;
        }
        self.publish_chat_presence(id, ChatStatus::Closed, now);
        self.touch(id, now);
        self.tell_peer(id, now);
    }

    pub(crate) fn publish_chat_presence(&mut self, id: UserId, status: ChatStatus, now: Time) {
        if self.peers.get(&id).is_some_and(|peer| peer.is_accepted()) {
            self.publish(id, Body::ChatPresence { status }, now);
        }
    }

    pub(crate) fn handle_chat_presence(
        &mut self,
        from: UserId,
        run: (DeviceId, u64),
        status: ChatStatus,
        now: Time,
    ) {
        self.infer_acceptance(from, now);
        if status == ChatStatus::Left {
            return self.handle_left(from, run);
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let open = status == ChatStatus::Opened;
        let changed = std::mem::replace(&mut peer.chat_open, open) != open;
        let was_online = self.seen(from, now);
        if changed && was_online {
            self.tell_presence(from);
        }
    }

    /// A person types here, or has stopped.
    pub(crate) fn say_typing(&mut self, id: UserId, on: bool, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.is_connected() {
            return;
        }
        let recent = peer.typing_told_at.is_some_and(|told| now.since(told) < TYPING_EVERY);
        if on && recent || !on && !peer.typing_told {
            return;
        }
        peer.typing_told = on;
        if on {
            peer.typing_told_at = Some(now);
        }
        self.send_frame(id, &Frame::Typing { on }, now);
    }

    /// A person types there, or has stopped.
    pub(crate) fn peer_typing(&mut self, id: UserId, on: bool, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let changed = std::mem::replace(&mut peer.typing, on) != on;
        if on {
            self.timers.set(Timer::TypingEnds(id), now + TYPING_HOLDS);
        } else {
            self.timers.clear(Timer::TypingEnds(id));
        }
        if changed {
            self.event(Event::Typing { contact: id, on });
        }
    }

    /// Whether this id may talk to us by session bodies.
    pub(crate) fn is_accepted(&self, id: UserId) -> bool {
        self.peers.get(&id).is_some_and(|p| p.contact.status == ContactStatus::Accepted)
    }
}
