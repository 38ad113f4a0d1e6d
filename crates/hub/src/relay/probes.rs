//! More places at which STUN answers, so that clients find out what their routers do (RFC 5780).
//!
//! A second port tells whether a router has another outside port for it, and whether it lets in
//! what comes from there. A second address, where this machine has one, tells the rest.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tincan_relay::AnswerFrom;
use tokio::net::UdpSocket;

use super::switchboard::{Switchboard, TURN, with_buffer};
use crate::config::RelayAddress;
use crate::tasks::Stopped;

/// The sockets.
#[derive(Debug)]
pub(crate) struct Probes {
    /// At the other port, of the addresses that the hub listens on.
    port: Option<Arc<UdpSocket>>,
    /// At other addresses.
    addresses: Vec<Arc<UdpSocket>>,
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
        let second = match UdpSocket::bind(at).await {
            Ok(socket) => Some(Arc::new(socket)),
            Err(error) => {
                tracing::warn!(port, %error, "no second port for STUN");
                None
            }
        };
        let mut addresses = Vec::new();
        let mut told = Told { port: second.as_ref().and_then(|it| port_of(it)), addresses: vec![] };
        for other in others {
            // The other port is taken on all addresses, if the hub listens on all.
            let port = if port == 0 { 0 } else { port.saturating_add(1) };
            let local = SocketAddr::new(other.local.unwrap_or(other.public), port);
            let socket = UdpSocket::bind(local).await.map_err(|error| (local, error))?;
            let port = port_of(&socket).unwrap_or(port);
            told.addresses.push(SocketAddr::new(other.public, port));
            addresses.push(Arc::new(socket));
        }
        Ok(Self { port: second, addresses, told })
    }

    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// The ports that are listened at.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.sockets().filter_map(|socket| port_of(socket))
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = &Arc<UdpSocket>> {
        self.port.iter().chain(&self.addresses)
    }

    /// Sends an answer from where it was asked for; what is not there sends nothing.
    pub(super) fn send(&self, from: AnswerFrom, here: &UdpSocket, to: SocketAddr, answer: &[u8]) {
        let is_v4 = to.ip().to_canonical().is_ipv4();
        let of_family =
            |socket: &&Arc<UdpSocket>| socket.local_addr().is_ok_and(|at| at.is_ipv4() == is_v4);
        let socket = match from {
            AnswerFrom::Here => Some(here),
            AnswerFrom::OtherPort => self.port.as_deref(),
            AnswerFrom::OtherAddress => self.addresses.iter().find(of_family).map(|it| &**it),
        };
        let Some(socket) = socket else { return };
        // A socket for one family knows no addresses that are mapped into the other.
        let is_plain = socket.local_addr().is_ok_and(|at| at.is_ipv4());
        let to = if is_plain { SocketAddr::new(to.ip().to_canonical(), to.port()) } else { to };
        // A full buffer loses it, as the network might.
        let _lost = socket.try_send_to(answer, to);
    }
}

fn port_of(socket: &UdpSocket) -> Option<u16> {
    socket.local_addr().ok().map(|at| at.port())
}

/// Answers at one of them until told to stop.
pub(super) async fn serve(board: Arc<Switchboard>, socket: Arc<UdpSocket>, mut stopped: Stopped) {
    loop {
        tokio::select! {
            () = stopped.requested() => return,
            readable = socket.readable() => if readable.is_err() { return },
        }
        let now = board.now();
        with_buffer(|buffer| {
            for _ in 0..TURN {
                match socket.try_recv_from(buffer) {
                    Ok((len, remote)) => {
                        board.take_probe(
                            now,
                            &socket,
                            remote,
                            buffer.get(..len).unwrap_or_default(),
                        );
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    // Somebody who is not there any more says so by ICMP.
                    Err(_) => {}
                }
            }
        });
        tokio::task::yield_now().await;
    }
}
