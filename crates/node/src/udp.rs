//! One UDP socket per address family for all peers: batches, routing, and which addresses are
//! ours.

mod inet6;
mod interfaces;
mod router;
mod socket;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) use interfaces::{Choice, local_addresses};
pub(crate) use router::{Route, Router};
use socket::{Received, Socket};

/// The sockets of both families. IPv6 may be missing; one of the two never is.
#[derive(Debug)]
pub(crate) struct UdpSockets {
    v4: Option<Socket>,
    v6: Option<Socket>,
    /// Our addresses: nothing is sent from another, since the kernel would refuse it in a way
    /// that `quinn-udp` takes for missing support of segmentation.
    ours: BTreeSet<IpAddr>,
    buffers: socket::Buffers,
}

/// A datagram, or several of the same size from the same sender, to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: &'a [u8],
    pub(crate) segment_size: Option<usize>,
}

impl UdpSockets {
    /// Binds both families to ports of the kernel's choice, on every address.
    ///
    /// # Errors
    /// When neither family can be bound.
    pub(crate) fn bind() -> io::Result<Self> {
        let v4 = Socket::bind(Ipv4Addr::UNSPECIFIED.into());
        let v6 = Socket::bind(Ipv6Addr::UNSPECIFIED.into());
        let (v4, v6) = match (v4, v6) {
            (Err(error), Err(_)) => return Err(error),
            (v4, v6) => (v4.ok(), v6.ok()),
        };
        Ok(Self { v4, v6, ours: BTreeSet::new(), buffers: socket::Buffers::new() })
    }

    /// Our addresses are these now.
    pub(crate) fn set_addresses(&mut self, ours: BTreeSet<IpAddr>) {
        self.ours = ours;
        for socket in [&mut self.v4, &mut self.v6].into_iter().flatten() {
            socket.renew_offload();
        }
    }

    /// Where each of our addresses is listened at.
    pub(crate) fn host_addresses(&self) -> Vec<SocketAddr> {
        self.ours.iter().filter_map(|ip| self.at(*ip)).collect()
    }

    fn at(&self, ip: IpAddr) -> Option<SocketAddr> {
        let socket = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
        socket.as_ref().map(|socket| SocketAddr::new(ip, socket.port()))
    }

    /// Waits until a datagram can be read, or written after `send` found no room.
    pub(crate) async fn ready(&self) {
        tokio::select! {
            () = ready(self.v4.as_ref()) => {}
            () = ready(self.v6.as_ref()) => {}
        }
    }

    /// Reads one small batch of each family and hands out its datagrams as (our address, their
    /// address, bytes). Small, since acknowledgements go out after each batch. `false` when
    /// nothing was there.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(SocketAddr, SocketAddr, &[u8])) -> bool {
        let mut any = false;
        for socket in [&self.v4, &self.v6].into_iter().flatten() {
            any |= match socket.receive(&mut self.buffers, &mut each) {
                Received::Some => true,
                Received::Nothing => false,
            };
        }
        any
    }

    /// Sends at once, or says that the kernel's buffer is full. Whatever else is wrong with a
    /// datagram is the network's normal unreliability.
    pub(crate) fn send(&self, outgoing: &Outgoing<'_>) -> Result<(), Blocked> {
        let from = outgoing.from.ip();
        let stuck_on_loopback = from.is_loopback() && !outgoing.to.ip().is_loopback();
        if from.is_ipv4() != outgoing.to.is_ipv4()
            || !self.ours.contains(&from)
            || stuck_on_loopback
        {
            return Ok(());
        }
        self.send_as(outgoing, Some(from))
    }

    /// Sends from whichever of our addresses the kernel prefers.
    pub(crate) fn send_anywhere(&self, to: SocketAddr, bytes: &[u8]) {
        let outgoing = Outgoing { from: to, to, bytes, segment_size: None };
        // A probe that finds no room is repeated anyway.
        let _ = self.send_as(&outgoing, None);
    }

    fn send_as(&self, outgoing: &Outgoing<'_>, source: Option<IpAddr>) -> Result<(), Blocked> {
        let socket = if outgoing.to.is_ipv4() { &self.v4 } else { &self.v6 };
        match socket {
            Some(socket) => socket.send(outgoing, source),
            None => Ok(()),
        }
    }
}

/// The kernel's send buffer is full; wait with `ready` and send again.
#[derive(Debug)]
pub(crate) struct Blocked;

async fn ready(socket: Option<&Socket>) {
    match socket {
        Some(socket) => socket.ready().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
pub(crate) mod tests;
