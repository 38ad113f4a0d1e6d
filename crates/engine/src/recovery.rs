//! When the path breaks (protocol §4, recovery): wait a little, restart ICE, then begin anew.

use std::time::Duration;

use tincan_wire::{Role, UserId};

use crate::engine::Engine;
use crate::session::{ATTEMPT_TIMEOUT, Phase};
use crate::time::Time;
use crate::timer::Timer;

/// From *disconnected* to the ICE restart.
const RESTART_AFTER: Duration = Duration::from_secs(5);
/// From *disconnected* to closed, whatever was tried.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5 * 60);

impl Engine {
    pub(crate) fn path_lost(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        if session.phase != Phase::Connected {
            return;
        }
        session.phase = Phase::Disconnected { restarted: false };
        let wait = match session.role {
            Role::Offerer => RESTART_AFTER,
            // The offerer restarts; if nothing comes of it, we begin anew.
            Role::Answerer => RESTART_AFTER + ATTEMPT_TIMEOUT,
        };
        self.timers.clear(Timer::Stable(id));
        self.timers.clear(Timer::Silence(id));
        self.timers.set(Timer::Recovery(id), now + wait);
        self.timers.set(Timer::GiveUp(id), now + GIVE_UP_AFTER);
        self.tell_peer(id, now);
    }

    pub(crate) fn path_back(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        if !matches!(session.phase, Phase::Disconnected { .. }) {
            return;
        }
        session.phase = Phase::Connected;
        self.timers.clear(Timer::Recovery(id));
        self.timers.clear(Timer::GiveUp(id));
        self.await_frames(id, now);
        self.seen(id, now);
        self.touch(id, now);
        self.tell_peer(id, now);
        self.pump(id, false, now);
    }

    /// Restart ICE, or begin anew if that was done already.
    pub(crate) fn recover(&mut self, id: UserId, now: Time) {
        let connected = self.broker.is_connected();
        let Some(session) = self.session(id) else { return };
        match (session.phase, session.role) {
            (Phase::Disconnected { .. }, _) if !connected => {
                // Nobody can be told. The path may come back by itself; else the broker's return
                // calls us.
            }
            (Phase::Disconnected { restarted: false }, Role::Offerer) => self.restart_ice(id, now),
            (Phase::Disconnected { .. }, _) => {
                self.renew_session(id, "the path was lost and did not come back", now);
            }
            // A restart of a session that was not disconnected, on a new network.
            (Phase::Connected, _) if !session.remote_set => {
                self.renew_session(id, "no answer to the restart on a new network", now);
            }
            (Phase::Connected | Phase::Gathering | Phase::Signalled | Phase::Verifying, _) => {}
        }
    }

    pub(crate) fn give_up(&mut self, id: UserId, now: Time) {
        self.end_session(id, Some("no path for 5 min".to_owned()), now);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.attempts.resting = true;
        }
        self.tell_peer(id, now);
    }

    /// The broker is back: what waited for it goes on.
    pub(crate) fn broker_back(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        let unheard = session.role == Role::Answerer && session.phase == Phase::Signalled;
        if session.own.is_some() && (session.is_unanswered() || unheard) {
            // The offer, the restart or the answer could not go out before.
            return self.tell_again(id, now);
        }
        if matches!(session.phase, Phase::Disconnected { .. })
            && self.timers.at(Timer::Recovery(id)).is_none()
        {
            self.recover(id, now);
        }
    }

    /// A new network: restart at once, before the old path is given up.
    pub(crate) fn session_network_changed(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.attempts.resting = false;
        let Some(session) = &mut peer.session else {
            self.timers.clear(Timer::AttemptBackoff(id));
            return self.drive(id, now);
        };
        match (session.phase, session.role) {
            (Phase::Connected | Phase::Disconnected { .. }, Role::Offerer) => {
                self.restart_ice(id, now);
            }
            (Phase::Connected | Phase::Disconnected { .. }, Role::Answerer) => {
                self.renew_session(id, "the network changed", now);
            }
            (Phase::Gathering | Phase::Signalled | Phase::Verifying, _) => {
                self.renew_session(id, "the network changed", now);
            }
        }
    }
}
