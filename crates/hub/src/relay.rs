//! STUN and TURN (RFC 8489, RFC 8656): tells clients under which address they are seen, and
//! relays for those who reach each other in no other way.
//!
//! The rules are those of `tincan-relay`; here are the sockets.

mod credentials;
mod datagrams;
mod place;
mod probes;
mod streams;
mod switchboard;
mod trains;
mod udp_door;
mod unsent;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tincan_relay::{Config as Rules, Families, Rate};
use tokio::net::{TcpListener, UdpSocket};

use crate::clock::Clock;
use crate::config::{Config, Limits, RelayAddress, RelayConfig};
use crate::limits::Connections;
use crate::tasks::{Stopped, Tasks};
use crate::tls::Entry;

pub(crate) use credentials::{Credentials, LIFE_SECONDS};
use place::Place;
pub(crate) use probes::{Probes, Told};
pub(crate) use streams::StreamDoor;
use switchboard::Switchboard;
use udp_door::UdpDoor;

/// How often the secret of credentials is replaced; each is taken for as long again.
const ROTATE_EVERY: Duration = Duration::from_secs(12 * 3600);

/// How often this machine's addresses are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often a port is looked for that is free for UDP and TCP alike.
const PORTS_TRIED: u32 = 16;

/// The listening sockets. Those for UDP and TCP share one port.
#[derive(Debug)]
pub(crate) struct Doors {
    udp: UdpSocket,
    tcp: TcpListener,
    tls: Option<TcpListener>,
}

/// What a relay is started with, beside the operator's choices.
#[derive(Debug)]
pub(crate) struct RelayStart {
    pub(crate) doors: Doors,
    pub(crate) probes: Probes,
    /// How clients come in over streams.
    pub(crate) entry: Entry,
    pub(crate) clock: Clock,
    /// Random and secret.
    pub(crate) seed: [u8; 32],
}

impl Doors {
    /// Opens both; port 0 is any that is free for both.
    ///
    /// # Errors
    /// What the system says of the port.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let mut tried = Self::open_once(address).await;
        for _ in 1..PORTS_TRIED {
            if tried.is_ok() || address.port() != 0 {
                break;
            }
            tried = Self::open_once(address).await;
        }
        tried
    }

    async fn open_once(address: SocketAddr) -> io::Result<Self> {
        let udp = UdpSocket::bind(address).await?;
        let tcp = crate::broker::bind(address.ip(), udp.local_addr()?.port()).await?;
        Ok(Self { udp, tcp, tls: None })
    }

    /// With one for TLS.
    pub(crate) fn with_tls(self, tls: Option<TcpListener>) -> Self {
        Self { tls, ..self }
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }
}

/// A running relay.
#[derive(Debug)]
pub(crate) struct Relay {
    board: Arc<Switchboard>,
    door: StreamDoor,
    tasks: Tasks,
}

impl Relay {
    pub(crate) fn start(
        RelayStart { doors, probes, entry, clock, seed }: RelayStart,
        config: &Config,
        credentials: &Arc<Credentials>,
    ) -> io::Result<Self> {
        let local = doors.local_addr()?;
        let places = Place::all(&config.relay.addresses, config.bind);
        let listening = probes.ports().chain([local.port()]).collect();
        let rules = rules(&config.relay, &config.limits, &places, listening);
        let Doors { udp, tcp, tls } = doors;
        let server = tincan_relay::Server::new(rules, credentials.secrets(), seed);
        let board = Arc::new(Switchboard::new(server, clock, UdpDoor::new(udp)?, places, probes));
        let connections = Connections::new(
            config.limits.relay_connections,
            config.limits.relay_connections_per_address,
        );
        let mut tasks = Tasks::new();
        let shared = Arc::clone(&board);
        tasks.spawn(|stopped| datagrams::serve(shared, stopped));
        for door in board.probes().doors() {
            let (shared, door) = (Arc::clone(&board), Arc::clone(door));
            tasks.spawn(|stopped| probes::serve(shared, door, stopped));
        }
        let rate = config.limits.relay_requests_per_second;
        let door = StreamDoor::new(Arc::clone(&board), connections, entry, rate);
        for listener in [Some(tcp), tls].into_iter().flatten() {
            let listening = door.clone();
            tasks.spawn(|stopped| streams::accept(listener, listening, stopped));
        }
        let shared = Arc::clone(&board);
        tasks.spawn(|stopped| shared.keep_time(stopped));
        let (shared, configured) = (Arc::clone(&board), config.relay.addresses.clone());
        let bind = config.bind;
        tasks.spawn(move |stopped| look_around(shared, configured, bind, stopped));
        if credentials.rotates() {
            let (shared, credentials) = (Arc::clone(&board), Arc::clone(credentials));
            tasks.spawn(|mut stopped| async move {
                while stopped.goes_on_after(ROTATE_EVERY).await {
                    shared.set_secrets(credentials.rotate());
                }
            });
        }
        Ok(Self { board, door, tasks })
    }

    /// The way in for clients who come to another listener.
    pub(crate) fn door(&self) -> StreamDoor {
        self.door.clone()
    }

    /// How many allocations there are.
    pub(crate) fn allocations(&self) -> usize {
        self.board.allocations()
    }

    pub(crate) async fn stop(mut self) {
        // What is left is closed when it is dropped, right after.
        std::mem::replace(&mut self.tasks, Tasks::new()).stop().await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The sockets' tasks hold the switchboard, and it holds them.
        self.board.close();
    }
}

/// Follows this machine's addresses, which change as networks come and go.
async fn look_around(
    board: Arc<Switchboard>,
    configured: Vec<RelayAddress>,
    bind: IpAddr,
    mut stopped: Stopped,
) {
    while stopped.goes_on_after(LOOK_EVERY).await {
        let places = Place::all(&configured, bind);
        board.set_own_addresses(own_addresses(&places));
        // A machine that has just lost its network has none; the next look will tell.
        if places != board.places() && !places.is_empty() {
            tracing::info!("the addresses of the relay have changed");
            let families = families(&places);
            board.set_places(places, families);
        }
    }
}

fn families(places: &[Place]) -> Families {
    let has = |v4: bool| places.iter().any(|place| place.public.is_ipv4() == v4);
    Families { v4: has(true), v6: has(false) }
}

/// All addresses of this machine, and those that a NAT before it has for it.
fn own_addresses(places: &[Place]) -> Vec<IpAddr> {
    let here = if_addrs::get_if_addrs().unwrap_or_default();
    let here = here.iter().map(if_addrs::Interface::ip);
    places.iter().flat_map(|place| [place.public, place.local]).chain(here).collect()
}

fn rules(
    config: &RelayConfig,
    limits: &Limits,
    places: &[Place],
    listening_ports: Vec<u16>,
) -> Rules {
    let is_here = config.enabled && config.elsewhere.is_empty();
    Rules {
        families: families(places),
        own_addresses: own_addresses(places),
        listening_ports,
        allow_private_peers: config.allow_private_peers,
        allocations: if is_here { limits.allocations } else { 0 },
        // A node shares one allocation among its connections, and has as many places for peers.
        permissions: 256,
        allocations_per_credential: limits.allocations_per_user,
        allocations_per_address: limits.allocations_per_address,
        rate_per_credential: Rate::with_bursts(limits.relay_bytes_per_second_and_user, 2),
        rate_per_address: Rate::with_bursts(limits.relay_bytes_per_second_and_address, 2),
        stranger_answers: Rate::with_bursts(limits.stun_answers_per_second.into(), 4),
        ..Rules::default()
    }
}
