//! One sign-in at a broker and good-bye, to see whether it works and how long it takes.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use tincan_mqtt::{CloseReason, Config, Credentials, Event, Output, Qos, Refusal, Session};
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::time::timeout_at;

use super::address::BrokerAddress;
use super::dialing::open;
use super::transport::{Read, Unsent, read};
use crate::dial::{ByteStream, DialError, Dialer};

/// Transports tried one after the other, until the versions of MQTT have been agreed on.
const MAX_TRANSPORTS: usize = 3;

/// How long the broker may take to answer CONNECT and SUBSCRIBE.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long the steps of a sign-in took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// Until the transport was open.
    pub(crate) opened: Duration,
    /// From CONNECT to the last answer.
    pub(crate) signed_in: Duration,
}

/// Why there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrialError {
    Dial(DialError),
    Refused(Refusal, String),
    NotSubscribed,
    Closed(CloseReason),
}

/// Signs in, subscribes to `filter` and leaves. Nothing of it stays at the broker: the client id
/// must be nobody's.
pub(crate) async fn try_once(
    dialer: &Dialer,
    broker: &BrokerAddress,
    credentials: &Credentials,
    filter: &str,
) -> Result<Signed, TrialError> {
    let mut session = Session::new(Config {
        session_expiry: Duration::ZERO,
        connect_timeout: PATIENCE,
        ..Config::default()
    });
    session.subscribe(filter, Qos::AtLeastOnce);
    let started = Instant::now();
    let mut last = TrialError::Closed(CloseReason::Transport);
    for _ in 0..MAX_TRANSPORTS {
        let began = Instant::now();
        let stream = open(dialer, broker).await.map_err(TrialError::Dial)?;
        let opened = began.elapsed();
        let (reader, writer) = split(stream);
        let mut trial = Trial { session, reader, writer, unsent: Unsent::default(), started };
        let began = Instant::now();
        trial.session.transport_connected(trial.now_ms(), credentials.clone());
        match trial.converse().await {
            Outcome::SignedIn => {
                let signed_in = began.elapsed();
                trial.leave().await;
                return Ok(Signed { opened, signed_in });
            }
            Outcome::Again(error) => last = error,
            Outcome::Failed(error) => {
                trial.leave().await;
                return Err(error);
            }
        }
        session = trial.session;
    }
    Err(last)
}

enum Outcome {
    SignedIn,
    /// With another version of MQTT; else for this reason.
    Again(TrialError),
    Failed(TrialError),
}

struct Trial {
    session: Session,
    reader: ReadHalf<ByteStream>,
    writer: WriteHalf<ByteStream>,
    unsent: Unsent,
    /// The zero of the session's clock.
    started: Instant,
}

impl Trial {
    async fn converse(&mut self) -> Outcome {
        let mut inbox = BytesMut::new();
        loop {
            if let Some(outcome) = self.drain() {
                return outcome;
            }
            let deadline =
                self.session.deadline().map_or_else(|| self.now_ms(), |at| at.max(self.now_ms()));
            let deadline = self.started + Duration::from_millis(deadline);
            let step = async {
                tokio::select! {
                    read = read(&mut self.reader, &mut inbox), if self.unsent.has_room() => {
                        read == Read::Bytes
                    }
                    written = self.unsent.write(&mut self.writer), if self.unsent.wants_write() => {
                        written
                    }
                }
            };
            match timeout_at(deadline.into(), step).await {
                Ok(true) => {
                    let bytes = inbox.split();
                    if !bytes.is_empty() {
                        self.session.handle_bytes(self.now_ms(), &bytes);
                    }
                }
                Ok(false) => self.session.transport_closed(self.now_ms()),
                Err(_) => self.session.handle_timeout(self.now_ms()),
            }
        }
    }

    /// Takes everything out of the session; `Some` when it is decided.
    fn drain(&mut self) -> Option<Outcome> {
        let mut outcome = None;
        while let Some(output) = self.session.poll() {
            let found = match output {
                Output::Transmit(bytes) => {
                    self.unsent.bytes.extend_from_slice(&bytes);
                    None
                }
                Output::CloseTransport => None,
                Output::Event(event) => self.judge(event),
            };
            outcome = outcome.or(found);
        }
        outcome
    }

    fn judge(&self, event: Event) -> Option<Outcome> {
        match event {
            Event::Connected { .. } => Some(Outcome::SignedIn),
            Event::Retry { .. } => Some(Outcome::Again(TrialError::Closed(CloseReason::Transport))),
            Event::Refused { reason, text } => {
                Some(Outcome::Failed(TrialError::Refused(reason, text)))
            }
            Event::SubscriptionRefused { .. } => Some(Outcome::Failed(TrialError::NotSubscribed)),
            Event::Closed { reason } => Some(Outcome::Failed(TrialError::Closed(reason))),
            Event::Unreadable { .. }
            | Event::Message { .. }
            | Event::Acked { .. }
            | Event::Dropped { .. } => None,
        }
    }

    async fn leave(mut self) {
        self.session.disconnect(self.now_ms());
        self.unsent.take(&mut self.session);
        self.unsent.finish(self.reader, self.writer).await;
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
