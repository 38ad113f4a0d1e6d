//! The node's place in the network: its addresses, its sockets, and the connections over them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use tincan_engine::{PeerInput, PeerOutput};
use tincan_wire::SessionId;

use crate::default_routes::DefaultRoutes;
use crate::dial::Dialer;
use crate::ice_servers::IceServers;
use crate::peers::{Peers, warm_up};
use crate::request::RelayFailure;
use crate::udp::{Choice, UdpSockets, local_addresses};
use crate::whereabouts::{Change, Whereabouts};

/// Sockets and connections.
#[derive(Debug)]
pub(crate) struct Network {
    udp: UdpSockets,
    peers: Peers,
    choice: Choice,
    whereabouts: Whereabouts,
    hosts: Vec<SocketAddr>,
}

impl Network {
    /// Binds the sockets.
    ///
    /// # Errors
    /// When neither IPv4 nor IPv6 can be had.
    pub(crate) fn open(only: Option<Vec<IpAddr>>, loopback: bool) -> io::Result<Self> {
        warm_up();
        let choice = match only {
            Some(addresses) => Choice::Only(addresses.into_iter().collect()),
            None => Choice::Sensible { loopback },
        };
        let mut network = Self {
            udp: UdpSockets::bind()?,
            peers: Peers::default(),
            choice,
            whereabouts: Whereabouts::default(),
            hosts: Vec::new(),
        };
        network.look(Instant::now());
        Ok(network)
    }

    /// Looks at the machine's addresses and at its way out; `true` if what was in use may lead
    /// nowhere now. What is new besides is offered to the peers.
    pub(crate) fn look(&mut self, now: Instant) -> bool {
        let addresses = local_addresses(&self.choice);
        let routes = self.choice.follows_routes().then(DefaultRoutes::read).unwrap_or_default();
        let change = self.whereabouts.update(addresses, &routes, now);
        if change == Change::None {
            return false;
        }
        tracing::debug!(?change, addresses = ?self.whereabouts.addresses(), ?routes, "the network");
        self.udp.set_addresses(self.whereabouts.addresses().clone());
        self.hosts = self.udp.host_addresses();
        if change == Change::Gained {
            self.peers.hosts_gained(now, &self.hosts);
            return false;
        }
        self.peers.network_changed(now, &self.hosts);
        true
    }

    /// Whether peers may be on this machine.
    pub(crate) fn allow_loopback(&mut self, allowed: bool) {
        if let Choice::Sensible { loopback } = &mut self.choice {
            *loopback = allowed;
            self.look(Instant::now());
        }
    }

    pub(crate) fn set_ice(&mut self, servers: IceServers) {
        self.peers.set_ice(Instant::now(), servers, &self.hosts);
    }

    /// What opens connections to relays over TCP and TLS.
    pub(crate) fn set_dialer(&mut self, dialer: Dialer) {
        self.peers.set_dialer(dialer);
    }

    /// Does what the engine says about a connection.
    pub(crate) fn peer(&mut self, now: Instant, sid: SessionId, output: PeerOutput) {
        self.peers.handle(now, sid, output, &self.hosts);
    }

    /// What the engine must know of a connection.
    pub(crate) fn poll(&mut self) -> Option<(SessionId, PeerInput)> {
        self.peers.poll()
    }

    /// Waits until there is something to receive, or room to send again.
    pub(crate) async fn ready(&mut self) {
        tokio::select! {
            () = self.udp.ready() => {}
            () = self.peers.ready() => {}
        }
    }

    /// Takes one small batch of datagrams.
    pub(crate) fn receive(&mut self, now: Instant) {
        let peers = &mut self.peers;
        self.udp.receive(|ours, theirs, bytes| peers.handle_datagram(now, ours, theirs, bytes));
        peers.handle_streams(now);
    }

    /// Sends what is to be sent.
    pub(crate) fn flush(&mut self, now: Instant) {
        if self.peers.flush(now, &self.udp).is_err() {
            tracing::trace!("the kernel's send buffer is full");
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.peers.deadline()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.peers.handle_timeout(now, &self.udp);
    }

    pub(crate) fn close_all(&mut self, now: Instant) {
        self.peers.close_all(now, &self.udp);
    }

    /// What is offered to peers.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.hosts
    }

    /// Tells what has passed over the paths, and how they are.
    pub(crate) fn report_paths(&mut self) {
        self.peers.report_paths();
    }

    /// Why relays could not be used.
    pub(crate) fn relay_failures(&self, now: Instant) -> Vec<RelayFailure> {
        self.peers.relay_failures(now)
    }

    /// What was dropped since the start, by reason.
    pub(crate) fn dropped(&mut self) -> BTreeMap<String, u64> {
        self.peers.dropped()
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.peers.count()
    }
}
