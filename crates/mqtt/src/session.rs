//! The session: one state machine over any number of transport connections.

use std::collections::VecDeque;
use std::fmt;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder};

use crate::event::{CloseReason, DropReason, Event, Output, Refusal};
use crate::keepalive::{Due, KeepAlive};
use crate::outbox::Outbox;
use crate::subscriptions::Subscriptions;
use crate::version::Negotiation;
use crate::{Config, Credentials, Publish, Qos, QueueFull, Version, outgoing};

mod receive;
mod send;

/// An MQTT client session without input or output.
///
/// The owner calls, for each transport connection: [`transport_connected`](Self::transport_connected),
/// then [`handle_bytes`](Self::handle_bytes) for what arrives, and
/// [`transport_closed`](Self::transport_closed) when it ends from the other side. At any time:
/// [`subscribe`](Self::subscribe), [`publish`](Self::publish), and
/// [`handle_timeout`](Self::handle_timeout) once [`deadline`](Self::deadline) is reached. After
/// every call it drains [`poll`](Self::poll). `now_ms` is any monotonic clock in milliseconds.
///
/// After [`Output::CloseTransport`] the session is offline at once; bytes and the end of that
/// transport are ignored.
#[derive(Debug)]
pub struct Session {
    config: Config,
    versions: Negotiation,
    subscriptions: Subscriptions,
    outbox: Outbox,
    link: Option<Link>,
    outputs: VecDeque<Output>,
}

/// One transport connection.
struct Link {
    phase: Phase,
    builder: PacketBuilder,
    keepalive: KeepAlive,
    /// The broker has said something.
    heard: bool,
    /// The broker's limits, from CONNACK.
    maximum_packet_size: u32,
    qos_0_only: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// CONNECT is sent.
    AwaitingConnAck {
        deadline_ms: u64,
    },
    /// SUBSCRIBE is sent; publishes may already go out.
    AwaitingSubAck {
        deadline_ms: u64,
        session_present: bool,
    },
    Ready,
}

impl Link {
    fn new(now_ms: u64, config: &Config) -> Self {
        let ms = |d: std::time::Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let deadline_ms = now_ms.saturating_add(ms(config.connect_timeout));
        Self {
            phase: Phase::AwaitingConnAck { deadline_ms },
            builder: PacketBuilder::with_maximum_packet_size(config.max_packet_bytes),
            keepalive: KeepAlive::new(now_ms, ms(config.keep_alive), ms(config.ping_timeout)),
            heard: false,
            maximum_packet_size: u32::MAX,
            qos_0_only: false,
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Session {
    /// A session that is offline and has nothing to do.
    pub fn new(config: Config) -> Self {
        Self {
            outbox: Outbox::new(config.max_queued, config.suspect_after),
            config,
            versions: Negotiation::new(),
            subscriptions: Subscriptions::default(),
            link: None,
            outputs: VecDeque::new(),
        }
    }

    /// The version that the present or next connection speaks.
    pub fn version(&self) -> Version {
        self.versions.current()
    }

    /// Whether a connection is up and all subscriptions are answered.
    pub fn is_connected(&self) -> bool {
        self.link.as_ref().is_some_and(|link| matches!(link.phase, Phase::Ready))
    }

    /// A transport to the broker is up: sends CONNECT. Any earlier transport counts as gone.
    ///
    /// Credentials too long for MQTT end in [`Refusal::BadCredentials`].
    pub fn transport_connected(&mut self, now_ms: u64, credentials: Credentials) {
        self.drop_link();
        match outgoing::connect(self.versions.current(), &self.config, &credentials) {
            Ok(packet) => {
                self.link = Some(Link::new(now_ms, &self.config));
                self.transmit(now_ms, &packet);
            }
            Err(_) => {
                self.outputs.push_back(Output::CloseTransport);
                let text = "The client id, user name or password is too long for MQTT.".to_owned();
                self.emit(Event::Refused { reason: Refusal::BadCredentials, text });
            }
        }
    }

    /// The transport ended from the other side, or broke.
    pub fn transport_closed(&mut self, now_ms: u64) {
        let Some(link) = &self.link else { return };
        if matches!(link.phase, Phase::AwaitingConnAck { .. }) {
            self.versions.closed_in_silence();
        }
        self.drop_link();
        self.emit(Event::Closed { reason: CloseReason::Transport });
        self.expire(now_ms);
    }

    /// Subscribes to a filter, now if connected, and on every connection to come. At most 16
    /// filters of 1 KiB; another one is refused by an event with code 0x97, a bad one with 0x8F.
    pub fn subscribe(&mut self, filter: &str, qos: Qos) {
        if let Err(rejected) = self.subscriptions.add(filter, qos) {
            let filter = filter.to_owned();
            return self.emit(Event::SubscriptionRefused { filter, code: rejected.0 });
        }
        if self.is_accepted() {
            self.send_subscribe(&[(filter.to_owned(), qos)]);
        }
    }

    /// Publishes a message.
    ///
    /// QoS 1: kept across connections until the broker acknowledges it (`Acked`), refuses it or
    /// its expiry passes (`Dropped`); one of these comes, once. QoS 0: sent if a connection is
    /// accepted, without any further event, else `Dropped`.
    ///
    /// # Errors
    /// [`QueueFull`]: too many QoS 1 publishes wait.
    pub fn publish(&mut self, now_ms: u64, publish: Publish) -> Result<(), QueueFull> {
        if outgoing::check_topic(&publish.topic).is_err() {
            self.emit(Event::Dropped { token: publish.token, reason: DropReason::Invalid });
            return Ok(());
        }
        match publish.qos {
            Qos::AtMostOnce => self.send_once(now_ms, &publish),
            Qos::AtLeastOnce => {
                self.expire(now_ms);
                self.outbox.push(now_ms, publish)?;
                self.flush(now_ms);
            }
        }
        Ok(())
    }

    /// Takes bytes of the transport, in chunks of any size.
    pub fn handle_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        self.check_first_byte(bytes);
        let mut cursor = Cursor::new(bytes);
        while let Some(link) = &mut self.link {
            match link.builder.feed(&mut cursor) {
                PacketBuildResult::Complete(raw) => self.handle_packet(now_ms, &raw),
                PacketBuildResult::Incomplete => break,
                PacketBuildResult::Error(error) => self.fail(error.into()),
            }
        }
        self.flush(now_ms);
    }

    /// Does what is due. Calling it early is harmless.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        self.expire(now_ms);
        let Some(link) = &mut self.link else { return };
        match link.phase {
            Phase::AwaitingConnAck { deadline_ms } | Phase::AwaitingSubAck { deadline_ms, .. } => {
                if now_ms >= deadline_ms {
                    if matches!(link.phase, Phase::AwaitingConnAck { .. }) {
                        self.versions.closed_in_silence();
                    }
                    self.close(CloseReason::ConnectTimeout);
                }
            }
            Phase::Ready => match link.keepalive.handle_timeout(now_ms) {
                Due::TimedOut => self.close(CloseReason::PingTimeout),
                Due::Ping => self.transmit(now_ms, &outgoing::PINGREQ),
                Due::Nothing => {}
            },
        }
        if self.is_connected() && self.ack_deadline().is_some_and(|at| now_ms >= at) {
            self.close(CloseReason::AckTimeout);
        }
    }

    /// Ends the connection in good order. The broker keeps the session, and this side keeps what
    /// is unacknowledged. No `Closed` event follows.
    pub fn disconnect(&mut self, now_ms: u64) {
        if self.is_accepted() {
            self.transmit(now_ms, &outgoing::DISCONNECT);
        }
        if self.link.is_some() {
            self.drop_link();
            self.outputs.push_back(Output::CloseTransport);
        }
    }

    /// The next thing to do, until `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), on the clock of `now_ms`. It may
    /// change with every call.
    pub fn deadline(&self) -> Option<u64> {
        let link = self.link.as_ref().and_then(|link| match link.phase {
            Phase::AwaitingConnAck { deadline_ms } | Phase::AwaitingSubAck { deadline_ms, .. } => {
                Some(deadline_ms)
            }
            Phase::Ready => {
                [Some(link.keepalive.deadline()), self.ack_deadline()].into_iter().flatten().min()
            }
        });
        [link, self.outbox.next_expiry_ms()].into_iter().flatten().min()
    }
}

/// How a connection ends, and what is said.
impl Session {
    fn close(&mut self, reason: CloseReason) {
        self.drop_link();
        self.outputs.push_back(Output::CloseTransport);
        self.emit(Event::Closed { reason });
    }

    fn drop_link(&mut self) {
        if self.link.take().is_some() {
            self.subscriptions.disconnected();
            self.outbox.disconnected();
        }
    }

    fn expire(&mut self, now_ms: u64) {
        for (token, reason) in self.outbox.expire(now_ms) {
            self.emit(Event::Dropped { token, reason });
        }
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Whether CONNACK was positive, so that any packet may be sent.
    fn is_accepted(&self) -> bool {
        self.link.as_ref().is_some_and(|l| !matches!(l.phase, Phase::AwaitingConnAck { .. }))
    }

    fn ack_deadline(&self) -> Option<u64> {
        let timeout = u64::try_from(self.config.ack_timeout.as_millis()).unwrap_or(u64::MAX);
        Some(self.outbox.oldest_sent_ms()?.saturating_add(timeout))
    }
}
