//! Engines in one virtual time: a broker, WebRTC connections and disks with latency and faults as
//! fields. Everything is seeded; nothing sleeps.
//!
//! Here is the clock and what happens at its points; [`broker`](self) carries envelopes,
//! `paths` carries frames, the disk is that of the simulation, `people` gives commands and asks.

mod broker;
mod connection;
mod paths;
mod people;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use tincan_engine::store::{Op, TransactionId};
use tincan_engine::{
    CommandError, Config, Engine, Event, Input, Output, Reply, StoreFailure, Time,
};
use tincan_wire::{Candidate, SessionId, UserId};

pub use broker::{Forge, Letter};
use connection::Connection;
pub use connection::sdp;
pub use paths::candidate;
pub use tincan_sim::disk::Disk;
pub use tincan_sim::world::identity;

pub const START: Time = Time::from_millis(1_763_792_787_000);

pub fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Whether a message on this topic is lost.
type Lose = Box<dyn FnMut(&str) -> bool>;
/// What becomes of a frame of this node.
type Tamper = Box<dyn FnMut(usize, String) -> Option<String>>;

/// What happens at a point in time.
enum Happening {
    Input(Input),
    Commit {
        id: TransactionId,
        ops: Vec<Op>,
    },
    Load {
        contact: UserId,
        after: u64,
        limit: usize,
    },
    /// ICE notices that the path of a session is broken, if it still is.
    Notice(SessionId),
}

/// One user: an engine, or none while stopped, and what outlives it.
pub struct Node {
    pub id: UserId,
    pub engine: Option<Engine>,
    pub disk: Disk,
    pub config: Config,
    pub events: Vec<(Time, Event)>,
    pub replies: BTreeMap<u64, Result<Reply, CommandError>>,
    run: u64,
    pub at_broker: bool,
    waiting: VecDeque<(Time, String, Vec<u8>)>,
    pub connections: BTreeMap<SessionId, Connection>,
    /// Every transaction and every page is refused.
    pub disk_fails: bool,
    /// Every page of the outbox is refused.
    pub pages_fail: bool,
    /// Transactions that this chooses are refused.
    pub refuses: Option<fn(&[Op]) -> bool>,
    /// This disk takes so long instead of the world's `disk_latency`.
    pub disk_delay: Option<Duration>,
    disk_free_at: Time,
    /// Transactions given to the disk.
    pub transactions: usize,
    pub pages_asked: usize,
    pub connects: Vec<Time>,
    pub published: Vec<(Time, String)>,
    pub frames: Vec<(Time, String)>,
    pub candidates_got: Vec<Candidate>,
    /// Of each connection that was made, whether it was to go through relays only.
    pub hidden: Vec<bool>,
    /// Sessions whose connection is not read for now.
    pub deaf: Vec<SessionId>,
    /// The machine sleeps: nothing happens to it before this time, then everything at once.
    pub asleep_until: Time,
}

/// How the broker meets an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Open,
    Refuses,
    RefusesCredentials,
    Silent,
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
    /// From a broken path to ICE's notice of it.
    pub notice: Duration,
    /// Of 1,000 messages through the broker, so many are lost.
    pub signal_loss_per_mille: u64,
    /// Of 1,000 messages through the broker, so many come twice.
    pub signal_twice_per_mille: u64,
    /// Messages through the broker are lost when this says so.
    pub lose: Option<Lose>,
    /// Messages on a topic take so long instead of `signal_latency`.
    pub delay: Option<fn(&str) -> Duration>,
    /// Frames are changed on their way from a node, or lost.
    pub tamper: Option<Tamper>,
    pub door: Door,
    pub path_up: bool,
    /// WebRTC attempts never open.
    pub webrtc_dead: bool,
    /// Everybody has a relay.
    pub relays: bool,
    /// Every envelope that was published, where the test wants them.
    pub letters: Vec<Letter>,
    queue: BTreeMap<(Time, u64), (usize, u64, Happening)>,
    count: u64,
    next_command: u64,
    pub rng: ChaCha12Rng,
    /// Every output, in order, for replay checks; where the test wants it.
    pub trace: Option<Vec<String>>,
}

impl World {
    pub fn new(count: u8, seed: u8) -> Self {
        Self::with_seed(count, [seed; 32])
    }

    pub fn with_seed(count: u8, seed: [u8; 32]) -> Self {
        let mut world = Self {
            now: START,
            nodes: Vec::new(),
            signal_latency: millis(10),
            latency: millis(25),
            disk_latency: millis(1),
            notice: secs(5),
            signal_loss_per_mille: 0,
            signal_twice_per_mille: 0,
            lose: None,
            delay: None,
            tamper: None,
            door: Door::Open,
            path_up: true,
            webrtc_dead: false,
            relays: false,
            letters: Vec::new(),
            queue: BTreeMap::new(),
            count: 0,
            next_command: 0,
            rng: ChaCha12Rng::from_seed(seed),
            trace: None,
        };
        (0..count).for_each(|number| world.nodes.push(Node::new(number)));
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
        (0..self.nodes.len()).for_each(|node| self.start(node));
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
        slot.deaf.clear();
        let sids: Vec<_> = std::mem::take(&mut slot.connections).into_keys().collect();
        sids.into_iter().for_each(|sid| self.break_other_end(node, sid));
    }

    /// The process ends as it should.
    pub fn stop(&mut self, node: usize) {
        self.handle(node, Input::Shutdown);
        self.run_for(millis(200));
        self.crash(node);
    }

    /// Two other contacts of the same disk: the process dies and comes back at once.
    pub fn restart(&mut self, node: usize) {
        self.crash(node);
        self.start(node);
    }

    pub fn handle(&mut self, node: usize, input: Input) {
        if let Some(engine) = &mut self.nodes[node].engine {
            engine.handle(input, self.now);
            self.drain(node);
        }
    }

    fn later(&mut self, delay: Duration, node: usize, input: Input) {
        self.schedule(self.now + delay, node, Happening::Input(input));
    }

    fn schedule(&mut self, at: Time, node: usize, happening: Happening) {
        self.count += 1;
        let run = self.nodes[node].run;
        self.queue.insert((at, self.count), (node, run, happening));
    }

    /// The disk does one thing after the other.
    fn schedule_disk(&mut self, node: usize, happening: Happening) {
        let slot = &self.nodes[node];
        let at = (self.now + slot.disk_delay.unwrap_or(self.disk_latency)).max(slot.disk_free_at);
        self.nodes[node].disk_free_at = at;
        self.schedule(at, node, happening);
    }

    /// Runs until `done`; panics after an hour of virtual time. Returns how long it took.
    pub fn run_until(&mut self, what: &str, done: impl FnMut(&Self) -> bool) -> Duration {
        self.run_until_within(secs(3_600), what, done)
    }

    pub fn run_until_within(
        &mut self,
        bound: Duration,
        what: &str,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Duration {
        let start = self.now;
        while !done(self) {
            assert!(self.step(start + bound), "{what}: not within {bound:?}");
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
            .filter_map(|node| {
                let due = self.nodes[node].engine.as_ref()?.deadline()?;
                Some((due.max(self.nodes[node].asleep_until), node))
            })
            .min();
        match (queued, timer) {
            (Some(at), _) if at <= end && timer.is_none_or(|(due, _)| at <= due) => {
                self.now = self.now.max(at);
                if let Some((_, (node, run, happening))) = self.queue.pop_first()
                    && self.nodes[node].run == run
                {
                    match self.nodes[node].asleep_until {
                        wakes if wakes > self.now => self.schedule(wakes, node, happening),
                        _ => self.happen(node, happening),
                    }
                }
                true
            }
            (_, Some((due, node))) if due <= end => {
                self.now = self.now.max(due);
                if let Some(engine) = &mut self.nodes[node].engine {
                    engine.handle_timeout(self.now);
                    let deadline = engine.deadline();
                    assert!(deadline.is_none_or(|at| at > self.now), "a timer that stays due");
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
            Happening::Input(Input::Broker(input)) => return self.broker_says(node, input),
            Happening::Input(input) => input,
            Happening::Commit { id, ops } => {
                let refused = slot.disk_fails || slot.refuses.is_some_and(|refuses| refuses(&ops));
                let result = if refused { Err(full()) } else { Ok(slot.disk.apply(ops)) };
                Input::Stored { id, result }
            }
            Happening::Load { contact, after, limit } => {
                let result = match slot.disk_fails || slot.pages_fail {
                    true => Err(full()),
                    false => Ok(slot.disk.outbox(contact, after, limit)),
                };
                Input::Outbox { contact, result }
            }
            Happening::Notice(sid) => return self.notice(node, sid),
        };
        self.handle(node, input);
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].engine.as_mut().and_then(Engine::poll) {
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{} {node} {output:?}", self.now));
            }
            self.carry_out(node, output);
        }
    }

    fn carry_out(&mut self, node: usize, output: Output) {
        let now = self.now;
        let slot = &mut self.nodes[node];
        match output {
            Output::Broker(output) => self.broker(node, output),
            Output::Peer { sid, output, .. } => self.peer(node, sid, output),
            Output::Store { id, ops } => {
                slot.transactions += 1;
                self.schedule_disk(node, Happening::Commit { id, ops });
            }
            Output::LoadOutbox { contact, after, limit, .. } => {
                slot.pages_asked += 1;
                self.schedule_disk(node, Happening::Load { contact, after, limit });
            }
            Output::Event(event) => slot.events.push((now, event)),
            Output::Reply { id, result } => {
                assert!(slot.replies.insert(id, result).is_none(), "a command answered twice");
            }
            Output::Token { .. } => {}
        }
    }

    pub fn random(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }
}

impl Node {
    fn new(number: u8) -> Self {
        Self {
            id: identity(number.into()).user_id(),
            engine: None,
            disk: Disk::new(number),
            config: Config::default(),
            events: Vec::new(),
            replies: BTreeMap::new(),
            run: 0,
            at_broker: false,
            waiting: VecDeque::new(),
            connections: BTreeMap::new(),
            disk_fails: false,
            pages_fail: false,
            refuses: None,
            disk_delay: None,
            disk_free_at: Time::default(),
            transactions: 0,
            pages_asked: 0,
            connects: Vec::new(),
            published: Vec::new(),
            frames: Vec::new(),
            candidates_got: Vec::new(),
            hidden: Vec::new(),
            deaf: Vec::new(),
            asleep_until: START,
        }
    }
}
