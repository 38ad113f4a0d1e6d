//! A socket of clients over UDP, or of an allocation's peers, read and written in batches. It may be
//! open on all addresses of this machine: what it sends leaves from the one that was asked, or
//! clients and their routers would not take it.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// How many buffers are read with one call; each may hold several datagrams of one sender.
const BATCH: usize = 16;

/// The most that the kernel puts into one of them.
const DATAGRAM_BYTES: usize = 64 * 1024;

/// What [`UdpDoor::receive`] reads into.
pub(super) const BUFFER_BYTES: usize = BATCH * DATAGRAM_BYTES;

/// A socket that knows at which address a datagram arrived.
#[derive(Debug)]
pub(super) struct UdpDoor {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl UdpDoor {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        allow_fragments(&socket);
        Ok(Self { socket, state, local })
    }

    /// Where it is bound.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits until there is something to receive.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads once and hands out (our address, their address, datagram) for each datagram. The
    /// buffer has [`BUFFER_BYTES`].
    ///
    /// # Errors
    /// `WouldBlock` where there is nothing more.
    pub(super) fn receive(
        &self,
        buffer: &mut [u8],
        mut each: impl FnMut(SocketAddr, SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let mut meta = [RecvMeta::default(); BATCH];
        let count = {
            let mut parts = buffer.chunks_mut(DATAGRAM_BYTES);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
            self.socket.try_io(Interest::READABLE, || {
                self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut meta)
            })?
        };
        for (meta, part) in meta.iter().zip(buffer.chunks(DATAGRAM_BYTES)).take(count) {
            let ours = meta.dst_ip.filter(is_one_machine).unwrap_or(self.local.ip()).to_canonical();
            let ours = SocketAddr::new(ours, self.local.port());
            let bytes = part.get(..meta.len).unwrap_or_default();
            if bytes.is_empty() {
                each(ours, meta.addr, bytes);
            }
            for datagram in bytes.chunks(meta.stride.max(1)) {
                each(ours, meta.addr, datagram);
            }
        }
        Ok(())
    }

    /// Sends from an address of ours, as [`receive`](Self::receive) told it. What finds no room
    /// is lost, as it might be on the way.
    pub(super) fn send(&self, from: IpAddr, to: SocketAddr, bytes: &[u8]) {
        let _lost = self.try_send(from, to, bytes, None);
    }

    /// Sends several datagrams of one size, which stand one behind the other; the last may be
    /// shorter. From an unspecified address: from whichever the kernel prefers.
    pub(super) fn send_train(&self, from: IpAddr, to: SocketAddr, bytes: &[u8], segment: usize) {
        let segment = segment.max(1);
        if bytes.len() <= segment {
            return self.send(from, to, bytes);
        }
        // One where the kernel does not divide them, or has refused to.
        let at_once = segment.saturating_mul(self.state.max_gso_segments());
        for part in bytes.chunks(at_once) {
            let divided = (part.len() > segment).then_some(segment);
            match self.try_send(from, to, part, divided) {
                Err(error) if divided.is_some() && error.kind() != io::ErrorKind::WouldBlock => {
                    // Some network drivers refuse; it is not tried again then.
                    part.chunks(segment).for_each(|datagram| self.send(from, to, datagram));
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn try_send(
        &self,
        from: IpAddr,
        to: SocketAddr,
        bytes: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size,
            src_ip: Some(from).filter(|ip| !ip.is_unspecified()),
        };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }
}

/// `quinn-udp` forbids fragments, as QUIC must. Who relays for others passes on what it is given, in
/// fragments if need be, as sockets do by default. For IPv6 that cannot be taken back.
fn allow_fragments(socket: &UdpSocket) {
    use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
    // Where it cannot be had, what is too long for a path is lost.
    let _ = set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::WANT);
}

/// Nothing can be sent from an address that stands for many.
fn is_one_machine(ip: &IpAddr) -> bool {
    !ip.is_multicast() && !matches!(ip, IpAddr::V4(v4) if v4.is_broadcast())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    /// Asks at each of two addresses of this machine, and looks where the answer comes from.
    async fn check(bind: IpAddr) {
        let door = UdpDoor::new(UdpSocket::bind((bind, 0)).await.unwrap()).unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        for asked in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)] {
            let asked = SocketAddr::new(asked.into(), door.local().port());
            client.send_to(b"?", asked).await.unwrap();
            let mut buffer = vec![0; BUFFER_BYTES];
            let mut came = None;
            while came.is_none() {
                door.readable().await.unwrap();
                let _again = door.receive(&mut buffer, |ours, theirs, bytes| {
                    assert_eq!(bytes, b"?");
                    came = Some((ours, theirs));
                });
            }
            let (ours, theirs) = came.unwrap();
            assert_eq!(ours, asked, "{bind}");
            door.send(ours.ip(), theirs, b"!");
            let mut answer = [0; 8];
            let (len, from) = client.recv_from(&mut answer).await.unwrap();
            assert_eq!((&answer[..len], from), (&b"!"[..], asked), "{bind}");
        }
    }

    #[tokio::test]
    async fn an_answer_leaves_from_the_address_that_was_asked() {
        check(Ipv4Addr::UNSPECIFIED.into()).await;
        // Both families at one socket.
        check(Ipv6Addr::UNSPECIFIED.into()).await;
    }

    #[tokio::test]
    async fn a_train_arrives_as_its_datagrams() {
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let door = UdpDoor::new(UdpSocket::bind((here, 0)).await.unwrap()).unwrap();
        let client = UdpSocket::bind((here, 0)).await.unwrap();
        let to = client.local_addr().unwrap();
        let check = async |len: usize, segment: usize, expected: &[usize]| {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            for from in [here, Ipv4Addr::UNSPECIFIED.into()] {
                door.send_train(from, to, &bytes, segment);
                let mut at = 0;
                for len in expected {
                    let mut buffer = [0; 2_000];
                    assert_eq!(client.recv(&mut buffer).await.unwrap(), *len);
                    assert_eq!(buffer[..*len], bytes[at..at + len], "{segment}");
                    at += len;
                }
            }
        };
        check(260, 100, &[100, 100, 60]).await;
        check(200, 100, &[100, 100]).await;
        check(60, 100, &[60]).await;
        check(0, 0, &[0]).await;
    }

    #[tokio::test]
    async fn what_is_too_long_for_a_path_may_go_in_fragments() {
        use rustix::net::sockopt::{Ipv4PathMtuDiscovery, ip_mtu_discover};
        let door = UdpDoor::new(UdpSocket::bind("127.0.0.1:0").await.unwrap()).unwrap();
        assert_eq!(ip_mtu_discover(&door.socket).unwrap(), Ipv4PathMtuDiscovery::WANT);
    }
}
