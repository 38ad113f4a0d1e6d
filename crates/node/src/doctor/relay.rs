//! Relays: an allocation over each transport, and a datagram through it to itself.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tincan_doctor::{Certificate, Fault, Place, Relay, Relayed, Way};
use tincan_relay::request::Wanted;
use tincan_relay::turn_client::{Sent, TurnClient, TurnClientConfig, TurnEvent};
use tincan_relay::{Frames, MAX_FRAME_BYTES, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use super::hub::Pass;
use super::{CHECK, certificate, fault, random};
use crate::broker::MeetingPlace;
use crate::dial::{ByteStream, Dialer};
use crate::hub_client::HubClient;
use crate::ice_servers::{IceServers, TurnServer};

/// The first wait for an answer over UDP.
const RTO: Duration = Duration::from_millis(250);

/// How often what was sent through the relay is sent again, until it is back.
const AGAIN: Duration = Duration::from_millis(250);

/// How long it may take to be back.
const RETURN: Duration = Duration::from_secs(2);

/// The largest message that could come.
const BUFFER_BYTES: usize = 4_096;

/// What is known of relays.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// Whether the hub told us where they are; `None` if it was not asked.
    pub(super) admitted: Option<Result<(), Fault>>,
    pub(super) tried: Vec<Relay>,
    pub(super) certificates: Vec<Certificate>,
}

/// Asks the hub where they are, and tries all.
pub(super) async fn ask_and_try_all(
    dialer: &Dialer,
    place: &MeetingPlace,
    pass: Option<&Pass>,
) -> Relays {
    let Some((origin, pass)) = place.hub.clone().zip(pass) else { return Relays::default() };
    let hub = HubClient::new(dialer.clone(), origin);
    let ice = match timeout(CHECK, hub.ice(&pass.token().token)).await {
        Ok(Ok(ice)) => ice,
        Ok(Err(error)) => return refused(fault::of_http(error)),
        Err(_) => return refused(Fault::TimedOut),
    };
    let servers = IceServers::resolve(&ice.entries).await.turn;
    let secure = servers.iter().map(place_of).collect();
    let (tried, certificates) =
        tokio::join!(try_all(dialer, servers), certificate::look(dialer, secure));
    Relays { admitted: Some(Ok(())), tried, certificates }
}

fn refused(fault: Fault) -> Relays {
    Relays { admitted: Some(Err(fault)), ..Relays::default() }
}

async fn try_all(dialer: &Dialer, servers: Vec<TurnServer>) -> Vec<Relay> {
    let mut trials = JoinSet::new();
    for (index, server) in servers.into_iter().enumerate() {
        let dialer = dialer.clone();
        trials.spawn(async move {
            let trial = timeout(CHECK, try_one(&dialer, &server)).await;
            let outcome = trial.unwrap_or(Err(Fault::TimedOut));
            (index, Relay { place: place_of(&server), outcome })
        });
    }
    let mut tried = trials.join_all().await;
    tried.sort_by_key(|(index, _)| *index);
    tried.into_iter().map(|(_, relay)| relay).collect()
}

fn place_of(server: &TurnServer) -> Place {
    let way = match server.transport {
        Transport::Udp => Way::TurnUdp,
        Transport::Tcp => Way::TurnTcp,
        Transport::Tls => Way::TurnTls,
    };
    Place { way, host: server.host.clone(), port: server.port }
}

async fn try_one(dialer: &Dialer, server: &TurnServer) -> Result<Relayed, Fault> {
    if server.transport == Transport::Udp {
        // The first that answers; a machine without IPv6 does not wait for the other.
        let mut last = Fault::Resolve;
        for at in &server.addresses {
            let Some(pipe) = Pipe::udp(*at).await else {
                last = Fault::Unreachable;
                continue;
            };
            match Trial::new(server, pipe, Instant::now()).run().await {
                Ok(relayed) => return Ok(relayed),
                Err(fault) => last = fault,
            }
        }
        return Err(last);
    }
    let began = Instant::now();
    let secure = server.transport == Transport::Tls;
    let stream = dialer.relay(&server.host, server.port, secure).await.map_err(fault::of_dial)?;
    Trial::new(server, Pipe::stream(stream), began).run().await
}

/// The way to a relay.
enum Pipe {
    Udp(UdpSocket),
    Stream(ByteStream, Frames),
}

impl Pipe {
    /// `None` if there is no way to that address from here.
    async fn udp(server: SocketAddr) -> Option<Self> {
        let own = super::own::towards(server)?;
        let socket = UdpSocket::bind((own, 0)).await.ok()?;
        socket.connect(server).await.ok()?;
        Some(Self::Udp(socket))
    }

    fn stream(stream: ByteStream) -> Self {
        Self::Stream(stream, Frames::new(MAX_FRAME_BYTES))
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match self {
            // It is sent again.
            Self::Udp(socket) => drop(socket.send(bytes).await),
            Self::Stream(stream, _) => {
                stream.write_all(bytes).await.map_err(|_| Fault::Broken)?;
                stream.flush().await.map_err(|_| Fault::Broken)?;
            }
        }
        Ok(())
    }

    /// The next message. May be dropped while it waits.
    async fn receive(&mut self) -> Result<Vec<u8>, Fault> {
        let mut buffer = vec![0; BUFFER_BYTES];
        match self {
            Self::Udp(socket) => loop {
                // Somebody who is not there may say so by ICMP; then nothing comes.
                if let Ok(len) = socket.recv(&mut buffer).await {
                    buffer.truncate(len);
                    return Ok(buffer);
                }
            },
            Self::Stream(stream, frames) => loop {
                if let Some(frame) = frames.next_frame().map_err(|_| Fault::Broken)? {
                    return Ok(frame.to_vec());
                }
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return Err(Fault::Broken),
                    Ok(len) => frames.push(buffer.get(..len).unwrap_or_default()),
                }
            },
        }
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback(),
    }
}

struct Trial {
    client: TurnClient,
    pipe: Pipe,
    began: Instant,
}

impl Trial {
    fn new(server: &TurnServer, pipe: Pipe, began: Instant) -> Self {
        let config = TurnClientConfig {
            credential: server.login.clone(),
            wanted: Wanted::Both,
            transport: server.transport,
            rto: RTO,
        };
        Self { client: TurnClient::new(config, random(), Instant::now()), pipe, began }
    }

    async fn run(mut self) -> Result<Relayed, Fault> {
        let own = self.allocate().await?;
        let allocated = self.began.elapsed();
        let sent = Instant::now();
        let outcome = match self.send_to(own).await {
            Ok(()) => Ok(Relayed { allocated, returned: sent.elapsed() }),
            Err(Fault::NothingRelayed) if is_private(own.ip()) => Err(Fault::RelayedInPrivate),
            Err(fault) => Err(fault),
        };
        self.client.release(Instant::now());
        // Whatever comes of that: it ends by itself, too.
        let _ = self.flush().await;
        outcome
    }

    /// An address on the relay.
    async fn allocate(&mut self) -> Result<SocketAddr, Fault> {
        loop {
            match self.client.poll_event() {
                Some(TurnEvent::Allocated { relayed, .. }) => {
                    return relayed.first().copied().ok_or(Fault::NothingRelayed);
                }
                Some(TurnEvent::Failed(error)) => return Err(fault::of_turn(error)),
                Some(TurnEvent::Doubtful | TurnEvent::Believed) => {}
                None => drop(self.turn(None).await?),
            }
        }
    }

    /// Sends something to our own address there until it is back.
    async fn send_to(&mut self, own: SocketAddr) -> Result<(), Fault> {
        let byte = random::<16>();
        let end = Instant::now() + RETURN;
        while Instant::now() < end {
            let mut out = Vec::new();
            match self.client.send(own, &byte, &mut out, Instant::now()) {
                Sent::Written => self.pipe.send(&out).await?,
                Sent::Queued => {}
                Sent::NoWay => return Err(Fault::NothingRelayed),
            }
            let again = Instant::now() + AGAIN;
            while Instant::now() < again {
                if self.turn(Some(again)).await?.is_some_and(|data| data == byte) {
                    return Ok(());
                }
            }
        }
        Err(Fault::NothingRelayed)
    }

    /// Sends what waits and takes one message, until `end`; what came through the relay comes out.
    async fn turn(&mut self, end: Option<Instant>) -> Result<Option<Vec<u8>>, Fault> {
        self.flush().await?;
        let due = [end, self.client.poll_timeout()].into_iter().flatten().min();
        let due = due.unwrap_or_else(|| Instant::now() + CHECK);
        match timeout_at(due.into(), self.pipe.receive()).await {
            Ok(message) => {
                let message = message?;
                Ok(self.client.handle(&message, Instant::now()).map(|from| from.data.to_vec()))
            }
            Err(_) => {
                let now = Instant::now();
                if self.client.poll_timeout().is_some_and(|at| at <= now) {
                    self.client.handle_timeout(now);
                }
                Ok(None)
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        while let Some(bytes) = self.client.poll_transmit() {
            self.pipe.send(&bytes).await?;
        }
        Ok(())
    }
}
