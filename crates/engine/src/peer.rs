//! All that is known at run time about one contact.

use std::collections::VecDeque;

use tincan_wire::{Candidate, DeviceId, LogId, PairSecret, SessionId, SortedMap, UserId};

use crate::backoff::Backoff;
use crate::contact::{Contact, ContactStatus};
use crate::engine::Engine;
use crate::event::{ContactView, Ending, Event, PeerState, PeerView};
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::session::{Phase, Session};
use crate::store::Conversation;
use crate::time::Time;
use crate::timer::{Timer, Timers};

/// Logs of one contact that are followed; one per installation or restore of theirs.
pub(crate) const MAX_LOGS: usize = 16;

/// Candidates held for a session whose offer or answer has not come yet (protocol §2).
pub(crate) const MAX_HELD_CANDIDATES: usize = 32;

/// One contact at run time.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) contact: Contact,
    pub(crate) secret: PairSecret,
    pub(crate) outbox: Outbox,
    pub(crate) inboxes: SortedMap<LogId, Inbox>,
    /// The highest `h` of the conversation.
    pub(crate) last_h: u64,
    /// Content bytes of theirs on the way to our disk.
    pub(crate) storing_bytes: usize,
    /// Screens that show the chat.
    pub(crate) screens: SortedMap<u64, ()>,
    pub(crate) online: bool,
    /// Our chat is on their screen.
    pub(crate) chat_open: bool,
    /// The device and run that said so last.
    pub(crate) chat_run: Option<(DeviceId, u64)>,
    /// The device and run that said last that it ends.
    pub(crate) ended_run: Option<(DeviceId, u64)>,
    pub(crate) typing: bool,
    /// They were told that a person types here …
    pub(crate) typing_told: bool,
    /// … at this time, the last one.
    pub(crate) typing_told_at: Option<Time>,
    pub(crate) last_seen: Option<Time>,
    pub(crate) heartbeats: u64,
    pub(crate) session: Option<Session>,
    pub(crate) attempts: Attempts,
    pub(crate) held: HeldCandidates,
    /// They were told our prekey because they sealed to one that is gone.
    pub(crate) prekey_told_at: Option<Time>,
    /// Answers of theirs to our request that wait for the disk.
    pub(crate) responses_under_way: usize,
    /// An answer to their request that could not go out yet.
    pub(crate) owes_response: Option<bool>,
    /// How often we have asked them to be a contact in this run.
    pub(crate) asked_times: usize,
    /// How the last session or attempt ended, in this run.
    pub(crate) ended: Option<Ending>,
    /// What was last told of the session, so that the same is not told twice.
    told: Option<(PeerState, Option<String>)>,
    since: Time,
}

/// How attempts to connect have gone since the last success.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) backoff: Backoff,
    /// Time-outs of offers of ours, for the glare rule.
    pub(crate) own_timeouts: u32,
    /// Enough: wait for a sign of life, or for the user.
    pub(crate) resting: bool,
    pub(crate) failed: bool,
    pub(crate) reason: Option<String>,
}

/// Candidates that have overtaken their offer or answer.
#[derive(Debug, Default)]
pub(crate) struct HeldCandidates {
    pub(crate) session: Option<(SessionId, u32)>,
    pub(crate) list: VecDeque<Candidate>,
}

impl Peer {
    pub(crate) fn new(contact: Contact, secret: PairSecret, now: Time) -> Self {
        Self {
            contact,
            secret,
            outbox: Outbox::default(),
            inboxes: SortedMap::new(),
            last_h: 0,
            storing_bytes: 0,
            screens: SortedMap::new(),
            online: false,
            chat_open: false,
            chat_run: None,
            ended_run: None,
            typing: false,
            typing_told: false,
            typing_told_at: None,
            last_seen: None,
            heartbeats: 0,
            session: None,
            attempts: Attempts::default(),
            held: HeldCandidates::default(),
            prekey_told_at: None,
            responses_under_way: 0,
            owes_response: None,
            asked_times: 0,
            ended: None,
            told: None,
            since: now,
        }
    }

    pub(crate) fn resume(&mut self, conversation: Conversation) {
        self.outbox = Outbox::new(conversation.written, conversation.acked, conversation.peer_read);
        self.last_h = conversation.last_h;
        self.inboxes = conversation
            .logs
            .into_iter()
            .map(|log| (log.lg, Inbox::new(log.have, log.read)))
            .collect();
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.contact.status == ContactStatus::Accepted
    }

    /// Whether a session is wanted: a person looks at the chat, or a message waits.
    pub(crate) fn wants_session(&self) -> bool {
        self.is_accepted() && (!self.screens.is_empty() || !self.outbox.is_empty())
    }

    /// Whether messages may be written to the session now.
    pub(crate) fn is_connected(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_connected)
    }

    fn state(&self) -> PeerState {
        match &self.session {
            Some(session) => match session.phase {
                Phase::Gathering | Phase::Signalled => PeerState::Connecting,
                Phase::Verifying => PeerState::Verifying,
                Phase::Connected => PeerState::Connected,
                Phase::Disconnected { .. } => PeerState::Disconnected,
            },
            None if self.attempts.failed => PeerState::Failed,
            None if self.wants_session() && !self.attempts.resting => PeerState::New,
            None => PeerState::Closed,
        }
    }

    fn view(&self, timers: &Timers) -> PeerView {
        let id = self.contact.id;
        PeerView {
            contact: id,
            state: self.state(),
            sid: self.session.as_ref().map(|session| session.sid),
            since: self.since,
            path: self.session.as_ref().and_then(|session| session.path.clone()),
            path_since: self.session.as_ref().and_then(|session| session.path_since),
            reason: self.attempts.reason.clone(),
            ended: self.ended.clone(),
            attempts: self.attempts.backoff.failures(),
            retry_at: timers.at(Timer::AttemptBackoff(id)),
        }
    }
}

impl Engine {
    pub(crate) fn contact_view(&self, id: UserId) -> Option<ContactView> {
        let peer = self.peers.get(&id)?;
        Some(ContactView {
            id,
            name: peer.contact.name.clone(),
            nickname: peer.contact.nickname.clone(),
            status: peer.contact.status,
            verified: peer.contact.verified,
            online: peer.online,
            chat_open: peer.chat_open,
            last_seen: peer.last_seen,
            peer: peer.view(&self.timers),
            waiting: peer.outbox.waiting(),
            read_receipts: peer.contact.read_receipts,
            relay_only: peer.contact.relay_only,
        })
    }

    pub(crate) fn tell_contact(&mut self, id: UserId) {
        if let Some(contact) = self.contact_view(id) {
            self.event(Event::Contact { contact });
        }
    }

    /// Tells the session's state, if it is another than before.
    pub(crate) fn tell_peer(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let seen = (peer.state(), peer.attempts.reason.clone());
        if peer.told.as_ref() == Some(&seen) {
            return;
        }
        if peer.told.as_ref().map(|(state, _)| *state) != Some(seen.0) {
            peer.since = now;
        }
        peer.told = Some(seen);
        self.tell_path(id);
    }

    /// Tells the session's state and path in any case.
    pub(crate) fn tell_path(&mut self, id: UserId) {
        if let Some(peer) = self.peers.get(&id) {
            let view = peer.view(&self.timers);
            self.event(Event::Peer(view));
        }
    }

    pub(crate) fn tell_presence(&mut self, id: UserId) {
        if let Some(peer) = self.peers.get(&id) {
            let (online, chat_open) = (peer.online, peer.chat_open);
            self.event(Event::Presence { contact: id, online, chat_open });
        }
    }
}
