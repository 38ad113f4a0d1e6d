//! One attempt to talk to a contact over WebRTC, from its first offer to its end
//! (seed §4, protocol §8). Offers and answers are in `offer`, `hello` in `verify`, what follows a
//! broken path in `recovery`.

use std::time::Duration;

use tincan_wire::{
    Body, Candidate, DeviceId, Fingerprint, FrameCodec, HelloTranscript, Role, SessionId,
    SessionRef, UserId,
};

use crate::engine::Engine;
use crate::event::{Delivery, Ending, Event, Path};
use crate::input::PeerInput;
use crate::output::PeerOutput;
use crate::pool::ROOM_RETRY;
use crate::relayed::Relayed;
use crate::signaling::Origin;
use crate::silence::Hearing;
use crate::time::Time;
use crate::timer::Timer;

/// From start to verified.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// After so many attempts in a row without success: Failed.
pub(crate) const MAX_ATTEMPTS: u32 = 6;
/// A session that has stood so long resets the backoff.
pub(crate) const STABLE_AFTER: Duration = Duration::from_secs(30);

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The shell is making our offer or answer.
    Gathering,
    /// Our offer or answer is out.
    Signalled,
    /// The channel is up; hello is being exchanged.
    Verifying,
    /// Verified.
    Connected,
    /// ICE has lost the path, or the contact is silent.
    Disconnected {
        /// ICE was restarted and has not come back yet.
        restarted: bool,
    },
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) sid: SessionId,
    pub(crate) role: Role,
    /// Whether it goes through relays only, so that our addresses stay hidden.
    pub(crate) relay_only: bool,
    /// Whether the contact was told of a way to us.
    pub(crate) has_candidates: bool,
    /// Counts ICE restarts.
    pub(crate) generation: u32,
    pub(crate) phase: Phase,
    /// The contact's device and run, once they have signed something for this session.
    pub(crate) peer_run: Option<(DeviceId, u64)>,
    /// The contact's last answer to an offer of ours.
    pub(crate) answered: Option<Origin>,
    /// Our last offer or answer as it went out, to publish it again.
    pub(crate) own: Option<(String, Fingerprint)>,
    /// Their description has been given to the shell for this generation.
    pub(crate) remote_set: bool,
    /// What hello binds: both fingerprints and the first offer and answer.
    pub(crate) offer: Option<([u8; 32], Fingerprint)>,
    pub(crate) answer: Option<([u8; 32], Fingerprint)>,
    /// Local candidates that wait to be sent.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) candidates_done: bool,
    /// Those that were told since the description was: said again with it.
    pub(crate) told_candidates: Vec<Candidate>,
    /// When our description was told last.
    pub(crate) told_at: Time,
    pub(crate) codec: FrameCodec,
    pub(crate) opened: bool,
    pub(crate) hello_verified: bool,
    /// Their first `sync` has come: messages may be sent.
    pub(crate) synced: bool,
    pub(crate) buffered: usize,
    pub(crate) paused: bool,
    /// We asked by `sync` for an acknowledgement that is overdue.
    pub(crate) resyncing: bool,
    pub(crate) receiving: bool,
    pub(crate) hearing: Hearing,
    pub(crate) path: Option<Path>,
    pub(crate) relayed: Relayed,
    /// What screens were told of it.
    pub(crate) path_told: Option<Path>,
    /// Since when it leads that way.
    pub(crate) path_since: Option<Time>,
    /// Its place in the pool: when it was last used for a message.
    pub(crate) last_activity: Time,
}

impl Session {
    fn new(
        sid: SessionId,
        role: Role,
        relay_only: bool,
        me: UserId,
        peer: UserId,
        now: Time,
    ) -> Self {
        Self {
            sid,
            role,
            relay_only,
            has_candidates: false,
            generation: 0,
            phase: Phase::Gathering,
            peer_run: None,
            answered: None,
            own: None,
            remote_set: false,
            offer: None,
            answer: None,
            candidates: Vec::new(),
            candidates_done: false,
            told_candidates: Vec::new(),
            told_at: now,
            codec: FrameCodec::new(me, peer),
            opened: false,
            hello_verified: false,
            synced: false,
            buffered: 0,
            paused: false,
            resyncing: false,
            receiving: true,
            hearing: Hearing::new(now),
            path: None,
            relayed: Relayed::default(),
            path_told: None,
            path_since: None,
            last_activity: now,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected | Phase::Disconnected { .. }) && self.hello_verified
    }

    /// Whether an offer or a restart of ours still waits for its answer.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.role == Role::Offerer && !self.remote_set
    }

    /// Whether the contact answered us after this: an offer acts later than an answer that came
    /// with it, since its replay position is written first.
    pub(crate) fn answered_after(&self, offer: Option<Origin>) -> bool {
        let (Some(answer), Some(offer)) = (self.answered, offer) else { return false };
        answer.run() == offer.run() && answer.seq > offer.seq
    }

    pub(crate) fn reference(&self) -> SessionRef {
        SessionRef { sid: self.sid, generation: self.generation }
    }

    /// What both hellos sign, once both descriptions are known.
    pub(crate) fn transcript(&self, me: UserId, peer: UserId) -> Option<HelloTranscript> {
        let (offer, offerer_fp) = self.offer?;
        let (answer, answerer_fp) = self.answer?;
        let (offerer, answerer) = match self.role {
            Role::Offerer => (me, peer),
            Role::Answerer => (peer, me),
        };
        let sid = self.sid;
        Some(HelloTranscript { sid, offerer, answerer, offerer_fp, answerer_fp, offer, answer })
    }
}

impl Engine {
    /// Starts an attempt if a session is wanted, none exists, the broker is there and no backoff
    /// runs. To be called whenever one of these may have changed.
    pub(crate) fn drive(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get(&id) else { return };
        let blocked = peer.session.is_some()
            || peer.attempts.resting
            || !peer.wants_session()
            || !self.broker.is_connected()
            || self.timers.at(Timer::AttemptBackoff(id)).is_some();
        if blocked {
            return;
        }
        if !self.make_room(id, now) {
            // All sessions are in use by open chats; one of them will end.
            self.timers.set(Timer::AttemptBackoff(id), now + ROOM_RETRY);
            return;
        }
        let sid = SessionId::random(&mut self.rng);
        self.offer_anew(id, sid, now);
    }

    /// Begins a session with an offer of ours; there must be none.
    pub(crate) fn offer_anew(&mut self, id: UserId, sid: SessionId, now: Time) {
        self.begin_session(id, sid, Role::Offerer, now);
        let relay_only = self.hides_from(id);
        self.peer_output(id, sid, PeerOutput::Offer { relay_only });
    }

    /// Puts a fresh session in place; there must be none.
    pub(crate) fn begin_session(&mut self, id: UserId, sid: SessionId, role: Role, now: Time) {
        let (me, relay_only) = (self.me, self.hides_from(id));
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.session = Some(Session::new(sid, role, relay_only, me, id, now));
        peer.attempts.failed = false;
        self.sessions.insert(sid, id);
        self.timers.clear(Timer::AttemptBackoff(id));
        self.timers.set(Timer::Attempt(id), now + ATTEMPT_TIMEOUT);
        self.tell_peer(id, now);
    }

    /// Whether a session's id is in use with somebody else: ids are random, so this is no chance.
    pub(crate) fn is_of_another(&self, sid: SessionId, id: UserId) -> bool {
        self.sessions.get(&sid).is_some_and(|owner| *owner != id)
    }

    /// Takes the session away, without a word to the contact.
    pub(crate) fn end_session(&mut self, id: UserId, reason: Option<String>, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(session) = peer.session.take() else { return };
        if let Some(reason) = &reason {
            peer.ended = Some(Ending { reason: reason.clone(), at: now });
        }
        peer.attempts.reason = reason;
        let requeued = peer.outbox.session_lost();
        for inbox in peer.inboxes.values_mut() {
            inbox.read_told = 0;
        }
        self.sessions.remove(&session.sid);
        for timer in [
            Timer::Attempt(id),
            Timer::Hello(id),
            Timer::Recovery(id),
            Timer::GiveUp(id),
            Timer::Stable(id),
            Timer::Idle(id),
            Timer::Batch(id),
            Timer::AckOverdue(id),
            Timer::Trickle(id),
            Timer::TellAgain(id),
            Timer::Silence(id),
        ] {
            self.timers.clear(timer);
        }
        self.peer_output(id, session.sid, PeerOutput::Close);
        self.peer_typing(id, false, now);
        if !requeued.is_empty() {
            self.event(Event::Delivery { contact: id, ids: requeued, state: Delivery::Queued });
        }
        if session.hello_verified {
            // While it stood, its channel vouched for the contact; now only heartbeats do.
            self.seen(id, now);
        }
    }

    /// The session is of no use any more: end it, and try anew after the backoff, if wanted.
    pub(crate) fn session_failed(&mut self, id: UserId, reason: String, now: Time) {
        self.end_session(id, Some(reason), now);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let wait = peer.attempts.backoff.next(&mut self.rng);
        if peer.attempts.backoff.failures() >= MAX_ATTEMPTS {
            peer.attempts.backoff.reset();
            peer.attempts.failed = true;
            peer.attempts.resting = true;
        } else {
            self.timers.set(Timer::AttemptBackoff(id), now + wait);
        }
        self.tell_peer(id, now);
    }

    /// End it, and begin another at once.
    pub(crate) fn renew_session(&mut self, id: UserId, reason: &str, now: Time) {
        self.end_session(id, Some(reason.to_owned()), now);
        self.timers.clear(Timer::AttemptBackoff(id));
        self.drive(id, now);
        self.tell_peer(id, now);
    }

    /// The contact's device runs anew: whatever session it had is gone.
    pub(crate) fn drop_session_of_old_run(
        &mut self,
        id: UserId,
        dev: DeviceId,
        ep: u64,
        now: Time,
    ) {
        let run = self.peers.get(&id).and_then(|p| p.session.as_ref()).and_then(|s| s.peer_run);
        if run.is_some_and(|(device, epoch)| device == dev && epoch < ep) {
            self.end_session(id, Some("the contact was started anew".to_owned()), now);
            self.timers.clear(Timer::AttemptBackoff(id));
            self.tell_peer(id, now);
        }
    }

    pub(crate) fn attempt_overdue(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(session) = &peer.session else { return };
        let reason = match (session.role, session.phase) {
            (Role::Offerer, Phase::Signalled) if !session.remote_set => {
                peer.attempts.own_timeouts += 1;
                "no answer within 15 s"
            }
            _ if session.relay_only && !session.has_candidates => {
                "no relay gave us an address, and only relays are to be used"
            }
            _ => "no connection within 15 s",
        };
        self.session_failed(id, reason.to_owned(), now);
    }

    pub(crate) fn session_stable(&mut self, id: UserId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.attempts.backoff.reset();
        }
    }

    /// Something happened to the WebRTC connection of a session.
    pub(crate) fn handle_peer(&mut self, sid: SessionId, input: PeerInput, now: Time) {
        let Some(id) = self.sessions.get(&sid).copied() else { return };
        match input {
            PeerInput::OfferReady { sdp, fingerprint } => {
                self.note_our_relays(id, &sdp);
                self.offer_ready(id, sdp, fingerprint, now);
            }
            PeerInput::AnswerReady { sdp, fingerprint } => {
                self.note_our_relays(id, &sdp);
                self.answer_ready(id, sdp, fingerprint, now);
            }
            PeerInput::Candidate(candidate) => {
                self.note_our_relays(id, &candidate.candidate);
                self.local_candidate(id, candidate, now);
            }
            PeerInput::CandidatesDone => self.local_candidates_done(id, now),
            PeerInput::Opened => self.channel_opened(id, now),
            PeerInput::Frame(bytes) => self.handle_frame(id, &bytes, now),
            PeerInput::Buffered(bytes) => self.handle_buffered(id, bytes, now),
            PeerInput::Disconnected => self.path_lost(id, now),
            PeerInput::Reconnected => self.path_back(id, now),
            PeerInput::Path(path) => self.path_reported(id, path, now),
            PeerInput::OtherCertificate => self.other_certificate(id, now),
            PeerInput::Failed { reason } => self.session_failed(id, reason, now),
            PeerInput::Closed => {
                self.session_failed(id, "the contact closed the connection".to_owned(), now);
            }
        }
    }

    fn note_our_relays(&mut self, id: UserId, text: &str) {
        if let Some(session) = self.session(id) {
            session.relayed.note_ours(text);
        }
    }

    pub(crate) fn note_their_relays(&mut self, id: UserId, text: &str) {
        if let Some(session) = self.session(id) {
            session.relayed.note_theirs(text);
        }
    }

    /// The shell says how the path is; screens hear of it when it is news.
    fn path_reported(&mut self, id: UserId, mut path: Path, now: Time) {
        let Some(session) = self.session(id) else { return };
        session.relayed.name(&mut path);
        let before = session.path.as_ref();
        let is_another = !before.is_some_and(|before| before.leads_as(&path));
        let told = session.path_told.as_ref();
        let is_news = told.is_none_or(|told| path.is_news_after(told));
        session.path = Some(path.clone());
        if is_another {
            session.path_since = Some(now);
        }
        if is_news {
            session.path_told = Some(path);
            self.tell_path(id);
        }
    }

    /// An address of theirs was told: data may go there already, which the shell need not report
    /// again.
    pub(crate) fn name_path(&mut self, id: UserId, now: Time) {
        if let Some(path) = self.session(id).and_then(|session| session.path.clone()) {
            self.path_reported(id, path, now);
        }
    }

    /// Publishes a session body over the broker, or over the live channel where the broker is
    /// away; false if neither is there.
    pub(crate) fn tell_session(&mut self, id: UserId, body: Body, now: Time) -> bool {
        if self.broker.is_connected() {
            return self.publish(id, body, now);
        }
        if !self.peers.get(&id).is_some_and(|peer| peer.is_connected()) {
            return false;
        }
        self.send_frame(id, &tincan_wire::Frame::Signal(body), now)
    }
}
