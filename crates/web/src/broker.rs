//! The link to the broker: one MQTT session over one WebSocket after the other.
//!
//! The engine decides when to connect; this asks the hub for a challenge and ICE servers, opens
//! the socket and moves bytes.

mod ice;
mod reason;
mod socket;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use futures_channel::oneshot;
use tincan_engine::{BrokerInput, BrokerOutput, Unreadable};
use tincan_mqtt::{Credentials, Event, Output, Publish, Qos, Session};
use wasm_bindgen_futures::spawn_local;

use crate::clock::{steady_ms, to_millis};
use crate::hub::{self, Challenge, HubError, IceServer};
use crate::timer::Timer;
pub(crate) use socket::{Happening, Socket};

/// What the link tells the shell.
pub(crate) enum Report {
    /// For the engine.
    Input(BrokerInput),
    /// The hub wants a token for this.
    Challenge { aud: String, nonce: String, answer: oneshot::Sender<Token> },
    /// What connections may use from now on.
    Ice(Vec<IceServer>),
    /// By how many milliseconds our clock is behind the hub's.
    Clock(i64),
}

/// What the engine signs for a hub.
pub(crate) struct Token {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) token: String,
}

/// The link. It lives as long as the shell.
pub(crate) struct Broker {
    me: Weak<Self>,
    tell: Box<dyn Fn(Report)>,
    origin: RefCell<String>,
    session: RefCell<Session>,
    socket: RefCell<Option<Socket>>,
    /// Counts attempts; what belongs to an older one is stale.
    attempt: Cell<u64>,
    /// Whether the engine knows the present attempt as connected.
    established: Cell<bool>,
    /// For the version fallback, which opens another socket within the attempt.
    dialed: RefCell<Option<Dialed>>,
    /// Attempts that failed above the transport, to try the next address of the list.
    failures: Cell<usize>,
    /// The hub whose ICE servers are known.
    ice_of: RefCell<Option<String>>,
    timer: Timer,
}

#[derive(Clone)]
struct Dialed {
    url: String,
    credentials: Credentials,
}

impl Broker {
    pub(crate) fn new(origin: String, tell: impl Fn(Report) + 'static) -> Rc<Self> {
        Rc::new_cyclic(|me: &Weak<Self>| {
            let timed = me.clone();
            Self {
                me: me.clone(),
                tell: Box::new(tell),
                origin: RefCell::new(origin),
                session: RefCell::new(Session::new(tincan_mqtt::Config::default())),
                socket: RefCell::new(None),
                attempt: Cell::new(0),
                established: Cell::new(false),
                dialed: RefCell::new(None),
                failures: Cell::new(0),
                ice_of: RefCell::new(None),
                timer: Timer::new(move || {
                    if let Some(broker) = timed.upgrade() {
                        broker.with(|session, now| session.handle_timeout(now));
                    }
                }),
            }
        })
    }

    /// Another hub from now on; the engine disconnects and connects.
    pub(crate) fn move_to(&self, origin: String) {
        self.origin.replace(origin);
        self.failures.set(0);
        self.session.replace(Session::new(tincan_mqtt::Config::default()));
    }

    /// Does what the engine says.
    pub(crate) fn handle(&self, output: BrokerOutput) {
        match output {
            BrokerOutput::Connect { client_id, filter, .. } => self.connect(client_id, filter),
            BrokerOutput::Publish { topic, payload, at_least_once, expiry } => {
                let qos = if at_least_once { Qos::AtLeastOnce } else { Qos::AtMostOnce };
                let publish = Publish { topic, payload, qos, expiry: Some(expiry), token: 0 };
                self.with(|session, now| {
                    // A publish that finds no room is lost as if the broker had lost it.
                    let _ = session.publish(now, publish);
                });
            }
            BrokerOutput::Disconnect => {
                self.attempt.set(self.attempt.get() + 1);
                self.established.set(false);
                self.with(|session, now| session.disconnect(now));
                self.socket.replace(None);
            }
        }
    }

    /// Whether a socket is there that the browser has given up without telling.
    pub(crate) fn is_dead(&self) -> bool {
        self.socket.borrow().as_ref().is_some_and(Socket::is_gone)
    }

    fn connect(&self, client_id: String, filter: String) {
        let attempt = self.attempt.get() + 1;
        self.attempt.set(attempt);
        self.established.set(false);
        self.socket.replace(None);
        self.with(|session, _| session.subscribe(&filter, Qos::AtLeastOnce));
        let Some(me) = self.me.upgrade() else { return };
        spawn_local(async move {
            let dialed = me.dial(client_id, attempt).await;
            if me.attempt.get() != attempt {
                return;
            }
            match dialed {
                Ok(dialed) => me.open(dialed),
                Err(reason) => me.refused(false, reason),
            }
        });
    }

    /// The reason of a failure is a sentence.
    async fn dial(&self, client_id: String, attempt: u64) -> Result<Dialed, String> {
        let origin = self.origin.borrow().clone();
        let asked = futures_util::future::join(hub::config(&origin), hub::challenge(&origin));
        let (config, challenge) = asked.await;
        self.count_unreadable(config.as_ref().err());
        self.count_unreadable(challenge.as_ref().err());
        let config = config.map_err(|error| error.sentence(&origin))?;
        let sockets = config.sockets(&origin);
        let at = self.failures.get() % sockets.len().max(1);
        let url = sockets.get(at).cloned().ok_or("the hub names no broker for browsers")?;
        let credentials = match challenge {
            Ok(challenge) => {
                if let Some(now) = challenge.now {
                    (self.tell)(Report::Clock(behind(now)));
                }
                let token = self.sign(challenge).await.ok_or("the page is closing")?;
                self.keep_ice(config, origin, token.token.clone(), attempt);
                Credentials::with_password(token.client_id, token.username, token.token)
            }
            // A hub in front of a broker that authenticates nobody has no challenge to give.
            Err(HubError::Status(404)) => {
                (self.tell)(Report::Ice(ice::stun_only(&config)));
                Credentials::anonymous(client_id)
            }
            Err(error) => return Err(error.sentence(&origin)),
        };
        Ok(Dialed { url, credentials })
    }

    /// What the engine signs; `None` when it is gone.
    async fn sign(&self, challenge: Challenge) -> Option<Token> {
        let (answer, token) = oneshot::channel();
        let Challenge { aud, nonce, .. } = challenge;
        (self.tell)(Report::Challenge { aud, nonce, answer });
        token.await.ok()
    }

    fn count_unreadable(&self, error: Option<&HubError>) {
        if let Some(HubError::Nonsense(_)) = error {
            (self.tell)(Report::Input(BrokerInput::Unreadable(Unreadable::HubAnswer)));
        }
    }

    fn open(&self, dialed: Dialed) {
        let (me, attempt) = (self.me.clone(), self.attempt.get());
        let hear = move |happening| {
            if let Some(broker) = me.upgrade()
                && broker.attempt.get() == attempt
            {
                broker.happened(happening);
            }
        };
        match Socket::open(&dialed.url, hear) {
            Ok(socket) => {
                self.dialed.replace(Some(dialed));
                self.socket.replace(Some(socket));
            }
            Err(error) => self.refused(false, format!("{}: {error}", dialed.url)),
        }
    }

    fn happened(&self, happening: Happening) {
        match happening {
            Happening::Opened => {
                let dialed = self.dialed.borrow().clone();
                let Some(Dialed { credentials, .. }) = dialed else { return };
                self.with(|session, now| session.transport_connected(now, credentials));
            }
            Happening::Bytes(bytes) => self.with(|session, now| session.handle_bytes(now, &bytes)),
            Happening::Closed { opened: true } => {
                self.with(|session, now| session.transport_closed(now));
            }
            Happening::Closed { opened: false } => {
                let url = self.dialed.borrow().as_ref().map(|dialed| dialed.url.clone());
                let reason = format!("the broker {} does not answer", url.unwrap_or_default());
                self.refused(false, reason);
            }
        }
    }

    /// Calls the session and does what it then wants.
    fn with(&self, call: impl FnOnce(&mut Session, u64)) {
        call(&mut self.session.borrow_mut(), now_ms());
        loop {
            let Some(output) = self.session.borrow_mut().poll() else { break };
            match output {
                Output::Transmit(bytes) => {
                    if let Some(socket) = self.socket.borrow().as_ref() {
                        socket.send(&bytes);
                    }
                }
                Output::CloseTransport => drop(self.socket.replace(None)),
                Output::Event(event) => self.event(event),
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a page does not live for 285,000 years")]
        self.timer.arm(self.session.borrow().deadline().map(|at| at as f64));
    }

    fn event(&self, event: Event) {
        let input = match event {
            Event::Connected { .. } => {
                self.established.set(true);
                self.failures.set(0);
                BrokerInput::Connected
            }
            Event::Message { topic, payload, retain, .. } => {
                BrokerInput::Message { topic, payload, retain }
            }
            Event::Retry { .. } => return self.again(),
            Event::Unreadable { .. } => BrokerInput::Unreadable(Unreadable::Packet),
            Event::Refused { reason, text } => {
                let credentials = reason::is_about_credentials(reason);
                return self.refused(credentials, reason::refused(&text));
            }
            Event::SubscriptionRefused { code, .. } => {
                self.socket.replace(None);
                return self.refused(true, reason::not_subscribed(code));
            }
            Event::Closed { reason } => {
                let reason = reason::closed(reason);
                if !self.established.replace(false) {
                    return self.refused(false, reason);
                }
                BrokerInput::Closed { reason }
            }
            Event::Acked { .. } | Event::Dropped { .. } => return,
        };
        (self.tell)(Report::Input(input));
    }

    /// Another socket at once: the broker speaks another version.
    fn again(&self) {
        let dialed = self.dialed.borrow().clone();
        if let Some(dialed) = dialed {
            self.open(dialed);
        }
    }

    fn refused(&self, credentials: bool, reason: String) {
        self.failures.set(self.failures.get() + 1);
        self.socket.replace(None);
        (self.tell)(Report::Input(BrokerInput::Refused { credentials, reason }));
    }
}

/// The session's clock.
fn now_ms() -> u64 {
    to_millis(steady_ms())
}

/// By how many milliseconds our wall clock is behind `now`.
pub(crate) fn behind(now: u64) -> i64 {
    let ours = i64::try_from(to_millis(js_sys::Date::now())).unwrap_or(i64::MAX);
    i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(ours)
}
