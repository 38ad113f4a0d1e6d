//! The loop around the engine, in the one tab that leads.
//!
//! Everything that happens becomes an input, one after the other; what the engine says to it is
//! done at once. Nothing here decides anything.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use futures_channel::oneshot;
use tincan_engine::store::Snapshot;
use tincan_engine::{Command, CommandError, Config, Engine, Event, Input, Output, Reply};
use tincan_wire::SortedMap;

use crate::broker::{Broker, Report, Token};
use crate::client::StartError;
use crate::clock::Clock;
use crate::peers::Peers;
use crate::standing::Settings;
use crate::store::{Store, StoreAnswer};
use crate::timer::Timer;

/// How often the paths of connections are looked at, which change without an event.
const PATHS_EVERY_MS: f64 = 5_000.0;

/// Commands that may wait for the engine's answer.
const MAX_WAITING: usize = 4_096;

/// What the shell tells its tab.
pub(crate) enum Told {
    /// For every screen.
    Event(Event),
    /// By how many milliseconds our clock is behind the hub's.
    Clock(i64),
}

/// The engine and what it moves.
pub(crate) struct Shell {
    engine: RefCell<Engine>,
    store: Store,
    broker: Rc<Broker>,
    peers: Rc<Peers>,
    clock: Rc<Clock>,
    timer: Timer,
    paths_at: Cell<f64>,
    inbox: RefCell<VecDeque<Input>>,
    running: Cell<bool>,
    ended: Cell<bool>,
    waiting: RefCell<Waiting>,
    tell: Box<dyn Fn(Told)>,
}

/// To whoever gave a command.
type Answer = oneshot::Sender<Result<Reply, CommandError>>;

/// Who waits for which answer of the engine.
#[derive(Default)]
struct Waiting {
    next: u64,
    /// In the order of their numbers: thousands may wait, and the first is mostly the next.
    replies: VecDeque<(u64, Answer)>,
    tokens: SortedMap<u64, oneshot::Sender<Token>>,
}

impl Waiting {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn take(&mut self, id: u64) -> Option<Answer> {
        let at = self.replies.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.replies.remove(at).map(|(_, answer)| answer)
    }
}

impl Shell {
    /// Starts the engine on an opened store; it begins to connect at once. `made` is called
    /// before anything else is, so that the store's answers find their way.
    ///
    /// # Errors
    /// The browser gives no randomness.
    pub(crate) fn start(
        store: Store,
        snapshot: Snapshot,
        hub: String,
        settings: &Settings,
        tell: impl Fn(Told) + 'static,
        made: impl FnOnce(Weak<Self>),
    ) -> Result<Rc<Self>, StartError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|_| StartError::Lacking { what: "random numbers".to_owned() })?;
        let clock = Rc::new(Clock::start());
        let config = Config {
            read_receipts: settings.read_receipts,
            relay_only: settings.relay_only,
            ..Config::default()
        };
        let engine = Engine::new(config, snapshot, seed, clock.now());
        let shell = Rc::new_cyclic(|me: &Weak<Self>| {
            let (timed, reported, peered) = (me.clone(), me.clone(), me.clone());
            let broker = Broker::new(hub, move |report| {
                if let Some(shell) = reported.upgrade() {
                    shell.report(report);
                }
            });
            let peers = Peers::new(Rc::new(move |sid, input| {
                if let Some(shell) = peered.upgrade() {
                    shell.input(Input::Peer { sid, input });
                }
            }));
            let timer = Timer::new(move || {
                if let Some(shell) = timed.upgrade() {
                    shell.handle_timeout();
                }
            });
            Self {
                engine: RefCell::new(engine),
                store,
                broker,
                peers,
                clock,
                timer,
                paths_at: Cell::new(crate::clock::steady_ms() + PATHS_EVERY_MS),
                inbox: RefCell::default(),
                running: Cell::new(false),
                ended: Cell::new(false),
                waiting: RefCell::default(),
                tell: Box::new(tell),
            }
        });
        made(Rc::downgrade(&shell));
        shell.drain();
        shell.arm();
        Ok(shell)
    }

    /// Answers of the store.
    pub(crate) fn stored(&self, answers: Vec<StoreAnswer>) {
        if self.ended.get() {
            return;
        }
        self.inbox.borrow_mut().extend(answers.into_iter().map(|answer| match answer {
            StoreAnswer::Stored { id, result } => Input::Stored { id, result },
            StoreAnswer::Outbox { contact, result } => Input::Outbox { contact, result },
        }));
        self.work_off();
    }

    /// What a person wants; the answer comes out of the receiver, or it is cancelled.
    pub(crate) fn command(
        &self,
        command: Command,
    ) -> oneshot::Receiver<Result<Reply, CommandError>> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.waiting.borrow_mut();
        if waiting.replies.len() >= MAX_WAITING {
            // Whoever asked may be gone.
            let _ = answer.send(Err(CommandError::Busy));
            return answered;
        }
        let id = waiting.id();
        waiting.replies.push_back((id, answer));
        drop(waiting);
        self.input(Input::Command { id, command });
        answered
    }

    /// The tab woke, or the browser has a network again.
    pub(crate) fn woke(&self, network_changed: bool) {
        let slept = self.clock.notice_sleep();
        if slept || network_changed || self.broker.is_dead() {
            self.input(Input::NetworkChanged);
        } else {
            self.handle_timeout();
        }
    }

    /// Uses these settings from now on; another hub is connected to at once.
    pub(crate) fn apply(&self, settings: &Settings, hub: Option<String>) {
        drop(self.command(Command::SetDefaultReadReceipts { on: settings.read_receipts }));
        drop(self.command(Command::SetDefaultRelayOnly { on: settings.relay_only }));
        let Some(hub) = hub else { return };
        self.broker.move_to(hub);
        for command in [Command::Disconnect, Command::Connect] {
            drop(self.command(command));
        }
    }

    /// Says good-bye to contacts and broker. Nothing comes after it.
    pub(crate) fn stop(&self) {
        self.input(Input::Shutdown);
        self.ended.set(true);
    }

    /// The same, and closes the store.
    pub(crate) fn end(&self) {
        self.stop();
        self.store.close();
    }

    fn report(&self, report: Report) {
        match report {
            Report::Input(input) => self.input(Input::Broker(input)),
            Report::Challenge { aud, nonce, answer } => {
                let mut waiting = self.waiting.borrow_mut();
                let id = waiting.id();
                waiting.tokens.insert(id, answer);
                drop(waiting);
                self.input(Input::Challenge { id, aud, nonce });
            }
            Report::Ice(servers) => self.peers.set_servers(servers),
            Report::Clock(behind) => (self.tell)(Told::Clock(behind)),
        }
    }

    fn input(&self, input: Input) {
        if self.ended.get() {
            return;
        }
        self.inbox.borrow_mut().push_back(input);
        self.work_off();
    }

    /// Inputs that come while another is being handled wait for their turn.
    fn work_off(&self) {
        if self.running.replace(true) {
            return;
        }
        loop {
            let next = self.inbox.borrow_mut().pop_front();
            let Some(input) = next else { break };
            self.engine.borrow_mut().handle(input, self.clock.now());
            self.drain();
            if self.inbox.borrow().is_empty() {
                self.peers.report_buffered();
            }
        }
        self.running.set(false);
        self.arm();
    }

    fn handle_timeout(&self) {
        if self.ended.get() || self.running.replace(true) {
            return;
        }
        let now = crate::clock::steady_ms();
        if now >= self.paths_at.get() {
            self.paths_at.set(now + PATHS_EVERY_MS);
            self.peers.look_at_paths();
        }
        let time = self.clock.now();
        let due = self.engine.borrow().deadline().is_some_and(|at| at <= time);
        if due {
            self.engine.borrow_mut().handle_timeout(time);
            self.drain();
        }
        self.running.set(false);
        // What came in meanwhile.
        self.work_off();
    }

    fn arm(&self) {
        let engine = self.engine.borrow().deadline().map(|at| self.clock.steady_ms_at(at));
        let next = engine.map_or(self.paths_at.get(), |at| at.min(self.paths_at.get()));
        self.timer.arm(Some(next));
    }

    fn drain(&self) {
        loop {
            let Some(output) = self.engine.borrow_mut().poll() else { return };
            self.output(output);
        }
    }

    fn output(&self, output: Output) {
        match output {
            Output::Broker(output) => self.broker.handle(output),
            Output::Peer { sid, output, .. } => self.peers.handle(sid, output),
            Output::Store { id, ops } => self.store.submit(id, ops),
            Output::LoadOutbox { contact, after, limit, limit_bytes } => {
                self.store.load_outbox(contact, after, limit, limit_bytes);
            }
            Output::Event(event) => (self.tell)(Told::Event(event)),
            Output::Reply { id, result } => {
                let answer = self.waiting.borrow_mut().take(id);
                if let Some(answer) = answer {
                    // Whoever asked may be gone.
                    let _ = answer.send(result);
                }
            }
            Output::Token { id, client_id, username, token } => {
                let answer = self.waiting.borrow_mut().tokens.remove(&id);
                if let Some(answer) = answer {
                    // The attempt that wanted it may be over.
                    let _ = answer.send(Token { client_id, username, token });
                }
            }
        }
    }
}
