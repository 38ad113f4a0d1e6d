//! The task that holds the MQTT session and its transport, one after the other.
//!
//! The engine decides when to connect; a [`BrokerLink`](super::BrokerLink) passes its wishes on,
//! and the task answers with [`Report`]s. The session outlives its transports: it keeps what the
//! broker has not acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tincan_engine::{BrokerInput, Unreadable};
use tincan_mqtt::{Event, Output, Publish, Qos, Session};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::dialing::{Dialed, Dialing};
use super::ice::IceTask;
use super::link::{Login, Order, Report};
use super::meeting_place::MeetingPlace;
use super::reason;
use super::transport::{Read, Unsent, read};
use crate::dial::{ByteStream, Dialer};

pub(super) struct Driver {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) dialer: Dialer,
    pub(super) place: MeetingPlace,
    pub(super) login: Login,
    pub(super) stun: Vec<String>,
    pub(super) ice: Arc<IceTask>,
    pub(super) session: Session,
    pub(super) started: Instant,
    /// Attempts that failed above the transport, to try the next address of the list.
    pub(super) failures: usize,
    /// Transports on which the last words are said. The way to them may be gone, and with it half
    /// a second that the next one need not wait.
    pub(super) leaving: JoinSet<()>,
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
    pub(super) async fn run(mut self) {
        self.obey().await;
        while self.leaving.join_next().await.is_some() {}
    }

    /// Until the shell is gone.
    async fn obey(&mut self) {
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
            ice: Arc::clone(&self.ice),
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
        let mut unsent = Unsent::default();
        let mut link = Conversation { attempt: attempt.number, broker, established: false };
        self.session.transport_connected(self.now_ms(), credentials);
        loop {
            match self.drain(&mut link, &mut unsent).await {
                None => {}
                Some(next) => {
                    self.leave(unsent, reader, writer);
                    return next;
                }
            }
            let deadline = self.deadline();
            tokio::select! {
                read = read(&mut reader, &mut inbox), if unsent.has_room() => match read {
                    Read::Bytes => {
                        let now = self.now_ms();
                        self.session.handle_bytes(now, &inbox.split());
                    }
                    Read::End => self.session.transport_closed(self.now_ms()),
                    Read::Unreadable => {
                        self.unreadable().await;
                        self.session.transport_closed(self.now_ms());
                    }
                },
                written = unsent.write(&mut writer), if unsent.wants_write() => {
                    if !written {
                        self.session.transport_closed(self.now_ms());
                    }
                }
                order = self.orders.recv() => match order {
                    Some(Order::Publish(publish)) => self.publish(publish),
                    other => {
                        self.session.disconnect(self.now_ms());
                        // Nothing that the session says now is news to the engine.
                        unsent.take(&mut self.session);
                        self.leave(unsent, reader, writer);
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

    fn leave(
        &mut self,
        unsent: Unsent,
        reader: ReadHalf<ByteStream>,
        writer: WriteHalf<ByteStream>,
    ) {
        while self.leaving.try_join_next().is_some() {}
        self.leaving.spawn(unsent.finish(reader, writer));
    }

    /// Takes everything out of the session; `Some` when the transport is over.
    async fn drain(&mut self, link: &mut Conversation, unsent: &mut Unsent) -> Option<Next> {
        let mut close = false;
        let mut next = None;
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(bytes) => unsent.bytes.extend_from_slice(&bytes),
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
            Event::Unreadable { .. } => {
                self.unreadable().await;
                None
            }
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

    async fn unreadable(&self) {
        // A shell that is gone counts no more.
        let _ = self.reports.send(Report::Unreadable(Unreadable::Packet)).await;
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
