//! A process: an engine that runs on what its disk holds, until it ends or dies.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tincan_engine::{Command, Config, Engine, Input, Output, Time};
use tincan_wire::UserId;

use super::recording::Recording;
use super::storage::Storage;
use super::waits::Waits;
use super::watch::{Call, Seen};
use super::{Happening, World, identity, millis};
use crate::clock::Clock;
use crate::coverage::Row;
use crate::disk::Disk;
use crate::invariant::Invariant;
use crate::model::Fate;
use crate::plan::{Action, Plan};

/// A clock that is off by more is off by years.
const YEAR_MILLIS: u64 = 365 * 24 * 3_600 * 1_000;
/// From the last word of a process to its end.
const FAREWELL: Duration = Duration::from_millis(200);

/// One machine with the process on it, or none while it is down.
pub(super) struct Node {
    pub(super) number: usize,
    pub(super) id: UserId,
    pub(super) engine: Option<Engine>,
    /// Counts processes: what was meant for an earlier one is dropped.
    pub(super) run: u64,
    pub(super) clock: Clock,
    pub(super) disk: Disk,
    pub(super) storage: Storage,
    config: Config,
    /// Nothing happens to the process before this.
    pub(super) asleep_until: Time,
    /// What has come for the process while it got no time.
    held: VecDeque<Input>,
    doom: Option<Doom>,
    /// It has said goodbye: nothing more is put in.
    pub(super) is_parting: bool,
    /// The person wants to be away from the broker.
    pub(super) away: bool,
    /// Whom the person has blocked.
    pub(super) blocked: Vec<usize>,
    pub(super) asked: BTreeMap<u64, Asked>,
    pub(super) seen: Seen,
    pub(super) waits: Waits,
    recording: Option<Recording>,
    last_begin: Option<Time>,
}

/// A crash that is to come.
#[derive(Clone, Copy, Debug)]
struct Doom {
    after: u64,
    kept: usize,
    ms: u64,
}

/// A command that waits for its answer.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// `Model` knows more.
    Said,
    Cancel,
    /// The invite is for this guest.
    Invite {
        guest: usize,
    },
    Other,
}

impl Node {
    pub(super) fn new(number: usize, plan: &Plan) -> Self {
        let setting = &plan.setting;
        let machine = setting.nodes[number];
        let mut disk = Disk::new(number as u8);
        let mut friends: Vec<_> = (0..setting.nodes.len()).filter(|_| setting.friends).collect();
        friends.push(super::ROGUE);
        let has_rogue = plan.actions.iter().any(|t| matches!(t.action, Action::Flood { .. }));
        friends.retain(|other| *other != number && (*other != super::ROGUE || has_rogue));
        for other in friends {
            disk.befriend(identity(other).user_id(), &format!("Node {other}"), super::START);
        }
        Self {
            number,
            id: identity(number).user_id(),
            engine: None,
            run: 0,
            clock: Clock::new(machine.off_ms, machine.drift_ppm),
            disk,
            storage: Storage::new(setting.seed, number),
            config: Config {
                window_messages: setting.window,
                max_sessions: setting.sessions,
                idle_after: Duration::from_secs(setting.idle_secs),
                pause_bytes: setting.pause_bytes,
                resume_bytes: setting.pause_bytes / 4,
                ..Config::default()
            },
            asleep_until: super::START,
            held: VecDeque::new(),
            doom: None,
            is_parting: false,
            away: false,
            blocked: Vec::new(),
            asked: BTreeMap::new(),
            seen: Seen::default(),
            waits: Waits::default(),
            recording: None,
            last_begin: None,
        }
    }

    /// When a timer of the engine is due in the world's time, and whose.
    pub(super) fn due(&self) -> Option<(Time, usize)> {
        let deadline = self.engine.as_ref().filter(|_| !self.is_parting)?.deadline()?;
        Some((self.clock.reaches(deadline).max(self.asleep_until), self.number))
    }

    pub(super) fn local(&self, now: Time) -> Time {
        self.clock.local(now)
    }

    pub(super) fn lifetime(&self) -> Duration {
        self.config.message_lifetime
    }

    /// A crash is to come that has not.
    pub(super) fn forgo_doom(&mut self) {
        self.doom = None;
    }
}

impl World {
    pub(super) fn begin(&mut self, node: usize) {
        let seed = self.seeds.seed();
        let (now, replayed) = (self.now, self.plan.setting.replayed);
        let machine = self.plan.setting.nodes[node];
        let slot = &mut self.nodes[node];
        if slot.engine.is_some() {
            return;
        }
        slot.run += 1;
        slot.clock.begin_run(now);
        slot.asleep_until = now;
        slot.seen.forget();
        slot.waits = Waits::default();
        let local = slot.clock.local(now);
        let snapshot = slot.disk.snapshot();
        let config = slot.config.clone();
        slot.recording =
            replayed.then(|| Recording::new(config.clone(), snapshot.clone(), seed, local));
        slot.engine = Some(Engine::new(config, snapshot, seed, local));
        let last = slot.last_begin.replace(local);
        let runs = slot.run;
        self.model.forget_screens(node);
        self.note(|| format!("{node} begins at {local}"));
        for (row, holds) in [
            (Row::ClockWrong, machine.off_ms.unsigned_abs() > YEAR_MILLIS),
            (Row::ClockDrifts, machine.drift_ppm != 0),
            (Row::ClockBack, last.is_some_and(|last| local < last)),
            (
                Row::ClockAhead,
                last.is_some_and(|last| local > last + Duration::from_secs(31 * 24 * 3_600)),
            ),
            (Row::Restarted, runs > 1),
        ] {
            if holds {
                self.count(row);
            }
        }
        self.drain(node, Call::Start);
        if self.nodes[node].away {
            self.command(node, Command::Disconnect, Asked::Other);
        }
        if self.healed {
            self.forgive(node);
        }
    }

    /// Something happened that concerns a run of a node's engine.
    pub(super) fn input(&mut self, node: usize, run: u64, input: Input) {
        let slot = &mut self.nodes[node];
        if slot.run != run || slot.engine.is_none() || slot.is_parting {
            return;
        }
        if slot.asleep_until <= self.now && slot.held.is_empty() {
            return self.call(node, input);
        }
        slot.held.push_back(input);
        let wakes = slot.asleep_until;
        self.at(wakes, Happening::Wake { node });
    }

    /// The process may get its time again: what has come meanwhile comes in its order.
    pub(super) fn wake(&mut self, node: usize) {
        let now = self.now;
        let slot = &mut self.nodes[node];
        if slot.asleep_until <= now {
            let local = slot.local(now);
            slot.waits.begin_anew(local);
        }
        while self.nodes[node].asleep_until <= self.now
            && let Some(input) = self.nodes[node].held.pop_front()
        {
            self.call(node, input);
        }
        let slot = &self.nodes[node];
        if !slot.held.is_empty() {
            self.at(slot.asleep_until, Happening::Wake { node });
        }
    }

    /// A person gives a command.
    pub(super) fn command(&mut self, node: usize, command: Command, asked: Asked) -> u64 {
        self.next_command += 1;
        let id = self.next_command;
        if self.nodes[node].engine.is_some() && !self.nodes[node].is_parting {
            self.nodes[node].asked.insert(id, asked);
            let run = self.nodes[node].run;
            self.input(node, run, Input::Command { id, command });
        }
        id
    }

    pub(super) fn call(&mut self, node: usize, input: Input) {
        let now = self.now;
        self.note(|| format!("{node} ← {}", brief(&input)));
        let call = Call::of(&input);
        let slot = &mut self.nodes[node];
        let local = slot.local(now);
        let Some(engine) = &mut slot.engine else { return };
        if let Some(recording) = &mut slot.recording {
            recording.call(local, Some(&input));
        }
        engine.handle(input, local);
        self.drain(node, call);
    }

    pub(super) fn time_out(&mut self, node: usize) {
        let now = self.now;
        let slot = &mut self.nodes[node];
        let local = slot.local(now);
        let Some(engine) = &mut slot.engine else { return };
        if let Some(recording) = &mut slot.recording {
            recording.call(local, None);
        }
        engine.handle_timeout(local);
        let stays_due = engine.deadline().is_some_and(|deadline| deadline <= local);
        if stays_due {
            let what = format!("a timer of {node} stays due");
            return self.broken(Invariant::NothingWaits, what);
        }
        self.drain(node, Call::Timer);
    }

    /// Carries out what the engine wants, unless it dies between two of its outputs.
    fn drain(&mut self, node: usize, call: Call) {
        while let Some(output) = self.nodes[node].engine.as_mut().and_then(Engine::poll) {
            if let Some(recording) = &mut self.nodes[node].recording {
                recording.output(&output);
            }
            self.note(|| format!("{node} → {}", brief(&output)));
            self.watch(node, &output, &call);
            self.carry_out(node, output);
            let Some(doom) = &mut self.nodes[node].doom else { continue };
            if doom.after == 0 {
                let (kept, ms) = (doom.kept, doom.ms);
                let more = self.nodes[node].engine.as_mut().and_then(Engine::poll).is_some();
                if more {
                    self.count(Row::CrashedBetween);
                }
                return self.crash(node, kept, ms);
            }
            doom.after -= 1;
        }
    }

    fn carry_out(&mut self, node: usize, output: Output) {
        match output {
            Output::Broker(output) => self.broker_output(node, output),
            Output::Peer { sid, contact, output } => self.peer_output(node, sid, contact, output),
            Output::Store { id, ops } => self.write(node, id, ops),
            Output::LoadOutbox { contact, after, limit, .. } => {
                self.load(node, contact, after, limit);
            }
            Output::Reply { id, result } => self.replied(node, id, result),
            Output::Event(_) | Output::Token { .. } => {}
        }
    }

    /// The process is to die after some more outputs.
    pub(super) fn doom(&mut self, node: usize, after: u64, kept: usize, ms: u64) {
        if self.nodes[node].engine.is_none() {
            return;
        }
        if after == 0 {
            return self.crash(node, kept, ms);
        }
        self.nodes[node].doom = Some(Doom { after: after - 1, kept, ms });
    }

    /// The process dies: what is not on disk is gone, and nobody is told.
    pub(super) fn crash(&mut self, node: usize, kept: usize, ms: u64) {
        if self.nodes[node].engine.is_none() {
            return;
        }
        self.note(|| format!("{node} crashes"));
        self.count(Row::Crashed);
        self.tear(node, kept);
        self.end_run(node, ms);
    }

    /// The person ends the program as one should.
    pub(super) fn quit(&mut self, node: usize, ms: u64) {
        let slot = &self.nodes[node];
        if slot.engine.is_none() || slot.is_parting || slot.asleep_until > self.now {
            return;
        }
        self.count(Row::Quit);
        self.nodes[node].is_parting = true;
        self.call(node, Input::Shutdown);
        let run = self.nodes[node].run;
        self.after(FAREWELL, Happening::Gone { node, run, ms });
    }

    pub(super) fn gone(&mut self, node: usize, run: u64, ms: u64) {
        if self.nodes[node].run == run && self.nodes[node].engine.is_some() {
            self.tear(node, usize::MAX);
            self.end_run(node, ms);
        }
    }

    fn end_run(&mut self, node: usize, ms: u64) {
        let slot = &mut self.nodes[node];
        let engine = slot.engine.take();
        slot.run += 1;
        slot.doom = None;
        slot.is_parting = false;
        slot.asked.clear();
        slot.held.clear();
        let recording = slot.recording.take();
        if let (Some(recording), Some(_)) = (recording, engine)
            && let Err(what) = recording.replay()
        {
            self.broken(Invariant::Replays, format!("{node}: {what}"));
        }
        self.lose_link(node);
        self.lose_ends(node);
        let down = if self.healed { 0 } else { ms };
        self.after(millis(down), Happening::Begin { node });
    }

    /// Plays again what went into the engines that still run.
    pub(super) fn replay_all(&mut self) {
        for node in 0..self.nodes.len() {
            if let Some(recording) = self.nodes[node].recording.take()
                && let Err(what) = recording.replay()
            {
                self.broken(Invariant::Replays, format!("{node}: {what}"));
            }
        }
    }

    fn replied(
        &mut self,
        node: usize,
        id: u64,
        result: Result<tincan_engine::Reply, tincan_engine::CommandError>,
    ) {
        use tincan_engine::Reply;
        let Some(asked) = self.nodes[node].asked.remove(&id) else {
            return self.broken(Invariant::NothingWaits, format!("{node} answers {id} twice"));
        };
        match (asked, result) {
            (Asked::Said, Ok(Reply::Message { message })) => {
                self.model.answer(id, Fate::Stored(message.id));
            }
            (Asked::Said, Err(_)) => self.model.answer(id, Fate::Refused),
            (Asked::Cancel, Ok(_)) => self.count(Row::Cancelled),
            (Asked::Invite { guest }, Ok(Reply::Invite { invite })) => self.join(guest, invite),
            (Asked::Said, Ok(other)) => {
                self.broken(Invariant::NothingWaits, format!("{node} answers {other:?}"));
            }
            (Asked::Cancel | Asked::Invite { .. } | Asked::Other, _) => {}
        }
    }
}

/// The beginning of what is told of something, for a trace.
pub(super) fn brief(what: &impl std::fmt::Debug) -> String {
    format!("{what:?}").chars().take(200).collect()
}
