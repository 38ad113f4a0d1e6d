//! The relay's rules under a lock, and the ways out of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tincan_relay::{
    Client, Families, MAX_PREFIX_BYTES, Now, Output, RelayId, Secrets, Server, ToPeer, Transport,
};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::place::Place;
use super::probes::Probes;
use super::udp_door::UdpDoor;
use super::unsent::Unsent;
use crate::clock::Clock;
use crate::tasks::Stopped;

/// The largest datagram, and room for what goes before and behind it.
const BUFFER_BYTES: usize = MAX_PREFIX_BYTES + 65_536 + 4;

/// Datagrams that one socket's turn takes, so that none starves another.
pub(super) const TURN: usize = 64;

thread_local! {
    /// What datagrams are read into. A socket needs it only while it is read.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// Lends the thread's buffer.
pub(super) fn with_buffer<R>(use_it: impl FnOnce(&mut [u8]) -> R) -> R {
    BUFFER.with_borrow_mut(|buffer| use_it(buffer))
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
}

/// A socket for the peers of one allocation.
#[derive(Debug)]
struct PeerSocket {
    socket: Arc<UdpSocket>,
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

    /// Takes what a client said. [`settle`](Self::settle) follows.
    pub(super) fn take_from_client(&self, now: Now, client: &Client, bytes: &[u8]) {
        let to_peer = self.server().handle_client(now, client, bytes);
        if let Some(to_peer) = to_peer {
            self.to_peer(now, &to_peer);
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

    fn to_peer(&self, now: Now, to: &ToPeer<'_>) {
        if let Some((relay, from)) = to.own {
            let to_client = self.server().handle_peer(now, relay, from, to.data.len());
            if let Some(to_client) = to_client {
                let mut message = Vec::with_capacity(MAX_PREFIX_BYTES + to.data.len() + 4);
                to_client.append_to(&mut message, to.data);
                self.to_client(&to_client.client, &message);
            }
            return;
        }
        let socket = self.sockets().get(&to.relay).map(|peers| Arc::clone(&peers.socket));
        if let Some(socket) = socket {
            // A full buffer or an unreachable peer loses it, as the network might.
            let _lost = socket.try_send_to(to.data, to.peer);
        }
    }

    /// Takes `len` bytes that a peer sent to an allocation, behind the room for a prefix.
    fn take_from_peer(
        &self,
        now: Now,
        relay: RelayId,
        peer: SocketAddr,
        buffer: &mut [u8],
        len: usize,
    ) {
        let to_client = self.server().handle_peer(now, relay, peer, len);
        let Some(to_client) = to_client else { return };
        if let Some(message) = to_client.frame_in(buffer, MAX_PREFIX_BYTES, len) {
            self.to_client(&to_client.client, message);
        }
    }

    fn to_client(&self, client: &Client, message: &[u8]) {
        match client.transport {
            Transport::Udp => {
                self.udp.send(client.local.ip(), client.remote, message);
            }
            Transport::Tcp | Transport::Tls => {
                if let Some(stream) = self.streams().get(&client.connection) {
                    // So does a client that does not read.
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
            let output = self.server().poll_output();
            match output {
                None => break,
                Some(Output::Send { client, message }) => self.to_client(&client, &message),
                Some(Output::Open { relay, even_port }) => self.open(now, relay, even_port),
                Some(Output::Close(relay)) => drop(self.sockets().remove(&relay)),
                Some(Output::Hangup(client)) => drop(self.streams().remove(&client.connection)),
            }
        }
        self.timer.notify_one();
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
    fn bind(&self, relay: RelayId, even_port: bool) -> io::Result<(UdpSocket, SocketAddr)> {
        let is_v4 = relay.family() == tincan_relay::Family::V4;
        let places = self.places();
        let place = places.iter().find(|place| place.public.is_ipv4() == is_v4);
        let place = place.ok_or(io::ErrorKind::AddrNotAvailable)?;
        let (socket, port) = place.bind(even_port)?;
        socket.set_nonblocking(true)?;
        Ok((UdpSocket::from_std(socket)?, SocketAddr::new(place.public, port)))
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
async fn serve_peers(board: Arc<Switchboard>, relay: RelayId, socket: Arc<UdpSocket>) {
    loop {
        if let Err(error) = socket.readable().await {
            tracing::debug!(%error, "a relayed socket failed");
            return board.peer_socket_failed(relay);
        }
        let now = board.now();
        with_buffer(|buffer| {
            for _ in 0..TURN {
                let Some(place) = buffer.get_mut(MAX_PREFIX_BYTES..BUFFER_BYTES - 4) else {
                    return;
                };
                match socket.try_recv_from(place) {
                    Ok((len, peer)) => board.take_from_peer(now, relay, peer, buffer, len),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    // A peer that is not there any more says so by ICMP.
                    Err(_) => {}
                }
            }
        });
        tokio::task::yield_now().await;
    }
}
