//! `hello`: the first frame each way proves that the ends of the channel are the two users who
//! signed offer and answer (protocol §§4 and 5). Before that no chat frame goes or comes.

use std::time::Duration;

use tincan_wire::{Frame, Hello, MAX_FRAME_BYTES, UserId, capabilities};

use crate::engine::Engine;
use crate::event::Alarm;
use crate::session::{Phase, STABLE_AFTER};
use crate::time::Time;
use crate::timer::Timer;

/// Hello must verify within this.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

impl Engine {
    /// The channel is up: say hello.
    pub(crate) fn channel_opened(&mut self, id: UserId, now: Time) {
        let me = self.me;
        let Some(session) = self.session(id) else { return };
        if session.opened {
            return;
        }
        session.opened = true;
        session.phase = Phase::Verifying;
        let (sid, role) = (session.sid, session.role);
        let Some(transcript) = session.transcript(me, id) else {
            return self.hello_failed(id, "the descriptions are incomplete", now);
        };
        let sig = transcript.sign(&self.identity, role);
        let caps = vec![capabilities::PING.to_owned()];
        let hello = Hello { sid, sig, caps, max: MAX_FRAME_BYTES as u32 };
        self.timers.clear(Timer::Attempt(id));
        self.timers.set(Timer::Hello(id), now + HELLO_TIMEOUT);
        self.send_frame(id, &Frame::Hello(hello), now);
        self.tell_peer(id, now);
    }

    /// Their hello.
    pub(crate) fn handle_hello(&mut self, id: UserId, hello: &Hello, now: Time) {
        let me = self.me;
        let Some(session) = self.session(id) else { return };
        if session.hello_verified {
            return self.reject("second hello", now);
        }
        if !session.opened {
            // Their first frame has overtaken the news that the channel is up.
            self.channel_opened(id, now);
        }
        let Some(session) = self.session(id) else { return };
        let Some(transcript) = session.transcript(me, id) else {
            return self.hello_failed(id, "the descriptions are incomplete", now);
        };
        let role = session.role.other();
        if let Err(error) = transcript.verify(hello, &id, role) {
            return self.hello_failed(id, error.reason(), now);
        }
        session.hello_verified = true;
        session.phase = Phase::Connected;
        session.last_activity = now;
        self.timers.clear(Timer::Hello(id));
        self.timers.set(Timer::Stable(id), now + STABLE_AFTER);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.attempts.own_timeouts = 0;
            peer.attempts.reason = None;
        }
        self.seen(id, now);
        self.touch(id, now);
        self.tell_peer(id, now);
        self.begin_hearing(id, &hello.caps, now);
        self.send_sync(id, now);
        self.tell_read(id, now);
    }

    /// Hello did not verify.
    pub(crate) fn hello_failed(&mut self, id: UserId, reason: &str, now: Time) {
        self.reject("hello failed", now);
        self.not_them(id, reason, now);
    }

    /// DTLS met another certificate than the one that was signed for.
    pub(crate) fn other_certificate(&mut self, id: UserId, now: Time) {
        self.reject("other certificate", now);
        self.not_them(id, "the certificate is not the announced one", now);
    }

    /// Somebody else is at the other end, or between: nothing was said, and nothing will be.
    fn not_them(&mut self, id: UserId, reason: &str, now: Time) {
        self.alarm(Some(id), Alarm::HelloFailed { reason: reason.to_owned() });
        self.end_session(id, Some(format!("verification failed: {reason}")), now);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.attempts.resting = true;
        }
        self.tell_peer(id, now);
    }

    pub(crate) fn hello_overdue(&mut self, id: UserId, now: Time) {
        self.session_failed(id, "the contact did not say hello within 10 s".to_owned(), now);
    }
}
