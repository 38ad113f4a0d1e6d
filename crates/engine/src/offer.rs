//! Offers and answers: who answers whom when both offer (glare), and ICE restarts of a session
//! that lives (protocol §4).

use tincan_wire::{Body, Description, Fingerprint, HelloTranscript, Role, SessionRef, UserId, sdp};

use crate::engine::Engine;
use crate::output::PeerOutput;
use crate::relay_only::description_hides_us;
use crate::session::{ATTEMPT_TIMEOUT, Phase, Session};
use crate::signaling::Origin;
use crate::time::Time;
use crate::timer::Timer;

/// After so many time-outs of its own offers the winner of a glare yields once.
const YIELD_AFTER: u32 = 2;

/// A fault of the shell, which must not become one of a person's.
const NAMES_ADDRESSES: &str =
    "the description names addresses of ours, and only relays are to be used";

/// What an offer means for what is there.
enum Meaning {
    /// Answer it with a session of its own; whatever there is ends.
    Answer,
    /// It restarts ICE of the session that there is.
    Restart,
    /// It came twice: our answer may be lost, publish it again.
    Repeat,
    /// Ours wins: drop it and publish ours again.
    OursWins,
    /// It belongs to a session that is gone here: only a new one helps.
    Provoke,
    /// Drop it, for this reason.
    Drop(&'static str),
}

impl Engine {
    /// The shell has made our offer, the first or one that restarts ICE.
    pub(crate) fn offer_ready(
        &mut self,
        id: UserId,
        sdp: String,
        fingerprint: Fingerprint,
        now: Time,
    ) {
        let Some(session) = self.session(id) else { return };
        if session.relay_only && !description_hides_us(&sdp) {
            return self.session_failed(id, NAMES_ADDRESSES.to_owned(), now);
        }
        session.own = Some((sdp.clone(), fingerprint));
        session.remote_set = false;
        if session.generation == 0 {
            session.offer = Some((HelloTranscript::hash_sdp(&sdp), fingerprint));
            session.phase = Phase::Signalled;
        }
        self.publish_description(id, now);
        self.trickle(id, now);
    }

    /// The shell has made our answer.
    pub(crate) fn answer_ready(
        &mut self,
        id: UserId,
        sdp: String,
        fingerprint: Fingerprint,
        now: Time,
    ) {
        let Some(session) = self.session(id) else { return };
        if session.relay_only && !description_hides_us(&sdp) {
            return self.session_failed(id, NAMES_ADDRESSES.to_owned(), now);
        }
        session.own = Some((sdp.clone(), fingerprint));
        if session.generation == 0 {
            session.answer = Some((HelloTranscript::hash_sdp(&sdp), fingerprint));
            session.phase = Phase::Signalled;
        }
        self.publish_description(id, now);
        self.trickle(id, now);
    }

    /// Publishes our last offer or answer, the first time or again.
    pub(crate) fn publish_description(&mut self, id: UserId, now: Time) {
        let pk = self.prekeys.current();
        let Some(session) = self.session(id) else { return };
        let Some((sdp, fp)) = session.own.clone() else { return };
        session.told_at = now;
        let reference = session.reference();
        let role = session.role;
        let description = Description { sdp, fp, caps: Vec::new(), pk };
        let body = match role {
            Role::Offerer => Body::Offer { session: reference, description },
            Role::Answerer => Body::Answer { session: reference, description },
        };
        self.tell_session(id, body, now);
    }

    /// An offer of a contact. `origin` is `None` where it came over the live channel.
    pub(crate) fn handle_offer(
        &mut self,
        from: UserId,
        origin: Option<Origin>,
        reference: SessionRef,
        description: Description,
        now: Time,
    ) {
        self.infer_acceptance(from, now);
        if !self.is_accepted(from) {
            return self.reject("offer of no contact", now);
        }
        if let Err(error) = sdp::check(&description) {
            return self.reject(error.reason(), now);
        }
        self.seen(from, now);
        self.note_prekey(from, description.pk, now);
        match self.weigh(from, origin, &reference, &description) {
            Meaning::Answer => self.answer(from, origin, reference, &description, now),
            Meaning::Restart => self.answer_restart(from, reference, description.sdp, now),
            Meaning::Repeat => self.tell_again(from, now),
            Meaning::OursWins => {
                self.reject("glare: our offer wins", now);
                self.publish_description(from, now);
            }
            Meaning::Provoke => {
                self.reject("offer of a session that is gone", now);
                self.timers.clear(Timer::AttemptBackoff(from));
                self.force_attempt(from, now);
            }
            Meaning::Drop(reason) => self.reject(reason, now),
        }
    }

    fn weigh(
        &mut self,
        from: UserId,
        origin: Option<Origin>,
        theirs: &SessionRef,
        description: &Description,
    ) -> Meaning {
        if self.is_of_another(theirs.sid, from) {
            return Meaning::Drop("session of another contact");
        }
        let ours_is_smaller = self.me < from;
        let Some(peer) = self.peers.get_mut(&from) else { return Meaning::Drop("stranger") };
        let Some(session) = &peer.session else {
            return if theirs.generation == 0 { Meaning::Answer } else { Meaning::Provoke };
        };
        if session.sid == theirs.sid {
            return same_session(session, theirs, description);
        }
        if theirs.generation > 0 {
            return Meaning::Drop("offer of another session");
        }
        if session.answered_after(origin) {
            return Meaning::Drop("offer older than an answer");
        }
        let glare = session.role == Role::Offerer && !session.remote_set && !session.opened;
        if !glare || !ours_is_smaller {
            return Meaning::Answer;
        }
        if peer.attempts.own_timeouts >= YIELD_AFTER {
            peer.attempts.own_timeouts = 0;
            return Meaning::Answer;
        }
        Meaning::OursWins
    }

    fn answer(
        &mut self,
        from: UserId,
        origin: Option<Origin>,
        reference: SessionRef,
        description: &Description,
        now: Time,
    ) {
        self.end_session(from, None, now);
        if !self.make_room(from, now) {
            return self.reject("too many sessions", now);
        }
        self.begin_session(from, reference.sid, Role::Answerer, now);
        if let Some(session) = self.session(from) {
            session.peer_run = origin.map(Origin::run);
            session.offer = Some((HelloTranscript::hash_sdp(&description.sdp), description.fp));
            session.remote_set = true;
        }
        let sdp = description.sdp.clone();
        let relay_only = self.hides_from(from);
        self.note_their_relays(from, &sdp);
        self.peer_output(from, reference.sid, PeerOutput::Answer { sdp, relay_only });
        self.release_held_candidates(from, now);
    }

    fn answer_restart(&mut self, from: UserId, reference: SessionRef, sdp: String, now: Time) {
        let Some(session) = self.session(from) else { return };
        session.generation = reference.generation;
        // The old answer is not to be published again as if it were for this restart.
        session.own = None;
        session.remote_set = true;
        session.forget_candidates();
        if let Phase::Disconnected { restarted } = &mut session.phase {
            *restarted = true;
            self.timers.set(Timer::Recovery(from), now + ATTEMPT_TIMEOUT);
        }
        let relay_only = self.hides_from(from);
        self.note_their_relays(from, &sdp);
        self.peer_output(from, reference.sid, PeerOutput::Answer { sdp, relay_only });
        self.release_held_candidates(from, now);
    }

    /// An answer of a contact. `origin` is `None` where it came over the live channel.
    pub(crate) fn handle_answer(
        &mut self,
        from: UserId,
        origin: Option<Origin>,
        reference: SessionRef,
        description: Description,
        now: Time,
    ) {
        if !self.is_accepted(from) {
            return self.reject("answer of no contact", now);
        }
        if let Err(error) = sdp::check(&description) {
            return self.reject(error.reason(), now);
        }
        self.seen(from, now);
        let Some(session) = self.session(from) else {
            return self.reject("answer to nothing", now);
        };
        let fits = session.role == Role::Offerer
            && session.reference() == reference
            && session.own.is_some()
            && !session.remote_set;
        if !fits {
            return self.reject("answer to another offer", now);
        }
        let hash = HelloTranscript::hash_sdp(&description.sdp);
        match session.answer {
            None => session.answer = Some((hash, description.fp)),
            // An ICE restart keeps certificate and identity.
            Some((_, known)) if known == description.fp => {}
            Some(_) => return self.reject("restart with another fingerprint", now),
        }
        if let Some(origin) = origin {
            session.peer_run = Some(origin.run());
            session.answered = Some(origin);
        }
        session.remote_set = true;
        let sdp = description.sdp;
        self.note_prekey(from, description.pk, now);
        self.note_their_relays(from, &sdp);
        self.peer_output(from, reference.sid, PeerOutput::AcceptAnswer { sdp });
        self.release_held_candidates(from, now);
    }

    /// Restarts ICE of a live session that we offered.
    pub(crate) fn restart_ice(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        session.generation += 1;
        session.own = None;
        session.remote_set = false;
        session.forget_candidates();
        if let Phase::Disconnected { restarted } = &mut session.phase {
            *restarted = true;
        }
        let sid = session.sid;
        self.timers.set(Timer::Recovery(id), now + ATTEMPT_TIMEOUT);
        self.peer_output(id, sid, PeerOutput::RestartIce);
    }

    /// Starts an attempt although nothing of ours wants one: the contact does.
    fn force_attempt(&mut self, id: UserId, now: Time) {
        let free = self.peers.get(&id).is_some_and(|peer| peer.session.is_none());
        if !free || !self.broker.is_connected() || !self.make_room(id, now) {
            return;
        }
        let sid = tincan_wire::SessionId::random(&mut self.rng);
        self.offer_anew(id, sid, now);
    }

    pub(crate) fn session(&mut self, id: UserId) -> Option<&mut Session> {
        self.peers.get_mut(&id)?.session.as_mut()
    }
}

fn same_session(session: &Session, theirs: &SessionRef, description: &Description) -> Meaning {
    if session.role == Role::Offerer {
        return Meaning::Drop("offer to its own offerer");
    }
    if theirs.generation < session.generation {
        return Meaning::Drop("older generation");
    }
    if theirs.generation == session.generation {
        return if session.own.is_some() {
            Meaning::Repeat
        } else {
            Meaning::Drop("repeated offer")
        };
    }
    if session.offer.is_none_or(|(_, known)| known != description.fp) {
        return Meaning::Drop("restart with another fingerprint");
    }
    Meaning::Restart
}
