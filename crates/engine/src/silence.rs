//! A path that is silent though the contact has something to answer is lost, even where ICE does
//! not know it yet: browsers need up to 6.5 s to tell that a tab was killed (protocol §8).

use std::time::Duration;

use tincan_wire::{Frame, Role, UserId, capabilities};

use crate::engine::Engine;
use crate::session::{ATTEMPT_TIMEOUT, Phase, Session};
use crate::time::Time;
use crate::timer::Timer;

/// From the last frame to the first ping.
const PING_AFTER: Duration = Duration::from_millis(1_500);
/// From one ping to the next, and from the last to *disconnected*.
const PING_EVERY: Duration = Duration::from_secs(1);
/// So many pings in a row without an answer: *disconnected*. Each waits its own second, so that
/// a machine that slept does not take its own silence for the contact's.
const MAX_UNANSWERED: u32 = 3;
/// So many pings in a row, of which the last has just gone out: another way is looked for. A router
/// with another address and a relay that died say nothing, and ICE takes 5 s and more to tell.
const LOOK_ELSEWHERE_AT: u32 = 2;
/// With more than this before it in the connection, a ping says nothing: a slow path needs
/// seconds to carry it.
const MAX_AHEAD_BYTES: usize = 16 * 1024;

/// Who was heard when, in one session.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// They answer pings; older clients don't.
    answers: bool,
    last: Time,
    unanswered: u32,
    /// When they asked last.
    asked: Option<Time>,
    /// When ICE was restarted last because one end did not hear the other.
    restarted: Option<Time>,
}

impl Hearing {
    pub(crate) fn new(now: Time) -> Self {
        Self { answers: false, last: now, unanswered: 0, asked: None, restarted: None }
    }
}

impl Session {
    /// Whether silence would mean anything now.
    fn is_answerable(&self) -> bool {
        self.receiving && self.buffered <= MAX_AHEAD_BYTES
    }

    /// Whether ICE was restarted a moment ago because of a silence.
    fn is_looking_elsewhere(&self, now: Time) -> bool {
        self.hearing.restarted.is_some_and(|at| now.since(at) < ATTEMPT_TIMEOUT)
    }
}

impl Engine {
    /// With much before it a pong would tell nothing that the rest does not tell, and a contact
    /// who asks and does not read would fill our memory with them. Who asks once more, sooner than
    /// after an answer, does not hear us, though we hear them.
    pub(crate) fn answer_ping(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        let before = session.hearing.asked.replace(now);
        if session.buffered > MAX_AHEAD_BYTES {
            return;
        }
        self.send_frame(id, &Frame::Pong, now);
        if before.is_some_and(|before| now.since(before) < PING_AFTER) {
            self.look_elsewhere(id, now);
        }
    }

    /// The session is verified: listen.
    pub(crate) fn begin_hearing(&mut self, id: UserId, caps: &[String], now: Time) {
        let Some(session) = self.session(id) else { return };
        session.hearing.answers = caps.iter().any(|one| one == capabilities::PING);
        session.hearing.last = now;
        self.await_frames(id, now);
    }

    /// Waits anew for something to be heard.
    pub(crate) fn await_frames(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        session.hearing.unanswered = 0;
        if session.hearing.answers {
            self.timers.set(Timer::Silence(id), now + PING_AFTER);
        }
    }

    /// A frame of a verified session came.
    pub(crate) fn heard(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        session.hearing.last = now;
        session.hearing.unanswered = 0;
        let restarted = session.is_looking_elsewhere(now);
        match session.phase {
            Phase::Disconnected { .. } => self.path_back(id, now),
            // The contact may be without a broker, and never answer: the session lives all the same.
            Phase::Connected if restarted => self.timers.clear(Timer::Recovery(id)),
            Phase::Connected | Phase::Gathering | Phase::Signalled | Phase::Verifying => {}
        }
    }

    pub(crate) fn silence(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        if session.phase != Phase::Connected {
            // Once the path is back, we listen again.
            return;
        }
        let due = session.hearing.last + PING_AFTER;
        if due > now {
            return self.timers.set(Timer::Silence(id), due);
        }
        if !session.is_answerable() {
            session.hearing.unanswered = 0;
        } else if session.hearing.unanswered == MAX_UNANSWERED {
            return self.path_lost(id, now);
        } else {
            session.hearing.unanswered += 1;
            let asked = session.hearing.unanswered;
            self.send_frame(id, &Frame::Ping, now);
            if asked == LOOK_ELSEWHERE_AT {
                self.look_elsewhere(id, now);
            }
        }
        self.timers.set(Timer::Silence(id), now + PING_EVERY);
    }

    /// Restarts ICE, once in the time that an attempt may take. The path that there is stays until
    /// another is found, so to be wrong costs an offer and an answer. The contact cannot be told
    /// through a channel that is silent.
    fn look_elsewhere(&mut self, id: UserId, now: Time) {
        let has_broker = self.broker.is_connected();
        let Some(session) = self.session(id) else { return };
        let may = session.role == Role::Offerer
            && session.phase == Phase::Connected
            && session.remote_set
            && !session.is_looking_elsewhere(now);
        if may && has_broker {
            session.hearing.restarted = Some(now);
            self.restart_ice(id, now);
        }
    }
}
