//! Trickled candidates (protocol §§2 and 4): ours are collected for a moment, theirs are held
//! until the offer or answer that they belong to has come.

use std::time::Duration;

use tincan_wire::{Body, Candidate, SessionRef, UserId, sdp};

use crate::engine::Engine;
use crate::output::PeerOutput;
use crate::peer::MAX_HELD_CANDIDATES;
use crate::relay_only::hides_us;
use crate::session::Session;
use crate::time::Time;
use crate::timer::Timer;

/// How long found candidates are collected before they go out: well under the 100 ms allowed.
const COLLECT: Duration = Duration::from_millis(20);
/// How long candidates without an offer are held.
const HOLD: Duration = Duration::from_secs(30);
/// How long an offer waits for its answer before a sign of life of the contact brings it again.
const TELL_AGAIN: Duration = Duration::from_millis(500);
/// Candidates in one body; also the most that wait to be sent.
const MAX_PER_BODY: usize = 32;

impl Session {
    /// Those of an older generation lead nowhere.
    pub(crate) fn forget_candidates(&mut self) {
        self.candidates.clear();
        self.candidates_done = false;
        self.told_candidates.clear();
    }
}

impl Engine {
    pub(crate) fn local_candidate(&mut self, id: UserId, candidate: Candidate, now: Time) {
        let Some(session) = self.session(id) else { return };
        if session.relay_only && !hides_us(&candidate.candidate) {
            return;
        }
        session.has_candidates = true;
        if session.candidates.len() < MAX_PER_BODY {
            session.candidates.push(candidate);
        }
        if session.candidates.len() >= MAX_PER_BODY {
            return self.trickle(id, now);
        }
        if self.timers.at(Timer::Trickle(id)).is_none() {
            self.timers.set(Timer::Trickle(id), now + COLLECT);
        }
    }

    pub(crate) fn local_candidates_done(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        session.candidates_done = true;
        self.trickle(id, now);
    }

    /// Sends what was found, once the description that it belongs to is out.
    pub(crate) fn trickle(&mut self, id: UserId, now: Time) {
        self.timers.clear(Timer::Trickle(id));
        let Some(session) = self.session(id) else { return };
        if session.own.is_none() || session.candidates.is_empty() && !session.candidates_done {
            return;
        }
        let candidates = session.candidates.clone();
        let eoc = session.candidates_done;
        let body = Body::IceCandidate { session: session.reference(), candidates, eoc };
        if self.tell_session(id, body, now)
            && let Some(session) = self.session(id)
        {
            let told = std::mem::take(&mut session.candidates);
            session.candidates_done = false;
            let room = MAX_PER_BODY.saturating_sub(session.told_candidates.len());
            session.told_candidates.extend(told.into_iter().take(room));
        }
    }

    /// Publishes our last offer or answer once more, and the candidates that belong to it: the
    /// first time nobody may have been there to hear it, or the channel was dead.
    pub(crate) fn tell_again(&mut self, id: UserId, now: Time) {
        self.timers.clear(Timer::TellAgain(id));
        self.publish_description(id, now);
        let Some(session) = self.session(id) else { return };
        let mut again = std::mem::take(&mut session.told_candidates);
        again.append(&mut session.candidates);
        again.truncate(MAX_PER_BODY);
        session.candidates = again;
        self.trickle(id, now);
    }

    /// The contact is there, but has not answered our offer, which a broker keeps for nobody who
    /// subscribes a moment later.
    pub(crate) fn tell_again_soon(&mut self, id: UserId, now: Time) {
        let Some(session) = self.session(id) else { return };
        if session.is_unanswered() && session.own.is_some() {
            let at = now.max(session.told_at + TELL_AGAIN);
            self.timers.set(Timer::TellAgain(id), at);
        }
    }

    pub(crate) fn tell_again_due(&mut self, id: UserId, now: Time) {
        if self.session(id).is_some_and(|session| session.is_unanswered()) {
            self.tell_again(id, now);
        }
    }

    pub(crate) fn handle_candidates(
        &mut self,
        from: UserId,
        reference: SessionRef,
        candidates: Vec<Candidate>,
        now: Time,
    ) {
        if !self.is_accepted(from) {
            return self.reject("candidate of no contact", now);
        }
        if self.is_of_another(reference.sid, from) {
            return self.reject("session of another contact", now);
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if let Some(session) = &peer.session
            && session.sid == reference.sid
        {
            if reference.generation < session.generation {
                return self.reject("candidate of an older generation", now);
            }
            if reference.generation == session.generation && session.remote_set {
                return self.pass_on(from, candidates, now);
            }
        }
        let key = Some((reference.sid, reference.generation));
        if peer.held.session != key {
            self.drop_held_candidates(from, now);
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.held.session = key;
        let room = MAX_HELD_CANDIDATES - peer.held.list.len();
        let too_many = candidates.len() > room;
        peer.held.list.extend(candidates.into_iter().take(room));
        self.timers.set(Timer::HeldCandidates(from), now + HOLD);
        if too_many {
            self.reject("too many held candidates", now);
        }
    }

    fn pass_on(&mut self, id: UserId, candidates: impl IntoIterator<Item = Candidate>, now: Time) {
        let Some(sid) = self.session(id).map(|session| session.sid) else { return };
        for candidate in candidates {
            match sdp::check_candidate(&candidate.candidate) {
                Err(error) => self.reject(error.reason(), now),
                // The empty candidate is how browsers say "no more".
                Ok(()) if candidate.candidate.is_empty() => {}
                Ok(()) => {
                    self.note_their_relays(id, &candidate.candidate);
                    self.peer_output(id, sid, PeerOutput::AddCandidate(candidate));
                }
            }
        }
        self.name_path(id, now);
    }

    /// The description has come: what was held for it goes on.
    pub(crate) fn release_held_candidates(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let current = peer.session.as_ref().map(|session| (session.sid, session.generation));
        if peer.held.session.is_none() || peer.held.session != current {
            return;
        }
        let held = std::mem::take(&mut peer.held);
        self.timers.clear(Timer::HeldCandidates(id));
        self.pass_on(id, held.list, now);
    }

    /// What they were held for did not come.
    pub(crate) fn drop_held_candidates(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let held = std::mem::take(&mut peer.held);
        if !held.list.is_empty() {
            self.reject("candidates without a description", now);
        }
    }
}
