//! Requests and their answers: authentication (RFC 8489 §9.2) and repetition (§6.2).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::TurnError;
use super::numbers::Numbers;
use crate::channel_data::ChannelNumber;
use crate::client::Transport;
use crate::credential::Credential;
use crate::message::attribute::{NONCE, REALM};
use crate::message::{Builder, Class, Message, Method, Transaction};
use crate::request::{self, Signature, Wanted};

/// Repetitions of a request over UDP: with the wait after the last, 63 times the first.
const TRIES: u32 = 6;
/// A server is asked so often after an allocation before the waits grow: a lost datagram or two
/// must not make it doubtful, and somebody may be waiting to hear that it is. When the wait after
/// the last of them is over, it is in doubt.
const QUICK_TRIES: u32 = 3;
/// The wait for an answer on a stream.
const STREAM_PATIENCE: Duration = Duration::from_secs(8);
/// The wait on a stream after which a server is in doubt: TCP has sent a lost segment again by
/// then, unless more were lost.
const STREAM_DOUBT: Duration = Duration::from_secs(2);
/// How often one request may be challenged anew: first for realm and nonce, then for a nonce that
/// went stale on the way.
const MAX_CHALLENGES: u32 = 3;
/// Requests without an answer; a server that answers none is not asked more.
const MAX_PENDING: usize = 64;
/// The lifetime that is asked for: servers give 10 minutes anyway (RFC 8656 §3.2).
const LIFETIME_SECONDS: u32 = 600;
/// The longest realm and nonce (RFC 8489 §14.9, §14.10: fewer than 128 characters).
const MAX_TEXT_BYTES: usize = 763;

/// What is asked of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Allocate(Wanted),
    /// Prolongs the allocation.
    Refresh,
    /// Ends it.
    Release,
    Permission(Vec<SocketAddr>),
    Channel {
        peer: SocketAddr,
        number: ChannelNumber,
    },
}

impl Request {
    fn method(&self) -> Method {
        match self {
            Self::Allocate(_) => Method::Allocate,
            Self::Refresh | Self::Release => Method::Refresh,
            Self::Permission(_) => Method::CreatePermission,
            Self::Channel { .. } => Method::ChannelBind,
        }
    }

    fn message(&self, transaction: Transaction) -> Builder {
        match self {
            Self::Allocate(wanted) => request::allocate(transaction, *wanted),
            Self::Refresh => request::refresh(transaction, LIFETIME_SECONDS),
            Self::Release => request::refresh(transaction, 0),
            Self::Permission(peers) => request::create_permission(transaction, peers),
            Self::Channel { peer, number } => request::bind_channel(transaction, *number, *peer),
        }
    }
}

/// What an answer of the server was.
#[derive(Debug)]
pub(super) enum Answer {
    /// To nothing that was asked, or forged.
    None,
    /// A challenge: send this.
    Again(Vec<u8>),
    Granted(Request),
    Refused(Request, TurnError),
}

/// What a deadline led to.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) again: Vec<Vec<u8>>,
    pub(super) given_up: Vec<Request>,
    /// Whether the server is silent about the allocation.
    pub(super) doubtful: bool,
}

#[derive(Debug)]
struct Pending {
    request: Request,
    transaction: Transaction,
    bytes: Vec<u8>,
    tries: u32,
    due: Instant,
    challenges: u32,
}

impl Pending {
    /// How often the wait has doubled.
    fn doublings(&self) -> u32 {
        match self.request {
            Request::Refresh => self.tries.saturating_sub(QUICK_TRIES),
            _ => self.tries - 1,
        }
    }
}

#[derive(Debug)]
pub(super) struct Exchange {
    credential: Credential,
    transport: Transport,
    rto: Duration,
    numbers: Numbers,
    signature: Option<Signature>,
    pending: Vec<Pending>,
}

impl Exchange {
    pub(super) fn new(
        credential: Credential,
        transport: Transport,
        rto: Duration,
        seed: [u8; 32],
    ) -> Self {
        let numbers = Numbers::new(seed);
        Self { credential, transport, rto, numbers, signature: None, pending: Vec::new() }
    }

    pub(super) fn transaction(&mut self) -> Transaction {
        self.numbers.next()
    }

    /// What to send; the request back if too many wait for their answers.
    pub(super) fn ask(&mut self, request: Request, now: Instant) -> Result<Vec<u8>, Request> {
        if self.pending.len() >= MAX_PENDING {
            return Err(request);
        }
        Ok(self.send(request, 0, now))
    }

    fn send(&mut self, request: Request, challenges: u32, now: Instant) -> Vec<u8> {
        let transaction = self.transaction();
        let message = request.message(transaction);
        let bytes = match &self.signature {
            None => message.finish(),
            Some(signature) => signature.sign(message),
        };
        let wait = match (self.transport.is_stream(), &request) {
            (true, Request::Refresh) => STREAM_DOUBT,
            (true, _) => STREAM_PATIENCE,
            (false, _) => self.rto,
        };
        self.pending.push(Pending {
            request,
            transaction,
            bytes: bytes.clone(),
            tries: 1,
            due: now + wait,
            challenges,
        });
        bytes
    }

    pub(super) fn answered(&mut self, message: &Message<'_>, now: Instant) -> Answer {
        let is_answered = |pending: &Pending| {
            pending.transaction == message.transaction()
                && pending.request.method() == message.method()
        };
        let Some(index) = self.pending.iter().position(is_answered) else { return Answer::None };
        if message.class() == Class::Success {
            let signature = self.signature.as_ref();
            if !signature.is_some_and(|signature| message.verify(signature.key())) {
                return Answer::None;
            }
            return Answer::Granted(self.pending.swap_remove(index).request);
        }
        let (code, reason) = message.error().unwrap_or_default();
        let was_signed = self.signature.is_some();
        let Pending { request, challenges, .. } = self.pending.swap_remove(index);
        let is_challenge = code == 438 || (code == 401 && !was_signed);
        if is_challenge && challenges < MAX_CHALLENGES && self.learn(message) {
            return Answer::Again(self.send(request, challenges + 1, now));
        }
        Answer::Refused(request, refusal(code, reason))
    }

    /// Takes realm and nonce; `false` if the message lacks them.
    fn learn(&mut self, message: &Message<'_>) -> bool {
        let fits = |text: &&[u8]| text.len() <= MAX_TEXT_BYTES;
        let Some(nonce) = message.find(NONCE).filter(fits) else { return false };
        let realm = message.find(REALM).filter(fits).map(std::str::from_utf8);
        match (realm, &mut self.signature) {
            (Some(Ok(realm)), signature) => {
                *signature = Some(Signature::new(&self.credential, realm, nonce));
            }
            (None, Some(signature)) => signature.set_nonce(nonce),
            (Some(Err(_)), _) | (None, None) => return false,
        }
        true
    }

    /// Whether the answer to such a request is waited for.
    pub(super) fn is_asking(&self, request: &Request) -> bool {
        self.pending.iter().any(|pending| pending.request == *request)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pending.iter().map(|pending| pending.due).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        let (stream, rto) = (self.transport.is_stream(), self.rto);
        self.pending.retain_mut(|pending| {
            if pending.due > now {
                return true;
            }
            let asks_after = pending.request == Request::Refresh;
            due.doubtful |= asks_after && (stream || pending.tries >= QUICK_TRIES);
            if stream && asks_after && pending.tries == 1 {
                // Nothing is sent again on a stream, but the answer may still come.
                pending.tries += 1;
                pending.due = now + STREAM_PATIENCE - STREAM_DOUBT;
                return true;
            }
            if stream || pending.tries >= TRIES {
                due.given_up.push(pending.request.clone());
                return false;
            }
            due.again.push(pending.bytes.clone());
            pending.tries += 1;
            pending.due = now + rto * (1 << pending.doublings());
            true
        });
        due
    }
}

fn refusal(code: u16, reason: &str) -> TurnError {
    match code {
        401 | 431 | 438 | 441 => TurnError::Credential,
        486 | 508 => TurnError::Full(code),
        300..=699 => TurnError::Refused(code, reason.chars().take(100).collect()),
        _ => TurnError::Nonsense,
    }
}
