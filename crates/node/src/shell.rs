//! The loop around the engine: one task that owns it, the sockets and all connections.
//!
//! Each turn takes everything that has happened (requests, answers of the store, reports of the
//! broker's task, datagrams, deadlines), gives it to the engine one by one, and then sends what
//! the touched connections want sent, once.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tincan_engine::{Command, Engine, Event, Input, Output, Reply, Target, Time};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

use crate::broker::{BrokerLink, Fit, MeetingPlace, Report, Token};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::control::ControlServer;
use crate::drop_log::{self, DropLog};
use crate::events;
use crate::feed::Feed;
use crate::network::Network;
use crate::request::{Answering, Request, RequestError, ShellError, ShellStatus};
use crate::store::{Store, StoreAnswer};

/// The store's setting that remembers where people are met.
pub(crate) const MEETING_PLACE: &str = "meeting_place";

/// Requests that may wait for the engine's answer; more wait in their queue.
const MAX_WAITING: usize = 4_096;

/// How often the machine's addresses and its sleep are looked at.
const NETWORK_EVERY: Duration = Duration::from_secs(1);

/// How often it is told how the paths are.
const PATHS_EVERY: Duration = Duration::from_secs(5);

/// How long after the first of several changes of the network it is looked at.
const CHANGES_SETTLE: Duration = Duration::from_millis(10);

/// How many of each kind of input one turn takes, so that none starves another.
const TURN: usize = 512;

/// What the shell is made of.
pub(crate) struct Shell {
    pub(crate) home: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) engine: Engine,
    pub(crate) store: Arc<Store>,
    pub(crate) network: Network,
    pub(crate) changes: Changes,
    pub(crate) broker: BrokerLink,
    pub(crate) place: MeetingPlace,
    pub(crate) control: Option<ControlServer>,
    pub(crate) events: Feed<Arc<Event>>,
    pub(crate) waiting: Waiting,
    pub(crate) started: Instant,
    pub(crate) next_network_look: Instant,
    pub(crate) next_path_report: Instant,
    pub(crate) drop_log: DropLog,
    pub(crate) clock_behind_ms: Option<i64>,
}

/// What comes in.
pub(crate) struct Sources {
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) answers: mpsc::UnboundedReceiver<Vec<StoreAnswer>>,
    pub(crate) reports: mpsc::Receiver<Report>,
    /// Resolves or closes when the node is dropped.
    pub(crate) stop: oneshot::Receiver<()>,
}

/// Who waits for which answer of the engine.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    next: u64,
    replies: HashMap<u64, Answering<Reply>>,
    tokens: BTreeMap<u64, oneshot::Sender<Token>>,
}

impl Waiting {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Turn {
    Next,
    Stop,
}

impl Shell {
    /// Runs until it is told to stop, or the node is dropped.
    pub(crate) async fn run(mut self, mut sources: Sources) {
        self.drain();
        self.engine_settled();
        while self.turn(&mut sources).await == Turn::Next {
            // Tasks of this thread (the broker's, the control socket's) get their turn, too.
            tokio::task::yield_now().await;
        }
        self.stop(sources).await;
    }

    async fn turn(&mut self, sources: &mut Sources) -> Turn {
        let deadline = self.deadline();
        let room = self.waiting.replies.len() < MAX_WAITING;
        tokio::select! {
            biased;
            _ = &mut sources.stop => return Turn::Stop,
            request = sources.requests.recv(), if room => match request {
                None | Some(Request::Stop) => return Turn::Stop,
                Some(request) => self.request(request),
            },
            Some(answers) = sources.answers.recv() => self.stored(answers),
            Some(report) = sources.reports.recv() => self.report(report),
            () = self.network.ready() => {}
            () = self.changes.noticed() => {
                let soon = Instant::now() + CHANGES_SETTLE;
                self.next_network_look = self.next_network_look.min(soon);
            }
            () = sleep_until(deadline.into()) => {}
        }
        let turn = self.take_waiting(sources);
        self.network.receive(Instant::now());
        self.handle_timeouts();
        self.engine_settled();
        turn
    }

    /// What else is there already.
    fn take_waiting(&mut self, sources: &mut Sources) -> Turn {
        for _ in 0..TURN {
            let Ok(answers) = sources.answers.try_recv() else { break };
            self.stored(answers);
        }
        for _ in 0..TURN {
            let Ok(report) = sources.reports.try_recv() else { break };
            self.report(report);
        }
        for _ in 0..TURN {
            if self.waiting.replies.len() >= MAX_WAITING {
                break;
            }
            match sources.requests.try_recv() {
                Ok(Request::Stop) => return Turn::Stop,
                Ok(request) => self.request(request),
                Err(_) => break,
            }
        }
        Turn::Next
    }

    fn handle_timeouts(&mut self) {
        let now = Instant::now();
        if now >= self.next_network_look {
            self.next_network_look = now + NETWORK_EVERY;
            if now >= self.next_path_report {
                self.next_path_report = now + PATHS_EVERY;
                self.network.report_paths();
            }
            let woke = self.clock.notice_sleep();
            if self.network.look(now) || woke {
                tracing::info!(woke, "the network is another one");
                self.input(Input::NetworkChanged);
            }
            self.drop_log.take(self.network.dropped(), now);
        }
        self.network.handle_timeout(now);
        let time = self.clock.at(now);
        if self.engine.deadline().is_some_and(|at| at <= time) {
            self.engine.handle_timeout(time);
            self.drain();
        }
    }

    /// Sends, takes what the connections say to it, and again until nothing moves.
    fn engine_settled(&mut self) {
        loop {
            self.network.flush(Instant::now());
            if !self.take_peer_inputs() {
                return;
            }
        }
    }

    fn take_peer_inputs(&mut self) -> bool {
        let mut any = false;
        while let Some((sid, input)) = self.network.poll() {
            any = true;
            self.input(Input::Peer { sid, input });
        }
        any
    }

    fn deadline(&self) -> Instant {
        let engine = self.engine.deadline().map(|at| self.clock.instant(at));
        [engine, self.network.deadline()]
            .into_iter()
            .flatten()
            .fold(self.next_network_look, Instant::min)
    }

    fn time(&self) -> Time {
        self.clock.at(Instant::now())
    }

    fn input(&mut self, input: Input) {
        let now = self.time();
        self.engine.handle(input, now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll() {
            self.output(output);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Broker(output) => self.broker.handle(output),
            Output::Peer { sid, output, .. } => self.network.peer(Instant::now(), sid, output),
            Output::Store { id, ops } => self.store.submit(id, ops),
            Output::LoadOutbox { contact, after, limit, limit_bytes } => {
                self.store.load_outbox(contact, after, limit, limit_bytes);
            }
            Output::Event(event) => {
                events::tell_states(&event);
                if let Event::Dropped { reason, count } = &event {
                    // The engine tells it once per reason and minute.
                    drop_log::tell(reason, *count);
                }
                if self.events.is_read() {
                    let bytes = events::size_of(&event);
                    self.events.send(Arc::new(event), bytes);
                }
            }
            Output::Reply { id, result } => {
                if let Some(answer) = self.waiting.replies.remove(&id) {
                    // Whoever asked may be gone.
                    let _ = answer.send(result.map_err(RequestError::from));
                }
            }
            Output::Token { id, client_id, username, token } => {
                if let Some(answer) = self.waiting.tokens.remove(&id) {
                    let _ = answer.send(Token { client_id, username, token });
                }
            }
        }
    }

    fn stored(&mut self, answers: Vec<StoreAnswer>) {
        for answer in answers {
            self.input(match answer {
                StoreAnswer::Stored { id, result } => Input::Stored { id, result },
                StoreAnswer::Outbox { contact, result } => Input::Outbox { contact, result },
            });
        }
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Message { topic, payload, retain } => {
                let message = tincan_engine::BrokerInput::Message { topic, payload, retain };
                self.input(Input::Broker(message));
            }
            Report::Link { attempt, input } => {
                if self.broker.is_current(attempt) {
                    self.input(Input::Broker(input));
                }
            }
            Report::Challenge { aud, nonce, answer } => {
                let id = self.waiting.id();
                self.waiting.tokens.insert(id, answer);
                self.input(Input::Challenge { id, aud, nonce });
            }
            Report::Ice(servers) => self.network.set_ice(servers),
            Report::Unreadable(what) => {
                self.input(Input::Broker(tincan_engine::BrokerInput::Unreadable(what)));
            }
            Report::Clock(behind) => self.clock_behind_ms = Some(behind),
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Command { command, answer } => match self.prepare(&command) {
                Ok(()) => {
                    if matches!(command, Command::GetStatus | Command::ListContacts) {
                        // Whoever asks is told how it is now.
                        self.network.report_paths();
                        self.take_peer_inputs();
                    }
                    let id = self.waiting.id();
                    self.waiting.replies.insert(id, answer);
                    self.input(Input::Command { id, command });
                }
                Err(error) => drop(answer.send(Err(error.into()))),
            },
            Request::SetHub { origin, answer } => match MeetingPlace::new(Some(&origin), &[]) {
                Ok(place) => self.move_to(place, Some(answer)),
                Err(error) => {
                    let reason = error.to_string();
                    drop(answer.send(Err(ShellError::BadAddress { reason }.into())));
                }
            },
            Request::Status { answer } => drop(answer.send(Ok(self.status()))),
            // Taken where requests are received.
            Request::Stop => {}
        }
    }

    /// An invite may name where its people are met.
    fn prepare(&mut self, command: &Command) -> Result<(), ShellError> {
        let Command::AddContact { target: Target::Invite(invite), .. } = command else {
            return Ok(());
        };
        match self.place.fit(invite) {
            Ok(Fit::Same) => Ok(()),
            Ok(Fit::Adopt(place)) => {
                self.move_to(place, None);
                Ok(())
            }
            Ok(Fit::Other { theirs }) => {
                Err(ShellError::OtherMeetingPlace { ours: self.place.to_string(), theirs })
            }
            Err(error) => Err(ShellError::BadAddress { reason: error.to_string() }),
        }
    }

    /// Meets people there from now on, and remembers it. The answer says whether that is saved.
    fn move_to(&mut self, place: MeetingPlace, answer: Option<Answering<()>>) {
        let setting = place.to_setting();
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            let saved = store.set_setting(MEETING_PLACE, Some(&setting)).await;
            if let Err(error) = &saved {
                tracing::warn!(reason = %error.0, "the meeting place is not saved");
            }
            if let Some(answer) = answer {
                let saved = saved.map_err(|error| ShellError::NotSaved { reason: error.0 }.into());
                // Whoever asked may be gone.
                let _ = answer.send(saved);
            }
        });
        if place == self.place {
            return;
        }
        self.network.allow_loopback(place.is_loopback());
        self.broker.move_to(place.clone());
        self.place = place;
        for command in [Command::Disconnect, Command::Connect] {
            let id = self.waiting.id();
            self.input(Input::Command { id, command });
        }
    }

    fn status(&mut self) -> ShellStatus {
        ShellStatus {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            home: self.home.clone(),
            uptime_secs: self.started.elapsed().as_secs(),
            hub: self.place.hub.as_ref().map(ToString::to_string),
            brokers: self.place.brokers.iter().map(ToString::to_string).collect(),
            addresses: self.network.addresses().iter().map(ToString::to_string).collect(),
            connections: u64::try_from(self.network.connections()).unwrap_or(u64::MAX),
            dropped: self.network.dropped(),
            clock_behind_ms: self.clock_behind_ms,
            relay_failures: self.network.relay_failures(Instant::now()),
        }
    }

    /// Tells the contacts and the broker, and writes what waits.
    async fn stop(mut self, sources: Sources) {
        self.input(Input::Shutdown);
        self.engine_settled();
        self.network.close_all(Instant::now());
        // Before the home is free: its next owner listens under the same name.
        drop(self.control.take());
        let Sources { mut reports, .. } = sources;
        // Its task must be able to report until it has ended.
        let close = self.broker.close();
        tokio::pin!(close);
        loop {
            tokio::select! {
                biased;
                () = &mut close => break,
                Some(_) = reports.recv() => {}
            }
        }
        let store = self.store;
        let closed = tokio::task::spawn_blocking(move || store.close()).await;
        if let Err(error) = closed {
            tracing::error!(%error, "the store did not close");
        }
    }
}
