//! Engines in one virtual time: a broker, WebRTC connections and disks with latency and faults as
//! fields. Everything is seeded; nothing sleeps.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod connection;
mod disk;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use tincan_engine::store::{Op, TransactionId};
use tincan_engine::{
    BrokerInput, BrokerOutput, Command, CommandError, Config, ContactView, Engine, Event, Input,
    MessageView, Output, Path, PeerInput, PeerOutput, PeerState, Reply, Status, StoreFailure,
    Target, Time,
};
use tincan_wire::{Candidate, Invite, MessageId, SessionId, Topic, UserId};

use connection::Connection;
pub use disk::Disk;

pub const START: Time = Time::from_millis(1_763_792_787_000);

/// What happens at a point in time.
enum Happening {
    Input(Input),
    Commit { id: TransactionId, ops: Vec<Op> },
    Load { contact: UserId, after: u64, limit: usize },
}

/// One user: an engine, or none while stopped, and what outlives it.
pub struct Node {
    pub id: UserId,
    pub engine: Option<Engine>,
    pub disk: Disk,
    pub config: Config,
    pub events: Vec<(Time, Event)>,
    replies: BTreeMap<u64, Result<Reply, CommandError>>,
    run: u64,
    at_broker: bool,
    waiting: VecDeque<(Time, String, Vec<u8>)>,
    connections: BTreeMap<SessionId, Connection>,
    pub disk_fails: bool,
    pub published: Vec<(Time, String)>,
    pub frames: Vec<(Time, String)>,
    pub candidates_got: Vec<Candidate>,
    pub receiving: bool,
}

/// Everything.
pub struct World {
    pub now: Time,
    pub nodes: Vec<Node>,
    /// One way through the broker.
    pub signal_latency: Duration,
    /// One way between two peers.
    pub latency: Duration,
    /// Until a transaction is durable.
    pub disk_latency: Duration,
    /// Of 1,000 messages through the broker, so many are lost.
    pub signal_loss_per_mille: u64,
    /// Messages through the broker are lost when this says so.
    pub lose: Option<Box<dyn FnMut(&str) -> bool>>,
    /// Turns SDP into another on its way: a hostile broker with the sender's keys.
    pub broker_up: bool,
    pub path_up: bool,
    /// WebRTC attempts never open.
    pub webrtc_dead: bool,
    queue: BTreeMap<(Time, u64), (usize, u64, Happening)>,
    count: u64,
    next_command: u64,
    pub rng: ChaCha12Rng,
    /// Every output, in order, for replay checks.
    pub trace: Vec<String>,
}

impl World {
    pub fn new(count: u8, seed: u8) -> Self {
        let mut world = Self {
            now: START,
            nodes: Vec::new(),
            signal_latency: Duration::from_millis(10),
            latency: Duration::from_millis(25),
            disk_latency: Duration::from_millis(1),
            signal_loss_per_mille: 0,
            lose: None,
            broker_up: true,
            path_up: true,
            webrtc_dead: false,
            queue: BTreeMap::new(),
            count: 0,
            next_command: 0,
            rng: ChaCha12Rng::from_seed([seed; 32]),
            trace: Vec::new(),
        };
        for number in 0..count {
            let disk = Disk::new(number);
            let id = tincan_wire::Identity::from_seed([number + 1; 32]).user_id();
            world.nodes.push(Node {
                id,
                engine: None,
                disk,
                config: Config::default(),
                events: Vec::new(),
                replies: BTreeMap::new(),
                run: 0,
                at_broker: false,
                waiting: VecDeque::new(),
                connections: BTreeMap::new(),
                disk_fails: false,
                published: Vec::new(),
                frames: Vec::new(),
                candidates_got: Vec::new(),
                receiving: true,
            });
        }
        world
    }

    /// Two started nodes that are contacts of each other, broker connected.
    pub fn pair() -> Self {
        let mut world = Self::new(2, 1);
        world.start_all();
        world.befriend(0, 1);
        world
    }

    pub fn start_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.start(node);
        }
    }

    pub fn start(&mut self, node: usize) {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        let slot = &mut self.nodes[node];
        slot.run += 1;
        let snapshot = slot.disk.snapshot();
        slot.engine = Some(Engine::new(slot.config.clone(), snapshot, seed, self.now));
        self.drain(node);
    }

    /// The process dies: what is not on disk is gone, and nobody is told.
    pub fn crash(&mut self, node: usize) {
        let slot = &mut self.nodes[node];
        slot.engine = None;
        slot.run += 1;
        slot.at_broker = false;
        let sids: Vec<_> = std::mem::take(&mut slot.connections).into_keys().collect();
        for sid in sids {
            self.break_other_end(node, sid);
        }
    }

    /// The process ends as it should.
    pub fn stop(&mut self, node: usize) {
        self.handle(node, Input::Shutdown);
        self.run_for(Duration::from_millis(200));
        self.crash(node);
    }

    fn break_other_end(&mut self, node: usize, sid: SessionId) {
        if let Some(other) = self.other_end(node, sid) {
            let input = PeerInput::Disconnected;
            self.later(Duration::from_secs(5), other, Input::Peer { sid, input });
        }
    }

    pub fn befriend(&mut self, a: usize, b: usize) {
        let invite = self.invite(a);
        self.command(b, Command::AddContact { target: Target::Invite(invite), nickname: None });
        let (id_a, id_b) = (self.nodes[a].id, self.nodes[b].id);
        self.run_until("both are contacts", |world| {
            world.is_accepted(a, id_b) && world.is_accepted(b, id_a)
        });
    }

    pub fn invite(&mut self, node: usize) -> Invite {
        let command = Command::CreateInvite {
            hub: Some("http://127.0.0.1:8080".into()),
            brokers: vec![],
            uses: 1,
            ttl_secs: 3_600,
        };
        match self.command(node, command) {
            Ok(Reply::Invite { invite }) => invite,
            other => panic!("no invite: {other:?}"),
        }
    }

    pub fn is_accepted(&self, node: usize, id: UserId) -> bool {
        self.contact(node, id)
            .is_some_and(|contact| contact.status == tincan_engine::ContactStatus::Accepted)
    }

    pub fn status(&self, node: usize) -> Status {
        // Read through a command would cost time; the status is the last reply's twin.
        let mut engine = self.nodes[node].engine.as_ref().map(Engine::status);
        engine.take().expect("the node runs")
    }

    pub fn contact(&self, node: usize, id: UserId) -> Option<ContactView> {
        self.nodes[node].engine.as_ref()?;
        self.status(node).contacts.into_iter().find(|contact| contact.id == id)
    }

    pub fn peer_state(&self, node: usize, other: usize) -> PeerState {
        let id = self.nodes[other].id;
        self.contact(node, id).map_or(PeerState::Closed, |contact| contact.peer.state)
    }

    pub fn dropped(&self, node: usize, reason: &str) -> u64 {
        self.status(node).dropped.get(reason).copied().unwrap_or(0)
    }

    pub fn open_chat(&mut self, node: usize, other: usize) {
        let contact = self.nodes[other].id;
        let result = self.command(node, Command::OpenChat { contact, screen: 1 });
        assert_eq!(result, Ok(Reply::Done));
    }

    pub fn connect(&mut self, a: usize, b: usize) {
        self.open_chat(a, b);
        self.run_until("both are connected", |world| world.are_connected(a, b));
    }

    pub fn are_connected(&self, a: usize, b: usize) -> bool {
        self.peer_state(a, b) == PeerState::Connected && self.peer_state(b, a) == PeerState::Connected
    }

    /// Sends without waiting for anything but our own disk.
    pub fn send(&mut self, node: usize, other: usize, content: &str) -> MessageId {
        let contact = self.nodes[other].id;
        let command = Command::SendMessage { contact, content: content.into(), reply: None };
        match self.command(node, command) {
            Ok(Reply::Message { message }) => message.id,
            other => panic!("not sent: {other:?}"),
        }
    }

    pub fn history(&self, node: usize, other: usize) -> Vec<MessageView> {
        let node = &self.nodes[node];
        node.disk.history(node.id, self.nodes[other].id)
    }

    pub fn received(&self, node: usize, other: usize) -> Vec<String> {
        let history = self.history(node, other);
        history.into_iter().filter(|m| !m.outgoing).map(|m| m.content).collect()
    }

    pub fn all_delivered(&self, node: usize, other: usize) -> bool {
        self.history(node, other)
            .iter()
            .all(|m| !m.outgoing || m.state >= tincan_engine::Delivery::Delivered)
    }

    /// Gives a command and runs until it is answered.
    pub fn command(&mut self, node: usize, command: Command) -> Result<Reply, CommandError> {
        let id = self.post(node, command);
        self.run_until("the command is answered", |world| {
            world.nodes[node].replies.contains_key(&id)
        });
        self.nodes[node].replies.remove(&id).expect("just seen")
    }

    /// Gives a command and does not wait.
    pub fn post(&mut self, node: usize, command: Command) -> u64 {
        self.next_command += 1;
        let id = self.next_command;
        self.handle(node, Input::Command { id, command });
        id
    }

    pub fn handle(&mut self, node: usize, input: Input) {
        if let Some(engine) = &mut self.nodes[node].engine {
            engine.handle(input, self.now);
            self.drain(node);
        }
    }

    fn later(&mut self, delay: Duration, node: usize, input: Input) {
        self.schedule(delay, node, Happening::Input(input));
    }

    fn schedule(&mut self, delay: Duration, node: usize, happening: Happening) {
        self.count += 1;
        let run = self.nodes[node].run;
        self.queue.insert((self.now + delay, self.count), (node, run, happening));
    }

    /// Runs until `done`; panics after an hour of virtual time.
    pub fn run_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) -> Duration {
        let start = self.now;
        while !done(self) {
            assert!(self.now.since(start) < Duration::from_secs(3_600), "{what}: not in an hour");
            assert!(self.step(Time::from_millis(u64::MAX)), "{what}: nothing happens any more");
        }
        self.now.since(start)
    }

    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
    }

    /// Does the next thing, if it happens before or at `end`.
    fn step(&mut self, end: Time) -> bool {
        let queued = self.queue.keys().next().map(|(at, _)| *at);
        let timer = (0..self.nodes.len())
            .filter_map(|node| Some((self.nodes[node].engine.as_ref()?.deadline()?, node)))
            .min();
        match (queued, timer) {
            (Some(at), _) if timer.is_none_or(|(due, _)| at <= due) => {
                if at > end {
                    return false;
                }
                self.now = self.now.max(at);
                if let Some((_, (node, run, happening))) = self.queue.pop_first()
                    && self.nodes[node].run == run
                {
                    self.happen(node, happening);
                }
                true
            }
            (_, Some((due, node))) if due <= end => {
                self.now = self.now.max(due);
                if let Some(engine) = &mut self.nodes[node].engine {
                    engine.handle_timeout(self.now);
                    self.drain(node);
                }
                true
            }
            _ => false,
        }
    }

    fn happen(&mut self, node: usize, happening: Happening) {
        let slot = &mut self.nodes[node];
        let full = || StoreFailure("the disk is full".into());
        let input = match happening {
            Happening::Input(input) => input,
            Happening::Commit { id, ops } => {
                let result = match slot.disk_fails {
                    true => Err(full()),
                    false => Ok(slot.disk.apply(ops)),
                };
                Input::Stored { id, result }
            }
            Happening::Load { contact, after, limit } => {
                let result = match slot.disk_fails {
                    true => Err(full()),
                    false => Ok(slot.disk.outbox(contact, after, limit)),
                };
                Input::Outbox { contact, result }
            }
        };
        if let Input::Broker(BrokerInput::Connected) = &input {
            if !self.broker_up {
                let reason = "connection refused".into();
                let input = BrokerInput::Refused { credentials: false, reason };
                return self.handle(node, Input::Broker(input));
            }
            self.nodes[node].at_broker = true;
            self.handle(node, input);
            return self.deliver_waiting(node);
        }
        if matches!(&input, Input::Broker(BrokerInput::Message { .. })) && !self.nodes[node].at_broker
        {
            return;
        }
        self.handle(node, input);
    }

    fn deliver_waiting(&mut self, node: usize) {
        let waiting = std::mem::take(&mut self.nodes[node].waiting);
        for (expiry, topic, payload) in waiting {
            if expiry > self.now {
                let input = BrokerInput::Message { topic, payload, retain: false };
                self.later(self.signal_latency, node, Input::Broker(input));
            }
        }
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].engine.as_mut().and_then(Engine::poll) {
            self.trace.push(format!("{} {node} {output:?}", self.now));
            self.carry_out(node, output);
        }
    }

    fn carry_out(&mut self, node: usize, output: Output) {
        match output {
            Output::Broker(output) => self.broker(node, output),
            Output::Peer { sid, output, .. } => self.peer(node, sid, output),
            Output::Store { id, ops } => {
                self.schedule(self.disk_latency, node, Happening::Commit { id, ops });
            }
            Output::LoadOutbox { contact, after, limit, .. } => {
                self.schedule(self.disk_latency, node, Happening::Load { contact, after, limit });
            }
            Output::Event(event) => {
                let now = self.now;
                self.nodes[node].events.push((now, event));
            }
            Output::Reply { id, result } => {
                self.nodes[node].replies.insert(id, result);
            }
            Output::Token { .. } => {}
        }
    }

    fn broker(&mut self, node: usize, output: BrokerOutput) {
        match output {
            BrokerOutput::Connect { .. } => {
                let input = Input::Broker(BrokerInput::Connected);
                self.later(self.signal_latency * 2, node, input);
            }
            BrokerOutput::Disconnect => self.nodes[node].at_broker = false,
            BrokerOutput::Publish { topic, payload, at_least_once, expiry } => {
                let now = self.now;
                self.nodes[node].published.push((now, topic.clone()));
                let lost = self.lose.as_mut().is_some_and(|lose| lose(&topic))
                    || self.rng.next_u64() % 1_000 < self.signal_loss_per_mille;
                if lost || !self.broker_up {
                    return;
                }
                let user = topic.parse::<Topic>().expect("engines publish to topics").user;
                let Some(to) = self.nodes.iter().position(|node| node.id == user) else { return };
                if self.nodes[to].at_broker {
                    let input = BrokerInput::Message { topic, payload, retain: false };
                    self.later(self.signal_latency, to, Input::Broker(input));
                } else if at_least_once {
                    self.nodes[to].waiting.push_back((now + expiry, topic, payload));
                }
            }
        }
    }

    /// The broker goes away under everyone.
    pub fn broker_down(&mut self) {
        self.broker_up = false;
        for node in 0..self.nodes.len() {
            if std::mem::take(&mut self.nodes[node].at_broker) {
                let reason = "connection reset".into();
                self.handle(node, Input::Broker(BrokerInput::Closed { reason }));
            }
        }
    }

    pub fn other_end(&self, node: usize, sid: SessionId) -> Option<usize> {
        (0..self.nodes.len())
            .find(|other| *other != node && self.nodes[*other].connections.contains_key(&sid))
    }

    fn peer(&mut self, node: usize, sid: SessionId, output: PeerOutput) {
        let random = self.rng.next_u64();
        let instant = Duration::from_millis(1);
        let connections = &mut self.nodes[node].connections;
        match output {
            PeerOutput::Offer | PeerOutput::RestartIce => {
                let end = connections.entry(sid).or_insert_with(|| Connection::new(random));
                let (sdp, fingerprint) = (end.describe(random), end.fingerprint);
                let input = PeerInput::OfferReady { sdp, fingerprint };
                self.later(instant, node, Input::Peer { sid, input });
                self.gather(node, sid);
            }
            PeerOutput::Answer { sdp } => {
                let end = connections.entry(sid).or_insert_with(|| Connection::new(random));
                end.remote = Some(sdp);
                let (sdp, fingerprint) = (end.describe(random), end.fingerprint);
                let input = PeerInput::AnswerReady { sdp, fingerprint };
                self.later(instant, node, Input::Peer { sid, input });
                self.gather(node, sid);
            }
            PeerOutput::AcceptAnswer { sdp } => {
                if let Some(end) = connections.get_mut(&sid) {
                    end.remote = Some(sdp);
                }
                self.try_path(node, sid);
            }
            PeerOutput::AddCandidate(candidate) => {
                self.nodes[node].candidates_got.push(candidate);
            }
            PeerOutput::Send(text) => self.send_frame(node, sid, text),
            PeerOutput::Receive(on) => self.nodes[node].receiving = on,
            PeerOutput::Close => {
                connections.remove(&sid);
                if let (Some(other), true) = (self.other_end(node, sid), self.path_up) {
                    let input = PeerInput::Closed;
                    self.later(self.latency, other, Input::Peer { sid, input });
                }
            }
        }
    }

    fn gather(&mut self, node: usize, sid: SessionId) {
        let candidate = Candidate {
            candidate: format!("candidate:1 1 udp 2130706431 192.0.2.{node} 5000 typ host"),
            sdp_mid: Some("0".into()),
            sdp_mline_index: Some(0),
        };
        for input in [PeerInput::Candidate(candidate), PeerInput::CandidatesDone] {
            self.later(Duration::from_millis(2), node, Input::Peer { sid, input });
        }
    }

    /// Opens the connection, or brings it back, if both ends fit and the path is up.
    fn try_path(&mut self, node: usize, sid: SessionId) {
        let Some(other) = self.other_end(node, sid) else { return };
        if !self.path_up || self.webrtc_dead {
            return;
        }
        let (Some(a), Some(b)) =
            (self.nodes[node].connections.get(&sid), self.nodes[other].connections.get(&sid))
        else {
            return;
        };
        if !a.fits(b) {
            return;
        }
        for end in [node, other] {
            let delay = self.latency * 2;
            let Some(connection) = self.nodes[end].connections.get_mut(&sid) else { continue };
            let broken = std::mem::take(&mut connection.broken);
            let input = match std::mem::replace(&mut connection.opened, true) {
                false => PeerInput::Opened,
                true if broken => PeerInput::Reconnected,
                true => continue,
            };
            self.later(delay, end, Input::Peer { sid, input });
            let path = Path {
                local: "host".into(),
                remote: "host".into(),
                local_address: "192.0.2.1:1".into(),
                remote_address: "192.0.2.2:2".into(),
                rtt_micros: None,
            };
            self.later(delay, end, Input::Peer { sid, input: PeerInput::Path(path) });
        }
        self.release_stalled(node, sid, other);
    }

    fn release_stalled(&mut self, node: usize, sid: SessionId, other: usize) {
        for (from, to) in [(node, other), (other, node)] {
            let Some(end) = self.nodes[from].connections.get_mut(&sid) else { continue };
            for text in std::mem::take(&mut end.stalled) {
                self.deliver(from, to, sid, text);
            }
        }
    }

    fn send_frame(&mut self, node: usize, sid: SessionId, text: String) {
        let now = self.now;
        self.nodes[node].frames.push((now, text.clone()));
        let Some(other) = self.other_end(node, sid) else { return };
        let Some(end) = self.nodes[node].connections.get_mut(&sid) else { return };
        end.unacknowledged += text.len();
        if self.path_up && !end.broken {
            self.deliver(node, other, sid, text);
        } else {
            end.stalled.push(text);
        }
    }

    fn deliver(&mut self, node: usize, other: usize, sid: SessionId, text: String) {
        let Some(end) = self.nodes[node].connections.get_mut(&sid) else { return };
        end.unacknowledged = end.unacknowledged.saturating_sub(text.len());
        let left = end.unacknowledged;
        let input = PeerInput::Frame(text.into_bytes());
        self.later(self.latency, other, Input::Peer { sid, input });
        self.later(self.latency * 2, node, Input::Peer { sid, input: PeerInput::Buffered(left) });
    }

    /// Every path breaks; ICE notices after 5 s.
    pub fn path_down(&mut self) {
        self.path_up = false;
        self.on_every_path(|world, node, sid| {
            if let Some(end) = world.nodes[node].connections.get_mut(&sid) {
                end.broken = true;
            }
            let input = PeerInput::Disconnected;
            world.later(Duration::from_secs(5), node, Input::Peer { sid, input });
        });
    }

    /// The path itself is whole again. `rebound`: the old pair of addresses works again, too;
    /// else only an ICE restart or a new session helps.
    pub fn path_back(&mut self, rebound: bool) {
        self.path_up = true;
        if rebound {
            self.on_every_path(|world, node, sid| world.try_path(node, sid));
        }
    }

    fn on_every_path(&mut self, act: impl Fn(&mut Self, usize, SessionId)) {
        for node in 0..self.nodes.len() {
            let sids: Vec<_> = self.nodes[node].connections.keys().copied().collect();
            sids.into_iter().for_each(|sid| act(self, node, sid));
        }
    }

    /// The events of a node that `pick` chooses, with their time since `since`.
    pub fn events<T>(&self, node: usize, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.nodes[node].events.iter().filter_map(|(_, event)| pick(event)).collect()
    }

    pub fn published_to(&self, node: usize, leaf: &str) -> usize {
        self.nodes[node].published.iter().filter(|(_, topic)| topic.ends_with(leaf)).count()
    }
}
