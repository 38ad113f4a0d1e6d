//! The engine: inputs in, outputs out, nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use tincan_wire::{
    AccessClaims, AccessToken, DeviceId, DisplayName, Identity, InviteToken, LogId, PairSecret,
    SessionId, SortedMap, UserId, client_id,
};

use crate::broker::BrokerLink;
use crate::command::{CommandError, Reply};
use crate::config::Config;
use crate::event::{Alarm, Event, Status};
use crate::id_time::IdTime;
use crate::input::Input;
use crate::output::{Output, PeerOutput};
use crate::peer::Peer;
use crate::prekeys::Prekeys;
use crate::rejects::Rejects;
use crate::replays::Replays;
use crate::signaling::StrangerBudget;
use crate::store::{IssuedInvite, Op, Request, Snapshot, TransactionId};
use crate::time::Time;
use crate::timer::{Timer, Timers};
use crate::transactions::Pending;

/// The protocol core of one user on one device.
///
/// The shell makes one with what its disk holds, drains [`Engine::poll`], and from then on, for
/// each thing that happens, calls [`Engine::handle`] once and drains `poll` again; when the
/// time of [`Engine::deadline`] has come it calls [`Engine::handle_timeout`] and drains. The
/// engine never looks at a clock, draws randomness only from its seed and does nothing by
/// itself: the same seed and inputs give the same outputs.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) me: UserId,
    pub(crate) dev: DeviceId,
    pub(crate) lg: LogId,
    pub(crate) name: DisplayName,
    /// This run's mark (protocol §3) and the count within it.
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) rng: ChaCha12Rng,
    pub(crate) id_time: IdTime,
    pub(crate) timers: Timers,
    pub(crate) rejects: Rejects,
    pub(crate) broker: BrokerLink,
    pub(crate) prekeys: Prekeys,
    pub(crate) peers: BTreeMap<UserId, Peer>,
    pub(crate) sessions: SortedMap<SessionId, UserId>,
    pub(crate) requests: SortedMap<UserId, Request>,
    pub(crate) invites: SortedMap<InviteToken, IssuedInvite>,
    pub(crate) replays: Replays,
    pub(crate) strangers: StrangerBudget,
    pub(crate) pending: BTreeMap<TransactionId, Pending>,
    /// Signaling bodies that wait for the disk.
    pub(crate) deferred: usize,
    /// Content bytes of our own messages that wait for the disk.
    pub(crate) committing_bytes: usize,
    next_transaction: u64,
    outputs: VecDeque<Output>,
}

impl Engine {
    /// An engine that goes on where `snapshot` stops. `seed` feeds its randomness and must come
    /// from the operating system, once per start.
    #[must_use]
    pub fn new(config: Config, snapshot: Snapshot, seed: [u8; 32], now: Time) -> Self {
        let identity = Identity::from_seed(snapshot.seed);
        let me = identity.user_id();
        let epoch = now.as_millis().max(snapshot.epoch + 1);
        let mut peers = BTreeMap::new();
        peers.extend(snapshot.contacts.into_iter().map(|contact| {
            let secret = PairSecret::derive(&identity, &contact.id);
            (contact.id, Peer::new(contact, secret, now))
        }));
        for conversation in snapshot.conversations {
            if let Some(peer) = peers.get_mut(&conversation.contact) {
                peer.resume(conversation);
            }
        }
        let mut engine = Self {
            config,
            me,
            dev: snapshot.dev,
            lg: snapshot.lg,
            name: snapshot.name,
            epoch,
            seq: 0,
            rng: ChaCha12Rng::from_seed(seed),
            id_time: IdTime::default(),
            timers: Timers::default(),
            rejects: Rejects::default(),
            broker: BrokerLink::new(),
            prekeys: Prekeys::new(snapshot.prekeys, now),
            peers,
            sessions: SortedMap::new(),
            requests: snapshot.requests.into_iter().map(|r| (r.from, r)).collect(),
            invites: snapshot.invites.into_iter().map(|i| (i.token, i)).collect(),
            replays: Replays::new(snapshot.replays),
            strangers: StrangerBudget::new(now),
            pending: BTreeMap::new(),
            deferred: 0,
            committing_bytes: 0,
            next_transaction: 0,
            outputs: VecDeque::new(),
            identity,
        };
        engine.start(now);
        engine
    }

    /// The run's mark and the first prekey must be durable before anything is signed with them.
    pub(crate) fn start(&mut self, now: Time) {
        let mut ops = vec![Op::SaveEpoch(self.epoch)];
        ops.extend(self.prekeys.tend(&mut self.rng, now));
        ops.extend(self.redate_requests(now));
        self.store(ops, Pending::Start);
        self.timers.set(Timer::Housekeeping, now + Duration::from_secs(3_600));
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            self.load_outbox(id);
        }
    }

    /// Who we are.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.me
    }

    /// Takes one thing that happened. `now` never goes back.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Command { id, command } => self.handle_command(id, command, now),
            Input::Broker(input) => self.handle_broker(input, now),
            Input::Peer { sid, input } => self.handle_peer(sid, input, now),
            Input::Stored { id, result } => self.handle_stored(id, result, now),
            Input::Outbox { contact, result } => self.handle_outbox(contact, result, now),
            Input::Challenge { id, aud, nonce } => self.answer_challenge(id, aud, nonce, now),
            Input::NetworkChanged => self.network_changed(now),
            Input::Shutdown => self.shutdown(now),
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.pop_due(now) {
            self.handle_timer(timer, now);
        }
    }

    fn handle_timer(&mut self, timer: Timer, now: Time) {
        match timer {
            Timer::BrokerConnect => self.broker_connect_overdue(now),
            Timer::BrokerBackoff => self.broker_connect(now),
            Timer::BrokerStable => self.broker.backoff.reset(),
            Timer::BrokerMoved => self.broker_network_changed(now),
            Timer::ReplayFlush => self.flush_replays(),
            Timer::Prekeys => self.tend_prekeys(now),
            Timer::Housekeeping => self.housekeeping(now),
            Timer::Heartbeat(id) => self.heartbeat_due(id, now),
            Timer::Offline(id) => self.contact_offline(id),
            Timer::RequestRepeat(id) => self.ask(id, now),
            Timer::Attempt(id) => self.attempt_overdue(id, now),
            Timer::AttemptBackoff(id) => self.drive(id, now),
            Timer::Hello(id) => self.hello_overdue(id, now),
            Timer::Recovery(id) => self.recover(id, now),
            Timer::GiveUp(id) => self.give_up(id, now),
            Timer::Stable(id) => self.session_stable(id),
            Timer::Idle(id) => self.session_idle(id, now),
            Timer::Batch(id) => self.pump(id, true, now),
            Timer::OutboxPage(id) => self.load_outbox(id),
            Timer::Unsaved(id) => self.save_acked(id),
            Timer::AckOverdue(id) => self.ack_overdue(id, now),
            Timer::Silence(id) => self.silence(id, now),
            Timer::Trickle(id) => self.trickle(id, now),
            Timer::TellAgain(id) => self.tell_again_due(id, now),
            Timer::HeldCandidates(id) => self.drop_held_candidates(id, now),
            Timer::TypingEnds(id) => self.peer_typing(id, false, now),
        }
    }

    /// The next thing to be done outside; `None` until the next input or deadline.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `handle_timeout` is to be called, if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.timers.next()
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.output(Output::Event(event));
    }

    pub(crate) fn alarm(&mut self, contact: Option<UserId>, alarm: Alarm) {
        self.event(Event::Alarm { contact, alarm });
    }

    pub(crate) fn reply(&mut self, id: u64, result: Result<Reply, CommandError>) {
        self.output(Output::Reply { id, result });
    }

    pub(crate) fn peer_output(&mut self, contact: UserId, sid: SessionId, output: PeerOutput) {
        self.output(Output::Peer { sid, contact, output });
    }

    /// Counts something that was dropped.
    pub(crate) fn reject(&mut self, reason: &'static str, now: Time) {
        if let Some(event) = self.rejects.count(reason, now) {
            self.event(event);
        }
    }

    /// Asks for these changes to become durable; `pending` says what then.
    pub(crate) fn store(&mut self, ops: Vec<Op>, pending: Pending) {
        let id = TransactionId(self.next_transaction);
        self.next_transaction += 1;
        self.pending.insert(id, pending);
        self.output(Output::Store { id, ops });
    }

    fn answer_challenge(&mut self, id: u64, aud: String, nonce: String, now: Time) {
        /// What a token is good for, and at most may be (protocol §9).
        const TOKEN_SECS: u64 = 300;
        let iat = now.as_millis() / 1_000;
        let cid = client_id(&self.dev);
        let claims =
            AccessClaims { sub: self.me, aud, cid: cid.clone(), iat, exp: iat + TOKEN_SECS, nonce };
        let token = AccessToken::issue(&self.identity, &claims);
        let username = self.me.to_string();
        self.output(Output::Token { id, client_id: cid, username, token });
    }

    fn network_changed(&mut self, now: Time) {
        self.broker_network_changed(now);
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            self.session_network_changed(id, now);
        }
    }

    fn shutdown(&mut self, now: Time) {
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            self.take_leave(id, now);
        }
        self.flush_replays();
        self.broker_disconnect(now);
    }

    fn housekeeping(&mut self, now: Time) {
        self.timers.set(Timer::Housekeeping, now + Duration::from_secs(3_600));
        self.expire_requests(now);
        self.expire_invites(now);
        self.expire_messages(now);
    }

    /// How things stand; the same as the answer to `Command::GetStatus`.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            id: self.me,
            name: self.name.clone(),
            broker: self.broker.view(&self.timers),
            contacts: self.peers.keys().filter_map(|id| self.contact_view(*id)).collect(),
            requests: self.requests.values().filter(|r| !r.declined).count() as u64,
            dropped: self.rejects.counts(),
        }
    }
}
