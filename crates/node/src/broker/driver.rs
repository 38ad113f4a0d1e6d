//! The task that holds the MQTT session and its transport, one after the other.
//!
//! The engine decides when to connect; a [`BrokerLink`] passes its wishes on, and the task
//! answers with [`Report`]s. The session outlives its transports: it keeps what the broker has
//! not acknowledged.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tincan_engine::{BrokerInput, BrokerOutput};
use tincan_mqtt::{Event, Output, Publish, Qos, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};

use super::dialing::{Dialed, Dialing, Token};
use super::meeting_place::MeetingPlace;
use super::reason;
use crate::dial::{ByteStream, Dialer};

/// How many orders may wait: the task takes them at once unless a report waits for the shell.
const MAX_ORDERS: usize = 1024;

/// Orders kept free for connecting and disconnecting, which must not be lost.
const RESERVED_ORDERS: usize = 64;

/// How many reports may wait for the shell; beyond it the broker is read no further.
const MAX_REPORTS: usize = 256;

/// How long the last bytes may take when the link is left.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// How much is read at a time.
const READ_BYTES: usize = 8 * 1024;

/// What the task tells the shell.
#[derive(Debug)]
pub(crate) enum Report {
    /// For the engine, unless the attempt that it is about is over: then it is stale.
    Link { attempt: u64, input: BrokerInput },
    /// A message, whichever attempt brought it.
    Message { topic: String, payload: Vec<u8>, retain: bool },
    /// The hub wants a token for this.
    Challenge { aud: String, nonce: String, answer: oneshot::Sender<Token> },
    /// The STUN servers of the hub.
    Stun(Vec<SocketAddr>),
}

#[derive(Debug)]
enum Order {
    Connect { attempt: u64, client_id: String, filter: String },
    Publish(Publish),
    Disconnect,
    Move(MeetingPlace),
}

/// Who logs in where no token is used.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

/// The shell's end of the task.
#[derive(Debug)]
pub(crate) struct BrokerLink {
    orders: mpsc::Sender<Order>,
    attempt: u64,
    task: JoinHandle<()>,
}

impl BrokerLink {
    /// Starts the task, which does nothing until it is told to connect.
    pub(crate) fn start(
        dialer: Dialer,
        place: MeetingPlace,
        login: Login,
        stun: Vec<String>,
    ) -> (Self, mpsc::Receiver<Report>) {
        let (orders, orders_in) = mpsc::channel(MAX_ORDERS);
        let (reports, reports_out) = mpsc::channel(MAX_REPORTS);
        let driver = Driver {
            orders: orders_in,
            reports,
            dialer,
            place,
            login,
            stun,
            session: Session::new(tincan_mqtt::Config::default()),
            started: Instant::now(),
            failures: 0,
        };
        (Self { orders, attempt: 0, task: tokio::spawn(driver.run()) }, reports_out)
    }

    /// Passes an output of the engine on. A publish that finds no room is dropped, as a broker
    /// may drop it, too; the engine counts on answers only.
    pub(crate) fn handle(&mut self, output: BrokerOutput) {
        let order = match output {
            BrokerOutput::Connect { client_id, filter, .. } => {
                self.attempt += 1;
                Order::Connect { attempt: self.attempt, client_id, filter }
            }
            BrokerOutput::Publish { topic, payload, at_least_once, expiry } => {
                if self.orders.capacity() <= RESERVED_ORDERS {
                    tracing::warn!("publish dropped: too many wait");
                    return;
                }
                let qos = if at_least_once { Qos::AtLeastOnce } else { Qos::AtMostOnce };
                Order::Publish(Publish { topic, payload, qos, expiry: Some(expiry), token: 0 })
            }
            BrokerOutput::Disconnect => {
                self.attempt += 1;
                Order::Disconnect
            }
        };
        self.order(order);
    }

    /// From the next attempt on, connect there. What waits for the old broker is dropped.
    pub(crate) fn move_to(&mut self, place: MeetingPlace) {
        self.order(Order::Move(place));
    }

    fn order(&mut self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::warn!("the broker's task takes no more orders");
        }
    }

    /// Whether a report is about what was asked last.
    pub(crate) fn is_current(&self, attempt: u64) -> bool {
        attempt == self.attempt
    }

    /// Says good-bye to the broker and ends the task.
    pub(crate) async fn close(self) {
        drop(self.orders);
        if timeout(2 * GOODBYE_TIMEOUT, self.task).await.is_err() {
            tracing::debug!("the broker's task did not end in time");
        }
    }
}

struct Driver {
    orders: mpsc::Receiver<Order>,
    reports: mpsc::Sender<Report>,
    dialer: Dialer,
    place: MeetingPlace,
    login: Login,
    stun: Vec<String>,
    session: Session,
    started: Instant,
    /// Attempts that failed above the transport, to try the next address of the list.
    failures: usize,
}

/// What comes after a transport.
enum Next {
    /// Nothing until the next order.
    Idle,
    /// Another transport at once: the version fallback.
    Again,
    /// This order ended the attempt.
    Order(Order),
    /// The shell is gone.
    End,
}

struct Attempt {
    number: u64,
    client_id: String,
}

impl Driver {
    async fn run(mut self) {
        let mut waiting = None;
        loop {
            let order = match waiting.take() {
                Some(order) => order,
                None => match self.orders.recv().await {
                    Some(order) => order,
                    None => return,
                },
            };
            match order {
                Order::Connect { attempt, client_id, filter } => {
                    self.session.subscribe(&filter, Qos::AtLeastOnce);
                    let attempt = Attempt { number: attempt, client_id };
                    match self.attempt(&attempt).await {
                        Next::Idle | Next::Again => {}
                        Next::Order(order) => waiting = Some(order),
                        Next::End => return,
                    }
                }
                Order::Publish(publish) => self.publish(publish),
                Order::Disconnect => {}
                Order::Move(place) => self.move_to(place),
            }
        }
    }

    async fn attempt(&mut self, attempt: &Attempt) -> Next {
        loop {
            let dialed = match self.dial(attempt).await {
                Ok(Ok(dialed)) => dialed,
                Ok(Err(reason)) => {
                    return self.refused(attempt, false, reason).await;
                }
                Err(next) => return next,
            };
            match self.converse(attempt, dialed).await {
                Next::Again => {}
                next => return next,
            }
        }
    }

    /// `Err` when an order came in between.
    async fn dial(&mut self, attempt: &Attempt) -> Result<Result<Dialed, String>, Next> {
        let dialing = Dialing {
            dialer: self.dialer.clone(),
            place: self.place.clone(),
            login: self.login.clone(),
            stun: self.stun.clone(),
            client_id: attempt.client_id.clone(),
            reports: self.reports.clone(),
            skip: self.failures,
        }
        .run();
        tokio::pin!(dialing);
        loop {
            tokio::select! {
                dialed = &mut dialing => return Ok(dialed),
                order = self.orders.recv() => match order {
                    Some(Order::Publish(publish)) => self.publish(publish),
                    Some(order) => return Err(Next::Order(order)),
                    None => return Err(Next::End),
                },
            }
        }
    }

    /// One transport from CONNECT to its end.
    async fn converse(&mut self, attempt: &Attempt, dialed: Dialed) -> Next {
        let Dialed { stream, credentials, broker } = dialed;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut inbox = BytesMut::new();
        let mut outbox = Outbox::default();
        let mut link = Conversation { attempt: attempt.number, broker, established: false };
        self.session.transport_connected(self.now_ms(), credentials);
        loop {
            match self.drain(&mut link, &mut outbox).await {
                None => {}
                Some(next) => {
                    outbox.finish(&mut writer).await;
                    return next;
                }
            }
            inbox.reserve(READ_BYTES);
            let deadline = self.deadline();
            tokio::select! {
                read = read(&mut reader, &mut inbox) => match read {
                    true => {
                        let now = self.now_ms();
                        self.session.handle_bytes(now, &inbox.split());
                    }
                    false => self.session.transport_closed(self.now_ms()),
                },
                written = outbox.write(&mut writer), if outbox.wants_write() => {
                    if !written {
                        self.session.transport_closed(self.now_ms());
                    }
                }
                order = self.orders.recv() => match order {
                    Some(Order::Publish(publish)) => self.publish(publish),
                    other => {
                        self.session.disconnect(self.now_ms());
                        // Nothing that the session says now is news to the engine.
                        outbox.take(&mut self.session);
                        outbox.finish(&mut writer).await;
                        return other.map_or(Next::End, Next::Order);
                    }
                },
                () = sleep_until(deadline.into()) => {
                    let now = self.now_ms();
                    self.session.handle_timeout(now);
                }
            }
        }
    }

    /// Takes everything out of the session; `Some` when the transport is over.
    async fn drain(&mut self, link: &mut Conversation, outbox: &mut Outbox) -> Option<Next> {
        let mut close = false;
        let mut next = None;
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(bytes) => outbox.bytes.extend_from_slice(&bytes),
                Output::CloseTransport => close = true,
                Output::Event(event) => {
                    if let Some(then) = self.event(link, event).await {
                        next = Some(then);
                    }
                }
            }
        }
        if next.is_some() || !close { next } else { Some(Next::Idle) }
    }

    async fn event(&mut self, link: &mut Conversation, event: Event) -> Option<Next> {
        match event {
            Event::Connected { .. } => {
                link.established = true;
                self.failures = 0;
                self.report(link.attempt, BrokerInput::Connected).await;
                None
            }
            Event::Message { topic, payload, retain, .. } => {
                // A shell that is gone needs no message.
                let _ = self.reports.send(Report::Message { topic, payload, retain }).await;
                None
            }
            Event::Retry { .. } => Some(Next::Again),
            Event::Refused { reason, text } => {
                self.failures += 1;
                let credentials = reason::is_about_credentials(reason);
                let reason = reason::refused(&link.broker, reason, &text);
                self.report(link.attempt, BrokerInput::Refused { credentials, reason }).await;
                Some(Next::Idle)
            }
            Event::SubscriptionRefused { code, .. } => {
                self.failures += 1;
                let reason = reason::not_subscribed(&link.broker, code);
                let input = BrokerInput::Refused { credentials: true, reason };
                self.report(link.attempt, input).await;
                self.session.disconnect(self.now_ms());
                Some(Next::Idle)
            }
            Event::Closed { reason } => {
                let reason = reason::closed(&link.broker, reason);
                let input = if link.established {
                    BrokerInput::Closed { reason }
                } else {
                    self.failures += 1;
                    BrokerInput::Refused { credentials: false, reason }
                };
                self.report(link.attempt, input).await;
                Some(Next::Idle)
            }
            Event::Dropped { reason, .. } => {
                tracing::debug!(?reason, "publish dropped");
                None
            }
            Event::Acked { .. } => None,
        }
    }

    async fn refused(&mut self, attempt: &Attempt, credentials: bool, reason: String) -> Next {
        self.report(attempt.number, BrokerInput::Refused { credentials, reason }).await;
        Next::Idle
    }

    async fn report(&self, attempt: u64, input: BrokerInput) {
        // A shell that is gone needs no report; the next order says so.
        let _ = self.reports.send(Report::Link { attempt, input }).await;
    }

    fn publish(&mut self, publish: Publish) {
        let now = self.now_ms();
        if let Err(error) = self.session.publish(now, publish) {
            tracing::warn!(%error, "publish dropped");
        }
    }

    fn move_to(&mut self, place: MeetingPlace) {
        self.place = place;
        self.failures = 0;
        self.session = Session::new(tincan_mqtt::Config::default());
    }

    /// The session's clock: milliseconds since the task began.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn deadline(&self) -> Instant {
        /// When the session has none, the loop may as well turn once an hour.
        const FAR: Duration = Duration::from_secs(3600);
        match self.session.deadline() {
            Some(at) => self.started + Duration::from_millis(at),
            None => Instant::now() + FAR,
        }
    }
}

struct Conversation {
    attempt: u64,
    broker: String,
    established: bool,
}

/// `false` at the end of the stream.
async fn read(reader: &mut ReadHalf<ByteStream>, inbox: &mut BytesMut) -> bool {
    matches!(reader.read_buf(inbox).await, Ok(size) if size > 0)
}

/// What is still to be written; the session bounds it by its own queue.
#[derive(Default)]
struct Outbox {
    bytes: BytesMut,
    unflushed: bool,
}

impl Outbox {
    fn wants_write(&self) -> bool {
        self.unflushed || !self.bytes.is_empty()
    }

    fn take(&mut self, session: &mut Session) {
        while let Some(output) = session.poll() {
            if let Output::Transmit(bytes) = output {
                self.bytes.extend_from_slice(&bytes);
            }
        }
    }

    /// A step that may be dropped at any point without losing bytes; `false` at an error.
    async fn write(&mut self, writer: &mut WriteHalf<ByteStream>) -> bool {
        if self.bytes.is_empty() {
            let flushed = writer.flush().await.is_ok();
            self.unflushed = false;
            return flushed;
        }
        let written = writer.write_buf(&mut self.bytes).await.is_ok_and(|size| size > 0);
        self.unflushed = true;
        written
    }

    /// Writes the rest and ends the stream, within [`GOODBYE_TIMEOUT`].
    async fn finish(&mut self, writer: &mut WriteHalf<ByteStream>) {
        let rest = async {
            while self.wants_write() {
                if !self.write(writer).await {
                    return;
                }
            }
            // The other end may have gone first.
            let _ = writer.shutdown().await;
        };
        let _ = timeout(GOODBYE_TIMEOUT, rest).await;
    }
}
