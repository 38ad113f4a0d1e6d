//! At most 64 live sessions, the least recently used closed first; idle ones closed after 10 min.

use std::time::Duration;

use tincan_wire::{Frame, UserId};

use crate::engine::Engine;
use crate::time::Time;
use crate::timer::Timer;

/// Who finds all sessions in use tries again after this.
pub(crate) const ROOM_RETRY: Duration = Duration::from_secs(5);

impl Engine {
    /// Makes room for one more session, by closing the least recently used one that nobody needs;
    /// false if every one is needed. A person who looks at a chat goes before messages that wait,
    /// and these do not drive out each other.
    pub(crate) fn make_room(&mut self, wanted_by: UserId, now: Time) -> bool {
        if self.sessions.len() < self.config.max_sessions {
            return true;
        }
        let candidate = self
            .peers
            .values()
            .filter(|peer| peer.contact.id != wanted_by && peer.screens.is_empty())
            .filter_map(|peer| {
                let last_activity = peer.session.as_ref()?.last_activity;
                Some((!peer.outbox.is_empty(), last_activity, peer.contact.id))
            })
            .min();
        let Some((needed, _, id)) = candidate else { return false };
        let person_waits = self.peers.get(&wanted_by).is_some_and(|p| !p.screens.is_empty());
        if needed && !person_waits {
            return false;
        }
        self.say_bye(id, "pool", now);
        if needed {
            self.timers.set(Timer::AttemptBackoff(id), now + ROOM_RETRY);
        }
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
        if why == "idle"
            && let Some(peer) = self.peers.get_mut(&id)
            && std::mem::replace(&mut peer.chat_open, false)
        {
            // No screen of theirs shows our chat: the word of that has been lost.
            self.tell_presence(id);
        }
        let run = self.session(id).and_then(|session| session.peer_run);
        if let Some(run) = run
            && why == "shutdown"
        {
            self.run_ended(id, run);
        }
        self.end_session(id, reason, now);
        // A contact that runs on and merely saves connections does not know of the message that
        // crossed its bye; for all others a new attempt would be for nothing.
        let goes_on = matches!(why, "idle" | "pool");
        if let Some(peer) = self.peers.get_mut(&id) {
            if goes_on && !peer.outbox.is_empty() {
                let wait = peer.attempts.backoff.next(&mut self.rng);
                self.timers.set(Timer::AttemptBackoff(id), now + wait);
            } else {
                peer.attempts.resting = true;
            }
        }
        if why == "shutdown" {
            self.forget_presence(id);
        }
        self.tell_peer(id, now);
    }
}
