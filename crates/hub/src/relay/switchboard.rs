//! The relay's rules under a lock, and the ways out of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tincan_relay::{
    Client, Families, Now, Output, RelayId, Secrets, Server, ToClient, ToPeer, Transport,
};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::place::Place;
use super::probes::Probes;
use super::trains::{Train, Trains, Way};
use super::udp_door::{BUFFER_BYTES, UdpDoor};
use super::unsent::Unsent;
use crate::clock::Clock;
use crate::tasks::Stopped;

/// Datagrams that one socket's turn takes, so that none starves another.
pub(super) const TURN: usize = 64;

thread_local! {
    /// A socket needs it only while it is read.
    static WORKING: RefCell<Turn> =
        RefCell::new(Turn { buffer: vec![0; BUFFER_BYTES], trains: Trains::default() });
}

/// What a thread works with while it passes on what there is to be read.
#[derive(Debug)]
pub(super) struct Turn {
    /// What datagrams are read into.
    pub(super) buffer: Vec<u8>,
    /// What is to leave.
    pub(super) trains: Trains,
}

/// Everything that has an end at the relay.
#[derive(Debug)]
pub(super) struct Switchboard {
    server: Mutex<Server>,
    clock: Clock,
    udp: UdpDoor,
    places: Mutex<Vec<Place>>,
    probes: Probes,
    streams: Mutex<HashMap<u64, Unsent>>,
    sockets: Mutex<HashMap<RelayId, PeerSocket>>,
    /// The time of the next end has changed.
    timer: Notify,
    /// What it is now; changes while the rules are locked.
    next_end_ms: AtomicU64,
}

/// There is no end to come.
const NO_END: u64 = u64::MAX;

/// A socket for the peers of one allocation.
#[derive(Debug)]
struct PeerSocket {
    socket: Arc<UdpDoor>,
    task: AbortHandle,
}

impl Drop for PeerSocket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Switchboard {
    pub(super) fn new(
        server: Server,
        clock: Clock,
        udp: UdpDoor,
        places: Vec<Place>,
        probes: Probes,
    ) -> Self {
        Self {
            server: Mutex::new(server),
            clock,
            udp,
            places: Mutex::new(places),
            probes,
            streams: Mutex::default(),
            sockets: Mutex::default(),
            timer: Notify::new(),
            next_end_ms: AtomicU64::new(NO_END),
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<u64, Unsent>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<RelayId, PeerSocket>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { ms: self.clock.now_ms(), unix_seconds: unix.as_secs() }
    }

    pub(super) fn allocations(&self) -> usize {
        self.server().allocations()
    }

    pub(super) fn set_secrets(&self, secrets: Secrets) {
        self.server().set_secrets(secrets);
    }

    /// New allocations are made at these places from now on.
    pub(super) fn set_places(&self, places: Vec<Place>, families: Families) {
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places;
        self.server().set_families(families);
    }

    pub(super) fn set_own_addresses(&self, addresses: Vec<IpAddr>) {
        self.server().set_own_addresses(addresses);
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The socket of clients over UDP.
    pub(super) fn udp(&self) -> &UdpDoor {
        &self.udp
    }

    /// Works with what this thread has for it, and lets what has been put together leave.
    pub(super) fn turn<R>(&self, work: impl FnOnce(&mut Turn) -> R) -> R {
        WORKING.with_borrow_mut(|turn| {
            let outcome = work(turn);
            turn.trains.depart(|train| self.depart(train));
            outcome
        })
    }

    /// Takes what a client said. [`settle`](Self::settle) follows.
    pub(super) fn take_from_client(
        &self,
        now: Now,
        client: &Client,
        bytes: &[u8],
        trains: &mut Trains,
    ) {
        let to_peer = self.server().handle_client(now, client, bytes);
        if let Some(to_peer) = to_peer {
            self.to_peer(now, &to_peer, trains);
        }
    }

    /// Takes what a client said at a socket of [`Probes`], or with the wish to be answered by one.
    pub(super) fn take_probe(
        &self,
        now: Now,
        here: &UdpDoor,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
    ) {
        let answer = self.server().handle_probe(now, remote, bytes);
        if let Some((from, answer)) = answer {
            self.probes.send(from, here, local.ip(), remote, &answer);
        }
    }

    pub(super) fn probes(&self) -> &Probes {
        &self.probes
    }

    fn to_peer(&self, now: Now, to: &ToPeer<'_>, trains: &mut Trains) {
        let ToPeer { relay, peer, own, data } = *to;
        match own {
            Some((relay, from)) => self.take_from_peer(now, relay, from, data, trains),
            None => {
                let way = Way::ToPeer { from: relay, to: peer };
                let write = |out: &mut Vec<u8>| out.extend_from_slice(data);
                trains.add(way, data.len(), write, |train| self.depart(train));
            }
        }
    }

    /// Takes what a peer sent to an allocation.
    fn take_from_peer(
        &self,
        now: Now,
        relay: RelayId,
        peer: SocketAddr,
        data: &[u8],
        trains: &mut Trains,
    ) {
        let to_client = self.server().handle_peer(now, relay, peer, data.len());
        let Some(to_client) = to_client else { return };
        let ToClient { client, prefix, padding } = to_client;
        let len = prefix.as_bytes().len() + data.len() + padding;
        let write = |out: &mut Vec<u8>| to_client.append_to(out, data);
        match client.transport {
            Transport::Udp => {
                let way = Way::ToClient { from: client.local.ip(), to: client.remote };
                trains.add(way, len, write, |train| self.depart(train));
            }
            Transport::Tcp | Transport::Tls => {
                let mut message = Vec::with_capacity(len);
                write(&mut message);
                self.to_client(&client, &message);
            }
        }
    }

    /// A full buffer or an unreachable receiver loses it, as the network might.
    fn depart(&self, Train { way, segment, bytes }: &Train) {
        match *way {
            Way::ToClient { from, to } => self.udp.send_train(from, to, bytes, *segment),
            Way::ToPeer { from, to } => {
                let socket = self.sockets().get(&from).map(|peers| Arc::clone(&peers.socket));
                if let Some(socket) = socket {
                    // It is bound to the one address that it has.
                    socket.send_train(Ipv4Addr::UNSPECIFIED.into(), to, bytes, *segment);
                }
            }
        }
    }

    fn to_client(&self, client: &Client, message: &[u8]) {
        match client.transport {
            Transport::Udp => {
                self.udp.send(client.local.ip(), client.remote, message);
            }
            Transport::Tcp | Transport::Tls => {
                if let Some(stream) = self.streams().get(&client.connection) {
                    // A client that does not read loses it.
                    stream.push(message);
                }
            }
        }
    }

    /// A client has connected, to whom this leads.
    pub(super) fn stream_opened(&self, connection: u64, unsent: Unsent) {
        self.streams().insert(connection, unsent);
    }

    /// A client's connection is over.
    pub(super) fn stream_closed(self: &Arc<Self>, client: &Client) {
        self.streams().remove(&client.connection);
        let now = self.now();
        self.server().client_gone(now, client);
        self.settle(now);
    }

    pub(super) fn has_allocation(&self, client: &Client) -> bool {
        self.server().has_allocation(client)
    }

    /// Does what the rules want done.
    pub(super) fn settle(self: &Arc<Self>, now: Now) {
        loop {
            // The lock is not held while it is done.
            match self.next_output() {
                None => return,
                Some(Output::Send { client, message }) => self.to_client(&client, &message),
                Some(Output::Open { relay, even_port }) => self.open(now, relay, even_port),
                Some(Output::Close(relay)) => drop(self.sockets().remove(&relay)),
                Some(Output::Hangup(client)) => drop(self.streams().remove(&client.connection)),
            }
        }
    }

    /// What the rules want done next. When it is nothing, who waits for the next end is told if
    /// that is another one now: seldom, beside all that is relayed.
    fn next_output(&self) -> Option<Output> {
        let mut server = self.server();
        let output = server.poll_output();
        if output.is_none() {
            let next = server.poll_timeout().unwrap_or(NO_END);
            if self.next_end_ms.swap(next, Ordering::Relaxed) != next {
                self.timer.notify_one();
            }
        }
        output
    }

    fn open(self: &Arc<Self>, now: Now, relay: RelayId, even_port: bool) {
        match self.bind(relay, even_port) {
            Ok((socket, address)) => {
                let socket = Arc::new(socket);
                let serving = serve_peers(Arc::clone(self), relay, Arc::clone(&socket));
                let task = tokio::spawn(serving).abort_handle();
                self.sockets().insert(relay, PeerSocket { socket, task });
                self.server().opened(now, relay, address);
            }
            Err(error) => {
                tracing::warn!(%error, "no socket for an allocation");
                self.server().failed(now, relay);
            }
        }
    }

    /// A socket and what peers know it as.
    fn bind(&self, relay: RelayId, even_port: bool) -> io::Result<(UdpDoor, SocketAddr)> {
        let is_v4 = relay.family() == tincan_relay::Family::V4;
        let places = self.places();
        let place = places.iter().find(|place| place.public.is_ipv4() == is_v4);
        let place = place.ok_or(io::ErrorKind::AddrNotAvailable)?;
        let (socket, port) = place.bind(even_port)?;
        socket.set_nonblocking(true)?;
        let door = UdpDoor::new(UdpSocket::from_std(socket)?)?;
        Ok((door, SocketAddr::new(place.public, port)))
    }

    fn peer_socket_failed(self: &Arc<Self>, relay: RelayId) {
        let now = self.now();
        self.server().failed(now, relay);
        self.settle(now);
    }

    /// Ends what is over, when it is over.
    pub(super) async fn keep_time(self: Arc<Self>, mut stopped: Stopped) {
        /// The longest sleep, when there is nothing to wait for.
        const LONG: Duration = Duration::from_secs(3600);
        loop {
            let next = self.server().poll_timeout();
            let wait = next
                .map_or(LONG, |at| Duration::from_millis(at.saturating_sub(self.clock.now_ms())));
            tokio::select! {
                () = stopped.requested() => return,
                () = self.timer.notified() => continue,
                () = tokio::time::sleep(wait) => {}
            }
            let now = self.now();
            self.server().handle_timeout(now);
            self.settle(now);
        }
    }

    /// Closes all sockets but the listening ones.
    pub(super) fn close(&self) {
        self.streams().clear();
        self.sockets().clear();
    }
}

/// Reads what peers send to one allocation, until it is aborted.
async fn serve_peers(board: Arc<Switchboard>, relay: RelayId, socket: Arc<UdpDoor>) {
    loop {
        if let Err(error) = socket.readable().await {
            tracing::debug!(%error, "a relayed socket failed");
            return board.peer_socket_failed(relay);
        }
        let now = board.now();
        board.turn(|Turn { buffer, trains }| {
            let mut taken = 0;
            while taken < TURN {
                let received = socket.receive(buffer, |_, peer, bytes| {
                    board.take_from_peer(now, relay, peer, bytes, trains);
                    taken += 1;
                });
                match received {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    // A peer that is not there any more says so by ICMP.
                    Err(_) => taken += 1,
                }
            }
        });
        tokio::task::yield_now().await;
    }
}
