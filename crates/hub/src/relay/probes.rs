//! More places at which STUN answers, so that clients find out what their routers do (RFC 5780).
//!
//! A second port tells whether a router has another outside port for it, and whether it lets in
//! what comes from there. A second address, where this machine has one, tells the rest.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tincan_relay::AnswerFrom;
use tokio::net::UdpSocket;

use super::switchboard::{Switchboard, TURN};
use super::udp_door::UdpDoor;
use crate::config::RelayAddress;
use crate::tasks::Stopped;

/// The sockets.
#[derive(Debug)]
pub(crate) struct Probes {
    /// At the other port, of the addresses that the hub listens on.
    port: Option<Arc<UdpDoor>>,
    /// At other addresses.
    addresses: Vec<Arc<UdpDoor>>,
    told: Told,
}

/// Where clients find them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Under the hub's own name.
    pub(crate) port: Option<u16>,
    /// Elsewhere.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Probes {
    /// Opens them. The other port is a convenience: if it is taken, there is none.
    ///
    /// # Errors
    /// An address that cannot be listened on, and what the system says of it.
    pub(crate) async fn open(
        bind: IpAddr,
        port: u16,
        others: &[RelayAddress],
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let at = SocketAddr::new(bind, port);
        let second = match open(at).await {
            Ok(door) => Some(door),
            Err(error) => {
                tracing::warn!(port, %error, "no second port for STUN");
                None
            }
        };
        let mut addresses = Vec::new();
        let told_port = second.as_ref().map(|door| door.local().port());
        let mut told = Told { port: told_port, addresses: vec![] };
        for other in others {
            // The other port is taken on all addresses, if the hub listens on all.
            let port = if port == 0 { 0 } else { port.saturating_add(1) };
            let local = SocketAddr::new(other.local.unwrap_or(other.public), port);
            let door = open(local).await.map_err(|error| (local, error))?;
            told.addresses.push(SocketAddr::new(other.public, door.local().port()));
            addresses.push(door);
        }
        Ok(Self { port: second, addresses, told })
    }

    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// The ports that are listened at.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.doors().map(|door| door.local().port())
    }

    pub(super) fn doors(&self) -> impl Iterator<Item = &Arc<UdpDoor>> {
        self.port.iter().chain(&self.addresses)
    }

    /// Sends an answer from where it was asked for, at `here` and `local`; what is not there sends
    /// nothing.
    pub(super) fn send(
        &self,
        from: AnswerFrom,
        here: &UdpDoor,
        local: IpAddr,
        to: SocketAddr,
        answer: &[u8],
    ) {
        let plain = SocketAddr::new(to.ip().to_canonical(), to.port());
        let of_family = |door: &&Arc<UdpDoor>| door.local().is_ipv4() == plain.is_ipv4();
        match from {
            AnswerFrom::Here => here.send(local, to, answer),
            AnswerFrom::OtherPort => {
                if let Some(door) = &self.port {
                    door.send(local, to, answer);
                }
            }
            AnswerFrom::OtherAddress => {
                if let Some(door) = self.addresses.iter().find(of_family) {
                    door.send(door.local().ip(), plain, answer);
                }
            }
        }
    }
}

async fn open(at: SocketAddr) -> io::Result<Arc<UdpDoor>> {
    UdpDoor::new(UdpSocket::bind(at).await?).map(Arc::new)
}

/// Answers at one of them until told to stop.
pub(super) async fn serve(board: Arc<Switchboard>, door: Arc<UdpDoor>, mut stopped: Stopped) {
    loop {
        tokio::select! {
            () = stopped.requested() => return,
            readable = door.readable() => if readable.is_err() { return },
        }
        let now = board.now();
        board.turn(|turn| {
            for _ in 0..TURN {
                let received = door.receive(&mut turn.buffer, |local, remote, bytes| {
                    board.take_probe(now, &door, local, remote, bytes);
                });
                match received {
                    // Somebody who is not there any more says so by ICMP.
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    Err(_) => {}
                }
            }
        });
        tokio::task::yield_now().await;
    }
}
