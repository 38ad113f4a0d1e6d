//! One UDP socket, read and written in batches with GRO and GSO.

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::{Blocked, Outgoing};

/// How many buffers are read in one call. With GRO each holds up to 64 datagrams; a link must
/// get to answer before more are taken.
const BATCH: usize = 4;

/// The largest that the kernel puts into one buffer.
const BUFFER_BYTES: usize = 64 * 1024;

/// What is asked of the kernel, which may grant less: bursts of 64 KiB from many peers.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Memory to receive into, shared by both families.
#[derive(Debug)]
pub(super) struct Buffers {
    bytes: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; BATCH * BUFFER_BYTES] }
    }
}

/// Whether anything was there.
pub(super) enum Received {
    Some,
    Nothing,
}

#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// Whether the last datagram found no room.
    blocked: Cell<bool>,
}

impl Socket {
    pub(super) fn bind(ip: IpAddr) -> io::Result<Self> {
        let domain = if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if ip.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        // What the kernel doesn't grant costs throughput only.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        socket.bind(&SocketAddr::new(ip, 0).into())?;
        let io = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        let local = io.local_addr()?;
        Ok(Self { io, state, local, blocked: Cell::new(false) })
    }

    pub(super) fn port(&self) -> u16 {
        self.local.port()
    }

    /// Tries segmentation again where a refusal of the kernel ended it: another network, another
    /// driver.
    pub(super) fn renew_offload(&mut self) {
        if let Ok(state) = UdpSocketState::new(UdpSockRef::from(&self.io)) {
            self.state = state;
        }
    }

    /// Waits until there is something to receive, or room again for what found none.
    pub(super) async fn ready(&self) {
        let mut interest = Interest::READABLE;
        if self.blocked.get() {
            interest |= Interest::WRITABLE;
        }
        // An error of the socket shows when it is read.
        let _ = self.io.ready(interest).await;
    }

    pub(super) fn receive(
        &self,
        buffers: &mut Buffers,
        each: &mut impl FnMut(SocketAddr, SocketAddr, &[u8]),
    ) -> Received {
        let mut meta = [RecvMeta::default(); BATCH];
        let read = {
            let mut parts = buffers.bytes.chunks_mut(BUFFER_BYTES);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
            self.io.try_io(Interest::READABLE, || {
                self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut meta)
            })
        };
        let Ok(count) = read else { return Received::Nothing };
        for (meta, buffer) in meta.iter().zip(buffers.bytes.chunks(BUFFER_BYTES)).take(count) {
            let ours = SocketAddr::new(meta.dst_ip.unwrap_or(self.local.ip()), self.local.port());
            let bytes = buffer.get(..meta.len).unwrap_or_default();
            for datagram in bytes.chunks(meta.stride.max(1)) {
                each(ours, meta.addr, datagram);
            }
        }
        if count == 0 { Received::Nothing } else { Received::Some }
    }

    pub(super) fn send(
        &self,
        outgoing: &Outgoing<'_>,
        source: Option<IpAddr>,
    ) -> Result<(), Blocked> {
        let segment = outgoing.segment_size.unwrap_or(outgoing.bytes.len()).max(1);
        // GSO may be missing, or have been switched off by a refusal of the driver.
        let at_once = segment.saturating_mul(self.state.max_gso_segments());
        for contents in outgoing.bytes.chunks(at_once) {
            let transmit = Transmit {
                destination: outgoing.to,
                ecn: None,
                contents,
                segment_size: (contents.len() > segment).then_some(segment),
                src_ip: source,
            };
            match self.state.try_send(UdpSockRef::from(&self.io), &transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked.set(true);
                    // Tells the event loop that there is something to wait for.
                    let _ = self.io.try_io(Interest::WRITABLE, || Err::<(), _>(error));
                    return Err(Blocked);
                }
                Err(error) => tracing::trace!(%error, "datagram not sent"),
                Ok(()) => {}
            }
        }
        self.blocked.set(false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// How the kernel hands over ten datagrams that were sent as one batch: the size of the
    /// buffer and of each datagram in it.
    async fn one_batch() -> (usize, usize) {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (from, to) = (Socket::bind(ip).unwrap(), Socket::bind(ip).unwrap());
        let bytes = [7; 10_000];
        let outgoing =
            Outgoing { from: from.local, to: to.local, bytes: &bytes, segment_size: Some(1_000) };
        from.send(&outgoing, Some(ip)).unwrap();
        to.ready().await;
        let mut meta = [RecvMeta::default()];
        let mut buffer = vec![0; BUFFER_BYTES];
        let count =
            to.state.recv(UdpSockRef::from(&to.io), &mut [IoSliceMut::new(&mut buffer)], &mut meta);
        assert_eq!(count.unwrap(), 1);
        (meta[0].len, meta[0].stride)
    }

    #[tokio::test]
    async fn a_batch_goes_through_the_kernel_as_one_packet() {
        // Segmentation (UDP_SEGMENT) came with Linux 4.18, its counterpart (UDP_GRO) with 5.0.
        assert_eq!(one_batch().await, (10_000, 1_000), "one system call, one buffer");
    }
}
