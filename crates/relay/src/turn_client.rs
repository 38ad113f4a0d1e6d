//! The other side: a client's allocation on any TURN server (RFC 8656), sans-IO.
//!
//! The owner carries bytes between [`TurnClient`] and the server, over whatever transport, and hands
//! in the time; what comes out of [`TurnClient::poll_transmit`] goes to the server in that order.
//!
//! What is sent to a peer goes at once, behind the request that lets the peer answer: on most
//! paths both arrive in this order, and who sends again, as ICE does, loses nothing on the
//! others. A peer that has been heard gets a channel, which costs 4 bytes a datagram instead of
//! 36 or more.

mod exchange;
mod numbers;
mod peers;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::address::Family;
use crate::channel_data;
use crate::client::Transport;
use crate::credential::Credential;
use crate::message::attribute::{
    DATA, LIFETIME, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use crate::message::{Class, Message, Method};
use crate::request::{self, Wanted};
use exchange::{Answer, Exchange, Request};
use peers::{Peers, Permit};

/// What a server gives where it does not say (RFC 8656 §3.2).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);

/// An allocation is prolonged no more often, whatever lifetime a server gives.
const LEAST_REFRESH: Duration = Duration::from_secs(15);

/// The wait before a server that did not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// The most relayed addresses that are taken: one of each family.
const MAX_RELAYED: usize = 2;

/// How a client is to behave.
#[derive(Clone, Debug)]
pub struct TurnClientConfig {
    /// Name and password, as `POST /ice` gives them.
    pub credential: Credential,
    /// Which addresses are asked for.
    pub wanted: Wanted,
    /// How the server is reached: on a stream nothing is repeated, and ChannelData is padded.
    pub transport: Transport,
    /// Wait before a request is repeated the first time; each further wait is twice as long.
    pub rto: Duration,
}

/// What happened to an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// It is there: peers reach the client at these addresses, one of each family.
    Allocated {
        /// The addresses on the relay.
        relayed: Vec<SocketAddr>,
        /// The client's own address as the server sees it.
        mapped: Option<SocketAddr>,
    },
    /// It is there as far as anybody knows, but the server leaves the question unanswered that
    /// prolongs it: the way there is broken, or the server is gone. Told once each time that the
    /// server falls silent; what it was asked for stays until its lifetime is over.
    Doubtful,
    /// The server has answered after all.
    Believed,
    /// There is none, or none any more. Nothing more comes of this client.
    Failed(TurnError),
}

/// Why there is no allocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// No answer in time.
    #[error("the relay does not answer")]
    Silence,
    /// Name and password are not taken: they have expired, or belong to another relay.
    #[error("the relay does not take the credential: it has expired, or is another relay's")]
    Credential,
    /// The quota of the credential or of the address is used up, or the relay is full.
    #[error("the relay is full, or this user's share of it is used up ({0})")]
    Full(u16),
    /// It refuses for another reason.
    #[error("the relay refuses ({0} {1})")]
    Refused(u16, String),
    /// What it says makes no sense.
    #[error("the relay's answer makes no sense")]
    Nonsense,
}

/// Data of a peer, within the bytes that were handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromPeer<'a> {
    /// Who sent it.
    pub peer: SocketAddr,
    /// The relayed address that it was sent to.
    pub relayed: SocketAddr,
    /// It.
    pub data: &'a [u8],
}

/// What became of data for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It stands in the owner's buffer, ready for the server.
    Written,
    /// It comes out of [`TurnClient::poll_transmit`].
    Queued,
    /// There is no way: no allocation of that family, or more peers than are kept.
    NoWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Allocating,
    Allocated { refresh_at: Instant, expires: Instant },
    Over,
}

/// One allocation on one server.
#[derive(Debug)]
pub struct TurnClient {
    wanted: Wanted,
    transport: Transport,
    state: State,
    exchange: Exchange,
    relayed: Vec<SocketAddr>,
    peers: Peers,
    events: VecDeque<TurnEvent>,
    transmits: VecDeque<Vec<u8>>,
    /// Whether the owner was told that the server is silent.
    doubtful: bool,
    /// The server had an allocation of our address from an earlier time, and was told to end it.
    cleared: bool,
}

impl TurnClient {
    /// Asks for an allocation. `seed` is random: from it come the numbers that tell answers from
    /// forgeries.
    #[must_use]
    pub fn new(config: TurnClientConfig, seed: [u8; 32], now: Instant) -> Self {
        let mut client = Self {
            wanted: config.wanted,
            transport: config.transport,
            state: State::Allocating,
            exchange: Exchange::new(config.credential, config.transport, config.rto, seed),
            relayed: Vec::new(),
            peers: Peers::default(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            doubtful: false,
            cleared: false,
        };
        client.ask(Request::Allocate(client.wanted), now);
        client
    }

    /// The relayed addresses; empty unless there is an allocation.
    #[must_use]
    pub fn relayed(&self) -> &[SocketAddr] {
        &self.relayed
    }

    /// Whether it has failed or was released.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<TurnEvent> {
        self.events.pop_front()
    }

    /// The next message for the server.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let refresh = match self.state {
            State::Allocating => None,
            State::Allocated { refresh_at, .. } => Some(refresh_at),
            State::Over => return None,
        };
        [refresh, self.exchange.deadline(), self.peers.deadline()].into_iter().flatten().min()
    }

    /// Repeats, prolongs and gives up what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_over() {
            return;
        }
        let due = self.exchange.handle_timeout(now);
        self.transmits.extend(due.again);
        if due.doubtful && !std::mem::replace(&mut self.doubtful, true) {
            self.events.push_back(TurnEvent::Doubtful);
        }
        for request in due.given_up {
            self.conclude(request, Err(TurnError::Silence), now);
        }
        if let State::Allocated { refresh_at, expires } = self.state
            && refresh_at <= now
        {
            self.state = State::Allocated { refresh_at: now + DEFAULT_LIFETIME, expires };
            self.ask(Request::Refresh, now);
        }
        for request in self.peers.due(now) {
            self.ask(request, now);
        }
    }

    /// Asks at once whether the allocation is still there: something seems to be wrong.
    pub fn verify(&mut self, now: Instant) {
        if let State::Allocated { refresh_at, .. } = &mut self.state
            && !self.exchange.is_asking(&Request::Refresh)
        {
            *refresh_at = now;
        }
    }

    /// Takes a message of the server: a datagram, or a frame of a stream.
    pub fn handle<'a>(&mut self, bytes: &'a [u8], now: Instant) -> Option<FromPeer<'a>> {
        if self.is_over() {
            return None;
        }
        if let Some((number, data)) = request::parse_channel_data(bytes, self.transport) {
            let peer = self.peers.of_channel(number, now)?;
            return Some(FromPeer { peer, relayed: self.relayed_for(peer)?, data });
        }
        let message = Message::parse(bytes).ok()?;
        match (message.class(), message.method()) {
            (Class::Indication, Method::Data) => {
                let peer = message.address(XOR_PEER_ADDRESS).ok()??;
                let data = message.find(DATA)?;
                let relayed = self.relayed_for(peer)?;
                if let Some(request) = self.peers.heard(peer, now) {
                    self.ask(request, now);
                }
                Some(FromPeer { peer, relayed, data })
            }
            (Class::Success | Class::Error, _) => {
                match self.exchange.answered(&message, now) {
                    Answer::Again(bytes) => self.transmits.push_back(bytes),
                    Answer::Granted(request) => self.granted(request, &message, now),
                    Answer::Refused(request, error) => self.conclude(request, Err(error), now),
                    Answer::None => {}
                }
                None
            }
            _ => None,
        }
    }

    /// Sends `data` to a peer: where there is a channel, what is to go to the server is written
    /// behind `out`.
    pub fn send(&mut self, peer: SocketAddr, data: &[u8], out: &mut Vec<u8>, now: Instant) -> Sent {
        if self.relayed_for(peer).is_none() {
            return Sent::NoWay;
        }
        if let Some(number) = self.peers.channel_to(peer, now) {
            let whole = channel_data::append(out, number, data, self.transport);
            return if whole { Sent::Written } else { Sent::NoWay };
        }
        match self.peers.permit(peer, now) {
            Permit::Asked => {}
            Permit::Ask(request) => self.ask(request, now),
            Permit::TooMany => return Sent::NoWay,
        }
        let transaction = self.exchange.transaction();
        self.transmits.push_back(request::send(transaction, peer, data));
        Sent::Queued
    }

    /// Gives the allocation back: one more message is to be sent, and its answer need not be
    /// waited for.
    pub fn release(&mut self, now: Instant) {
        if matches!(self.state, State::Allocated { .. }) {
            self.ask(Request::Release, now);
        }
        self.end();
    }

    fn end(&mut self) {
        self.state = State::Over;
        self.relayed.clear();
        self.peers = Peers::default();
    }

    fn ask(&mut self, request: Request, now: Instant) {
        match self.exchange.ask(request, now) {
            Ok(bytes) => self.transmits.push_back(bytes),
            // So many unanswered that one more would not be answered either.
            Err(request) => self.conclude(request, Err(TurnError::Silence), now),
        }
    }

    /// The relayed address of a peer's family.
    fn relayed_for(&self, peer: SocketAddr) -> Option<SocketAddr> {
        self.relayed.iter().copied().find(|relayed| relayed.is_ipv4() == peer.is_ipv4())
    }

    fn granted(&mut self, request: Request, message: &Message<'_>, now: Instant) {
        let result = match &request {
            Request::Allocate(_) => self.allocated(message),
            _ => Ok(()),
        };
        if matches!(request, Request::Allocate(_) | Request::Refresh) && result.is_ok() {
            let seconds = message.number(LIFETIME).ok().flatten().map(u64::from);
            let lifetime = seconds.map_or(DEFAULT_LIFETIME, Duration::from_secs);
            let refresh_at = now + refresh_after(lifetime);
            self.state = State::Allocated { refresh_at, expires: now + lifetime };
            if std::mem::take(&mut self.doubtful) {
                self.events.push_back(TurnEvent::Believed);
            }
        }
        self.conclude(request, result, now);
    }

    fn allocated(&mut self, message: &Message<'_>) -> Result<(), TurnError> {
        let addresses = message.addresses(XOR_RELAYED_ADDRESS).take(MAX_RELAYED);
        let relayed: Vec<_> = addresses.collect::<Result<_, _>>().unwrap_or_default();
        if relayed.is_empty() {
            return Err(TurnError::Nonsense);
        }
        let mapped = message.address(XOR_MAPPED_ADDRESS).ok().flatten();
        self.relayed.clone_from(&relayed);
        self.events.push_back(TurnEvent::Allocated { relayed, mapped });
        Ok(())
    }

    fn lives_at(&self, time: Instant) -> bool {
        matches!(self.state, State::Allocated { expires, .. } if time < expires)
    }

    /// What a request led to.
    fn conclude(&mut self, request: Request, result: Result<(), TurnError>, now: Instant) {
        match (request, result) {
            // The server does not know the allocation any more: it was started again, perhaps.
            (
                Request::Permission(_) | Request::Channel { .. } | Request::Refresh,
                Err(error @ (TurnError::Credential | TurnError::Refused(437, _))),
            ) => {
                self.end();
                self.events.push_back(TurnEvent::Failed(error));
            }
            // It lives until its time is over, whether or not we are heard meanwhile.
            (Request::Refresh, Err(TurnError::Silence)) if self.lives_at(now + ASK_AGAIN) => {
                if let State::Allocated { refresh_at, .. } = &mut self.state {
                    *refresh_at = now + ASK_AGAIN;
                }
            }
            // Our address had one before, of which we know nothing any more (RFC 8656 §7.2).
            (Request::Allocate(wanted), Err(TurnError::Refused(437, _))) if !self.cleared => {
                self.cleared = true;
                self.wanted = wanted;
                self.ask(Request::Release, now);
            }
            (Request::Release, _) if self.state == State::Allocating => {
                self.ask(Request::Allocate(self.wanted), now);
            }
            (Request::Permission(peers), Err(_)) => self.peers.permission_refused(&peers),
            (Request::Channel { peer, .. }, Ok(())) => self.peers.channel_granted(peer),
            (Request::Channel { peer, .. }, Err(_)) => self.peers.channel_refused(peer),
            // An old server that stumbles over two wanted may know one.
            (Request::Allocate(Wanted::Both), Err(TurnError::Refused(400 | 420 | 440, _))) => {
                self.ask(Request::Allocate(Wanted::One(Family::V4)), now);
            }
            (Request::Allocate(_) | Request::Refresh, Err(error)) => {
                self.end();
                self.events.push_back(TurnEvent::Failed(error));
            }
            (Request::Permission(_), Ok(()))
            | (Request::Release, _)
            | (Request::Allocate(_) | Request::Refresh, Ok(())) => {}
        }
    }
}

fn refresh_after(lifetime: Duration) -> Duration {
    (lifetime * 3 / 4).max(LEAST_REFRESH).min(DEFAULT_LIFETIME)
}
