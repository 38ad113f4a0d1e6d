//! At most 64 live sessions, the least recently used closed first; idle ones closed after 10 min.

use tincan_wire::{Frame, UserId};

use crate::engine::Engine;
use crate::time::Time;
use crate::timer::Timer;

impl Engine {
    /// Makes room for one more session, by closing the least recently used one that no open chat
    /// needs; false if every one is needed.
    pub(crate) fn make_room(&mut self, wanted_by: UserId, now: Time) -> bool {
        if self.sessions.len() < self.config.max_sessions {
            return true;
        }
        let candidate = self
            .peers
            .values()
            .filter(|peer| peer.contact.id != wanted_by && peer.screens.is_empty())
            .filter_map(|peer| Some((peer.session.as_ref()?.last_activity, peer.contact.id)))
            .min();
        let Some((_, id)) = candidate else { return false };
        self.say_bye(id, "pool", now);
        true
    }

    /// The session was used, or a chat was closed: its idle time begins anew.
    pub(crate) fn touch(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        session.last_activity = now;
        // The timer is moved when it fires, not with each message.
        if self.timers.at(Timer::Idle(id)).is_none() {
            let idle_after = self.config.idle_after;
            self.timers.set(Timer::Idle(id), now + idle_after);
        }
    }

    pub(crate) fn session_idle(&mut self, id: UserId, now: Time) {
        let idle_after = self.config.idle_after;
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(session) = &peer.session else { return };
        let in_use = !peer.screens.is_empty() || peer.chat_open || !peer.outbox.is_empty();
        let end = session.last_activity + idle_after;
        if in_use {
            self.timers.set(Timer::Idle(id), now + idle_after);
        } else if end > now {
            self.timers.set(Timer::Idle(id), end);
        } else {
            self.say_bye(id, "idle", now);
        }
    }

    /// Ends a session and tells the contact why.
    pub(crate) fn say_bye(&mut self, id: UserId, why: &str, now: Time) {
        if self.peers.get(&id).is_some_and(|peer| peer.is_connected()) {
            self.send_frame(id, &Frame::Bye { why: why.to_owned() }, now);
        }
        self.end_session(id, None, now);
        self.tell_peer(id, now);
    }

    /// The contact ended the session: rest until they, or our user, stir.
    pub(crate) fn handle_bye(&mut self, id: UserId, why: &str, now: Time) {
        let reason = match why {
            "idle" | "pool" => None,
            "shutdown" => Some("the contact went offline".to_owned()),
            _ => Some("the contact closed the session".to_owned()),
        };
        self.end_session(id, reason, now);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.attempts.resting = true;
        }
        if why == "shutdown" {
            self.forget_presence(id);
        }
        self.tell_peer(id, now);
    }
}
