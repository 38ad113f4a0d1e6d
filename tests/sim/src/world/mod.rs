//! The world: one virtual time, and what happens at its points.
//!
//! Here is the loop. `process` runs engines and what becomes of their outputs, `broker` carries
//! envelopes, `paths` carry frames, `storage` writes, `deeds` does what the plan says, `rogue` is
//! who means ill, `checks` and `watch` look at everything.

mod broker;
mod checks;
mod deeds;
mod healing;
mod paths;
mod process;
mod recording;
mod rogue;
mod storage;
mod waits;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use tincan_engine::{Input, PeerInput, Time};
use tincan_wire::{Identity, SessionId, UserId};

use crate::coverage::{Coverage, Row};
use crate::dice::Dice;
use crate::invariant::{Breach, Invariant};
use crate::model::Model;
use crate::plan::Plan;

pub use paths::host_path;

use broker::{Broker, Letter};
use paths::Paths;
use process::Node;
use rogue::Rogue;

/// When every run begins.
pub const START: Time = Time::from_millis(1_763_792_787_000);

/// The number of the contact that means ill, whose machine is not of this world.
pub const ROGUE: usize = 99;

/// Steps after which a run is taken for one that turns in circles.
const MAX_STEPS: u64 = 2_000_000;

/// What happens at a point in time.
#[derive(Debug)]
enum Happening {
    /// An action of the plan, by its place.
    Deed(usize),
    /// All faults stop.
    Heal,
    /// Something for an engine, if it is still the same run.
    Input { node: usize, run: u64, input: Input },
    /// A process that got no time may get it again.
    Wake { node: usize },
    /// The broker answers an attempt to connect.
    Knock { node: usize, run: u64, attempt: u64 },
    /// The broker hands over a letter.
    Letter { to: usize, letter: Letter },
    /// Everything up to this is written, or read.
    Disk { node: usize, run: u64, job: u64 },
    /// The disk looks whether something waits.
    DiskWakes { node: usize, run: u64 },
    /// Frames may be due on the way from one end of a session.
    Carry { sid: SessionId, from: usize },
    /// ICE looks whether a path still is.
    Notice { node: usize, run: u64, sid: SessionId },
    /// A wall between two nodes may have gone.
    WallEnds { a: usize, b: usize },
    /// An end was closed, and what was sent is out or has had its time.
    Forget { node: usize, sid: SessionId },
    /// A process that said goodbye is gone.
    Gone { node: usize, run: u64, ms: u64 },
    /// A process begins.
    Begin { node: usize },
    /// The rogue does its next thing.
    Rogue { node: usize },
}

/// Everything.
pub struct World {
    plan: Plan,
    now: Time,
    nodes: Vec<Node>,
    who: BTreeMap<UserId, usize>,
    queue: BTreeMap<(Time, u64), Happening>,
    count: u64,
    next_command: u64,
    broker: Broker,
    paths: Paths,
    rogue: Rogue,
    /// For the engines' own randomness.
    seeds: Dice,
    model: Model,
    coverage: Coverage,
    breach: Option<Breach>,
    /// All faults have stopped.
    healed: bool,
    trace: Option<Vec<String>>,
}

/// How a run went.
#[derive(Debug)]
pub struct Report {
    /// The first invariant that did not hold, if one did not.
    pub breach: Option<Breach>,
    /// What was entered.
    pub coverage: Coverage,
    /// From the end of all faults until everything was delivered.
    pub drained_in: Duration,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

impl World {
    /// The world of a plan before its first moment. With `traced` all that happens is written
    /// down.
    #[must_use]
    pub fn new(plan: Plan, traced: bool) -> Self {
        let seed = plan.setting.seed;
        let count = plan.setting.nodes.len();
        let nodes: Vec<_> = (0..count).map(|number| Node::new(number, &plan)).collect();
        let mut who: BTreeMap<_, _> = nodes.iter().map(|node| (node.id, node.number)).collect();
        who.insert(identity(ROGUE).user_id(), ROGUE);
        let mut world = Self {
            plan,
            now: START,
            nodes,
            who,
            queue: BTreeMap::new(),
            count: 0,
            next_command: 0,
            broker: Broker::new(seed, count),
            paths: Paths::new(seed),
            rogue: Rogue::new(seed),
            seeds: Dice::new(seed, "engines"),
            model: Model::default(),
            coverage: Coverage::default(),
            breach: None,
            healed: false,
            trace: traced.then(Vec::new),
        };
        world.schedule_plan();
        world
    }

    fn schedule_plan(&mut self) {
        for node in 0..self.nodes.len() {
            self.at(START, Happening::Begin { node });
        }
        let moments: Vec<_> = self.plan.actions.iter().map(|timed| timed.at).collect();
        for (place, at) in moments.into_iter().enumerate() {
            self.at(START + Duration::from_millis(at), Happening::Deed(place));
        }
        self.at(START + Duration::from_millis(self.plan.end_ms()), Happening::Heal);
    }

    /// Lives it through to its end.
    #[must_use]
    pub fn live(mut self) -> Report {
        let end = START + Duration::from_millis(self.plan.end_ms());
        self.run_until(end);
        let healed_at = self.now;
        self.drain_everything();
        let drained_in = self.now.since(healed_at);
        self.check_end();
        Report {
            breach: self.breach,
            coverage: self.coverage,
            drained_in,
            trace: self.trace.unwrap_or_default(),
        }
    }

    /// Runs to `end`, or to the first breach.
    fn run_until(&mut self, end: Time) {
        while self.breach.is_none() && self.step(end) {}
        if self.breach.is_none() {
            self.now = self.now.max(end);
        }
    }

    /// Does the next thing, if it happens before or at `end`.
    fn step(&mut self, end: Time) -> bool {
        let queued = self.queue.keys().next().map(|(at, _)| *at);
        let timer = self.nodes.iter().filter_map(Node::due).min();
        match (queued, timer) {
            (Some(at), _) if at <= end && timer.is_none_or(|(due, _)| at <= due) => {
                self.now = self.now.max(at);
                if let Some((_, happening)) = self.queue.pop_first() {
                    self.happen(happening);
                }
            }
            (_, Some((due, node))) if due <= end => {
                self.now = self.now.max(due);
                self.time_out(node);
            }
            _ => return false,
        }
        self.check_waits();
        if self.count > MAX_STEPS {
            self.broken(Invariant::NothingWaits, "it turns in circles".into());
        }
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deed(place) => self.deed(place),
            Happening::Heal => self.heal(),
            Happening::Input { node, run, input } => self.input(node, run, input),
            Happening::Wake { node } => self.wake(node),
            Happening::Knock { node, run, attempt } => self.answer_knock(node, run, attempt),
            Happening::Letter { to, letter } => self.hand_over(to, letter),
            Happening::Disk { node, run, job } => self.disk_turn(node, run, job),
            Happening::DiskWakes { node, run } => self.disk_wakes(node, run),
            Happening::Carry { sid, from } => self.carry(sid, from),
            Happening::Notice { node, run, sid } => self.notice(node, run, sid),
            Happening::WallEnds { a, b } => self.wall_ends(a, b),
            Happening::Forget { node, sid } => self.forget_end(node, sid),
            Happening::Gone { node, run, ms } => self.gone(node, run, ms),
            Happening::Begin { node } => self.begin(node),
            Happening::Rogue { node } => self.rogue_acts(node),
        }
    }

    fn at(&mut self, at: Time, happening: Happening) {
        self.count += 1;
        self.queue.insert((at.max(self.now), self.count), happening);
    }

    fn after(&mut self, wait: Duration, happening: Happening) {
        self.at(self.now + wait, happening);
    }

    /// Something for the present run of a node's engine, after `wait`.
    fn input_after(&mut self, wait: Duration, node: usize, input: Input) {
        if let Some(slot) = self.nodes.get(node) {
            let run = slot.run;
            self.after(wait, Happening::Input { node, run, input });
        }
    }

    fn peer_input_after(&mut self, wait: Duration, node: usize, sid: SessionId, input: PeerInput) {
        self.input_after(wait, node, Input::Peer { sid, input });
    }

    fn count(&mut self, row: Row) {
        self.coverage.count(row);
    }

    fn broken(&mut self, invariant: Invariant, what: String) {
        if self.breach.is_none() {
            self.breach = Some(Breach { invariant, at: self.now, what });
        }
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let millis = self.now.as_millis() - START.as_millis();
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{millis:>8} {}", text()));
        }
    }
}

/// The identity of a node, or of somebody whose number is no node's.
#[must_use]
pub fn identity(number: usize) -> Identity {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    seed[31] = 1;
    Identity::from_seed(seed)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
