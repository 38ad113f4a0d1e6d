//! Allocations on relays (TURN): asked for when a connection may need them, shared by all
//! connections, and given back when none is left.
//!
//! UDP is tried first, on every address of every relay at once. TCP and TLS follow a moment later
//! where UDP has led to nothing by then, since they work for the others' networks as well but
//! deliver late what they deliver in order.
//!
//! A relay that falls silent is doubted, and the others are asked. Once one of them has given an
//! address in its place, the silent one is left, unless it answers in a moment: it may have been
//! the way to all of them that was broken.

mod failures;
mod stream;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tincan_link::{CandidateKind, LocalCandidate};
use tincan_relay::Transport;
use tincan_relay::request::Wanted;
use tincan_relay::turn_client::{Sent, TurnClient, TurnClientConfig, TurnEvent};
use tokio::sync::mpsc;

use crate::dial::Dialer;
use crate::ice_servers::TurnServer;
use crate::request::RelayFailure;
use crate::udp::UdpSockets;
use failures::Failures;
use stream::{Stream, StreamReport};

/// The most allocations at once, whatever the hub lists.
const MAX_RELAYS: usize = 8;

/// How many of them are kept for TCP and TLS, however many addresses are listed for UDP: where UDP
/// leads to nothing, they are what is left.
const FOR_STREAMS: usize = 4;

/// How long UDP is alone.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long allocations are kept although no connection is left: the next may follow.
const IDLE: Duration = Duration::from_secs(30);

/// How long a relay that is silent is kept beside one that was found in its place: it is asked
/// again in this time.
const LEAVE_AFTER: Duration = Duration::from_millis(750);

/// The first wait for an answer over UDP.
const RTO: Duration = Duration::from_millis(250);

/// Frames of all streams that wait to be looked at; beyond it the streams are not read.
const MAX_REPORTS: usize = 256;

/// All allocations.
#[derive(Debug)]
pub(crate) struct Relays {
    dialer: Option<Dialer>,
    servers: Vec<TurnServer>,
    /// Our own addresses when it was begun.
    hosts: Vec<SocketAddr>,
    relays: Vec<Relay>,
    next: u64,
    begun: Option<Instant>,
    streams_begun: bool,
    idle_since: Option<Instant>,
    reports: mpsc::Receiver<(u64, StreamReport)>,
    reports_in: mpsc::Sender<(u64, StreamReport)>,
    /// The report that ended a wait.
    arrived: Option<(u64, StreamReport)>,
    found: VecDeque<Found>,
    failures: Failures,
    scratch: Vec<u8>,
}

/// What became of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Peers may reach us here.
    Candidate(LocalCandidate, Transport),
    /// Not any more.
    Gone(SocketAddr),
}

#[derive(Debug)]
struct Relay {
    id: u64,
    way: Way,
    /// What the relay is asked with; on a stream once it is open.
    client: Option<TurnClient>,
    server: TurnServer,
    /// What has been announced.
    relayed: Vec<SocketAddr>,
    trust: Trust,
}

/// Whether a relay is thought to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It answers, or has not been asked for long.
    Sound,
    /// It has fallen silent: another is looked for beside it.
    Doubtful,
    /// Another was found, at this time.
    Replaced(Instant),
}

#[derive(Debug)]
enum Way {
    Udp(SocketAddr),
    Stream(Stream),
}

impl Default for Relays {
    fn default() -> Self {
        let (reports_in, reports) = mpsc::channel(MAX_REPORTS);
        Self {
            dialer: None,
            servers: Vec::new(),
            hosts: Vec::new(),
            relays: Vec::new(),
            next: 0,
            begun: None,
            streams_begun: false,
            idle_since: None,
            reports,
            reports_in,
            arrived: None,
            found: VecDeque::new(),
            failures: Failures::default(),
            scratch: Vec::new(),
        }
    }
}

impl Relays {
    /// What opens streams; without it only UDP is tried.
    pub(crate) fn set_dialer(&mut self, dialer: Dialer) {
        self.dialer = Some(dialer);
    }

    /// Which relays there are from now on. Allocations with an old credential stay as long as
    /// they last.
    pub(crate) fn set_servers(&mut self, servers: Vec<TurnServer>) {
        let moved = !servers.iter().map(place).eq(self.servers.iter().map(place));
        self.servers = servers;
        self.failures.keep(&self.servers);
        if moved && self.relays.is_empty() {
            self.begun = None;
        }
    }

    /// A connection may need them.
    pub(crate) fn begin(&mut self, now: Instant, hosts: &[SocketAddr]) {
        self.idle_since = None;
        self.hosts = hosts.to_vec();
        let is_hopeful = |relay: &Relay| relay.trust == Trust::Sound;
        if self.begun.is_some() && self.relays.iter().any(is_hopeful) {
            return;
        }
        self.ask_all(now);
    }

    /// Asks every relay over UDP that is not asked already.
    fn ask_all(&mut self, now: Instant) {
        (self.begun, self.streams_begun) = (Some(now), false);
        let hosts = &self.hosts;
        let reachable =
            |server: &SocketAddr| hosts.iter().any(|host| host.is_ipv4() == server.is_ipv4());
        let over_udp: Vec<(TurnServer, SocketAddr)> = self
            .servers
            .iter()
            .filter(|server| server.transport == Transport::Udp)
            .flat_map(|server| server.addresses.iter().map(move |at| (server.clone(), *at)))
            .filter(|(_, at)| reachable(at) && !self.is_server(*at))
            .collect();
        let room = (MAX_RELAYS - FOR_STREAMS).saturating_sub(self.relays.len());
        for (server, at) in over_udp.into_iter().take(room) {
            let client = client(&server, now);
            self.add(server, Way::Udp(at), client);
        }
        if !self.is_waiting() {
            self.begin_streams();
        }
    }

    /// Whether an answer may still come that brings an address.
    fn is_waiting(&self) -> bool {
        let is_over = |relay: &Relay| relay.client.as_ref().is_some_and(TurnClient::is_over);
        self.relays.iter().any(|relay| relay.relayed.is_empty() && !is_over(relay))
    }

    fn begin_streams(&mut self) {
        self.streams_begun = true;
        let Some(dialer) = self.dialer.clone() else { return };
        let is_asked = |server: &TurnServer| {
            self.relays.iter().any(|relay| place(&relay.server) == place(server))
        };
        let over_streams = (self.servers.iter())
            .filter(|server| server.transport != Transport::Udp && !is_asked(server));
        let room = MAX_RELAYS.saturating_sub(self.relays.len());
        for server in over_streams.take(room).cloned().collect::<Vec<_>>() {
            let stream = Stream::open(self.next, dialer.clone(), &server, self.reports_in.clone());
            self.add(server, Way::Stream(stream), None);
        }
    }

    fn add(&mut self, server: TurnServer, way: Way, client: Option<TurnClient>) {
        let id = self.next;
        self.next += 1;
        self.relays.push(Relay {
            id,
            way,
            client,
            server,
            relayed: Vec::new(),
            trust: Trust::Sound,
        });
    }

    /// What has been allocated, and how the relay is spoken to. Addresses on a relay that is in
    /// doubt are no way to us, unless there is no other.
    pub(crate) fn found(&self) -> Vec<(LocalCandidate, Transport)> {
        let offered = |relay: &&Relay| relay.trust == Trust::Sound || !self.is_replaceable(relay);
        self.relays.iter().filter(offered).flat_map(Relay::candidates).collect()
    }

    /// Whether sound relays have an address of each family that it has one of.
    fn is_replaceable(&self, relay: &Relay) -> bool {
        let sound = self.relays.iter().filter(|relay| relay.trust == Trust::Sound);
        let others: Vec<SocketAddr> = sound.flat_map(|sound| sound.relayed.clone()).collect();
        let has = |at: &SocketAddr| others.iter().any(|other| other.is_ipv4() == at.is_ipv4());
        relay.relayed.iter().all(has)
    }

    /// What has changed since.
    pub(crate) fn poll_found(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    /// Whether nothing more will be found for now.
    pub(crate) fn is_done(&self) -> bool {
        !self.is_waiting()
            && (self.streams_begun || self.begun.is_none() || !self.relays.is_empty())
    }

    /// Whether this is an address on a relay.
    pub(crate) fn holds(&self, address: SocketAddr) -> bool {
        self.relays.iter().any(|relay| relay.relayed.contains(&address))
    }

    /// Whether datagrams from there may be a relay's.
    pub(crate) fn is_server(&self, address: SocketAddr) -> bool {
        self.relays.iter().any(|relay| matches!(relay.way, Way::Udp(at) if at == address))
    }

    /// Takes a datagram of a relay: what a peer sent through it comes out.
    pub(crate) fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &'a [u8],
    ) -> Option<(SocketAddr, SocketAddr, &'a [u8])> {
        let is_from = |relay: &Relay| matches!(relay.way, Way::Udp(at) if at == from);
        let index = self.relays.iter().position(is_from)?;
        self.handle_message(now, index, bytes)
    }

    /// Takes what streams brought, if anything: what a peer sent comes out.
    pub(crate) fn handle_stream(
        &mut self,
        now: Instant,
    ) -> Option<Option<(SocketAddr, SocketAddr, Vec<u8>)>> {
        let (id, report) = self.arrived.take().or_else(|| self.reports.try_recv().ok())?;
        let Some(index) = self.relays.iter().position(|relay| relay.id == id) else {
            return Some(None);
        };
        Some(match report {
            StreamReport::Open => {
                let client = client(&self.relays[index].server, now);
                self.relays[index].client = client;
                None
            }
            StreamReport::Frame(frame) => self
                .handle_message(now, index, &frame)
                .map(|(relayed, peer, data)| (relayed, peer, data.to_vec())),
            StreamReport::Ended(reason) => {
                let Relay { server, relayed, .. } = &self.relays[index];
                let TurnServer { host, port, transport, .. } = server;
                if relayed.is_empty() {
                    tracing::info!(host, port, ?transport, reason, "no relay");
                } else {
                    tracing::debug!(reason, "a relay's connection ended");
                }
                self.note_failure(index, reason, now);
                self.remove(index, now);
                None
            }
        })
    }

    /// Waits until a stream has brought something.
    pub(crate) async fn ready(&mut self) {
        if self.arrived.is_none() {
            // It never ends: we hold a sender ourselves.
            self.arrived = self.reports.recv().await;
        }
    }

    fn handle_message<'a>(
        &mut self,
        now: Instant,
        index: usize,
        bytes: &'a [u8],
    ) -> Option<(SocketAddr, SocketAddr, &'a [u8])> {
        let client = self.relays.get_mut(index)?.client.as_mut()?;
        let data = client.handle(bytes, now).map(|from| (from.relayed, from.peer, from.data));
        self.take_events(index, now);
        data
    }

    fn take_events(&mut self, index: usize, now: Instant) {
        while let Some(event) = self.relays[index].client.as_mut().and_then(TurnClient::poll_event)
        {
            match event {
                TurnEvent::Allocated { relayed, .. } => {
                    let sound = self.relays.iter().filter(|relay| relay.trust == Trust::Sound);
                    let known: Vec<_> =
                        sound.flat_map(|relay| relay.relayed.iter().copied()).collect();
                    let new = |at: &SocketAddr| {
                        !known.iter().any(|other| other.is_ipv4() == at.is_ipv4())
                    };
                    if !relayed.iter().any(new) {
                        // Another relay was quicker: this one need not hold what nobody uses.
                        self.failures.forget(&self.relays[index].server);
                        if let Some(client) = &mut self.relays[index].client {
                            client.release(now);
                        }
                        return;
                    }
                    self.failures.forget(&self.relays[index].server);
                    self.relays[index].relayed.clone_from(&relayed);
                    let candidates = self.relays[index].candidates();
                    self.found
                        .extend(candidates.into_iter().map(|(at, way)| Found::Candidate(at, way)));
                    self.replace(now);
                }
                TurnEvent::Doubtful => {
                    let TurnServer { host, transport, .. } = &self.relays[index].server;
                    tracing::info!(host, ?transport, "the relay has fallen silent");
                    self.relays[index].trust = Trust::Doubtful;
                    self.ask_all(now);
                    self.replace(now);
                }
                TurnEvent::Believed => {
                    let TurnServer { host, transport, .. } = &self.relays[index].server;
                    tracing::info!(host, ?transport, "the relay answers again");
                    self.relays[index].trust = Trust::Sound;
                    // Connections that were begun meanwhile do not know it.
                    let candidates = self.relays[index].candidates();
                    self.found
                        .extend(candidates.into_iter().map(|(at, way)| Found::Candidate(at, way)));
                }
                TurnEvent::Failed(error) => {
                    let TurnServer { host, transport, .. } = &self.relays[index].server;
                    tracing::info!(host, ?transport, %error, "no relay");
                    self.note_failure(index, error.to_string(), now);
                    return self.remove(index, now);
                }
            }
        }
    }

    /// Keeps why one cannot be used, unless the same relay has given an address elsewhere.
    fn note_failure(&mut self, index: usize, reason: String, now: Instant) {
        let server = &self.relays[index].server;
        let works = self.relays.iter().enumerate().any(|(other, relay)| {
            other != index && place(&relay.server) == place(server) && !relay.relayed.is_empty()
        });
        if !works {
            self.failures.note(server, reason, now);
        }
    }

    /// Why relays could not be used the last time, of each that has not worked since.
    pub(crate) fn failures(&self, now: Instant) -> Vec<RelayFailure> {
        self.failures.list(now)
    }

    /// Notes which relays in doubt have others in their place.
    fn replace(&mut self, now: Instant) {
        for index in 0..self.relays.len() {
            let relay = &self.relays[index];
            let is_known = !relay.relayed.is_empty();
            if relay.trust == Trust::Doubtful && is_known && self.is_replaceable(relay) {
                self.relays[index].trust = Trust::Replaced(now);
            }
        }
    }

    /// Gives up the relays that stayed silent beside those in their place. They are asked again
    /// when those fall silent, too.
    fn leave_silent(&mut self, now: Instant) {
        for relay in &mut self.relays {
            if relay.leave_at().is_some_and(|at| at <= now) {
                let TurnServer { host, transport, .. } = &relay.server;
                tracing::info!(host, ?transport, "the silent relay is left");
                self.found.extend(relay.relayed.drain(..).map(Found::Gone));
                if let Some(client) = &mut relay.client {
                    client.release(now);
                }
            }
        }
    }

    fn remove(&mut self, index: usize, now: Instant) {
        let relay = self.relays.remove(index);
        let had_worked = !relay.relayed.is_empty();
        self.found.extend(relay.relayed.into_iter().map(Found::Gone));
        if !self.relays.is_empty() {
            return;
        }
        if had_worked {
            // The relay has forgotten it, perhaps: there may be another to be had.
            let hosts = std::mem::take(&mut self.hosts);
            self.begin(now, &hosts);
        } else if !self.streams_begun {
            self.begin_streams();
        }
    }

    /// Whether what was allocated is still there is asked at once.
    pub(crate) fn verify(&mut self, now: Instant) {
        for client in self.relays.iter_mut().filter_map(|relay| relay.client.as_mut()) {
            client.verify(now);
        }
    }

    /// No connection is left.
    pub(crate) fn is_idle_from(&mut self, now: Instant) {
        self.idle_since = Some(now);
    }

    /// Sends to a peer from an address on a relay. What finds no room is lost, as it might be on
    /// the way.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        udp: &UdpSockets,
    ) {
        let is_on = |relay: &&mut Relay| relay.relayed.contains(&from);
        let Some(relay) = self.relays.iter_mut().find(is_on) else { return };
        let Some(client) = &mut relay.client else { return };
        self.scratch.clear();
        match client.send(to, bytes, &mut self.scratch, now) {
            Sent::Written => relay.way.send(&self.scratch, udp),
            Sent::Queued => relay.flush(udp),
            Sent::NoWay => {}
        }
    }

    /// Sends what is to be sent.
    pub(crate) fn flush(&mut self, udp: &UdpSockets) {
        for relay in &mut self.relays {
            relay.flush(udp);
        }
        self.relays.retain(|relay| !relay.client.as_ref().is_some_and(TurnClient::is_over));
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let clients = self.relays.iter().filter_map(|relay| relay.client.as_ref()?.poll_timeout());
        let streams = self.begun.filter(|_| !self.streams_begun && self.found_nothing());
        let idle = self.idle_since.filter(|_| !self.relays.is_empty());
        let silent = self.relays.iter().filter_map(Relay::leave_at);
        clients
            .chain(silent)
            .chain(streams.map(|begun| begun + HEAD_START))
            .chain(idle.map(|since| since + IDLE))
            .min()
    }

    fn found_nothing(&self) -> bool {
        self.relays.iter().all(|relay| relay.relayed.is_empty() || relay.trust != Trust::Sound)
    }

    /// The time of [`Relays::deadline`] has come. `in_use` says whether there are connections.
    pub(crate) fn handle_timeout(&mut self, now: Instant, in_use: bool) {
        for index in (0..self.relays.len()).rev() {
            if let Some(client) = &mut self.relays[index].client
                && client.poll_timeout().is_some_and(|at| at <= now)
            {
                client.handle_timeout(now);
                self.take_events(index, now);
            }
        }
        self.leave_silent(now);
        let over = self.begun.is_some_and(|begun| begun + HEAD_START <= now);
        if over && !self.streams_begun && self.found_nothing() {
            self.begin_streams();
        }
        match (in_use, self.idle_since) {
            (true, _) => self.idle_since = None,
            (false, None) => self.idle_since = Some(now),
            (false, Some(since)) if since + IDLE <= now => self.release(now),
            (false, Some(_)) => {}
        }
    }

    /// Gives all back. Whether or not the relays hear it: after a change of our addresses they
    /// may know us under another.
    pub(crate) fn release(&mut self, now: Instant) {
        for relay in &mut self.relays {
            self.found.extend(relay.relayed.drain(..).map(Found::Gone));
            if let Some(client) = &mut relay.client {
                client.release(now);
            }
        }
        (self.begun, self.idle_since) = (None, None);
    }
}

impl Relay {
    /// When it is given up, if it stays silent.
    fn leave_at(&self) -> Option<Instant> {
        match self.trust {
            Trust::Replaced(since) => Some(since + LEAVE_AFTER),
            Trust::Sound | Trust::Doubtful => None,
        }
    }

    fn candidates(&self) -> Vec<(LocalCandidate, Transport)> {
        let transport = self.server.transport;
        self.relayed.iter().map(|at| (candidate(*at), transport)).collect()
    }

    fn flush(&mut self, udp: &UdpSockets) {
        let Some(client) = &mut self.client else { return };
        while let Some(bytes) = client.poll_transmit() {
            self.way.send(&bytes, udp);
        }
    }
}

impl Way {
    fn send(&self, bytes: &[u8], udp: &UdpSockets) {
        match self {
            Self::Udp(server) => udp.send_anywhere(*server, bytes),
            Self::Stream(stream) => stream.send(bytes),
        }
    }
}

/// A relayed address. It is its own base: the address it was asked for from is nobody's business.
fn candidate(addr: SocketAddr) -> LocalCandidate {
    LocalCandidate { addr, base: addr, kind: CandidateKind::Relayed }
}

/// Which server it is, whatever it is asked with.
fn place(server: &TurnServer) -> (Transport, &str, u16) {
    (server.transport, &server.host, server.port)
}

/// `None` where the system has no randomness to give.
fn client(server: &TurnServer, now: Instant) -> Option<TurnClient> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).ok()?;
    let config = TurnClientConfig {
        credential: server.login.clone(),
        wanted: Wanted::Both,
        transport: server.transport,
        rto: RTO,
    };
    Some(TurnClient::new(config, seed, now))
}

#[cfg(test)]
mod tests;
