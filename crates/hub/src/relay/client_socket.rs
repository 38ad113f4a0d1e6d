//! The socket of clients over UDP. An answer leaves from the address at which its request came: on
//! a machine with several, NATs and clients take it from no other.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// A UDP socket that knows at which of our addresses a datagram came.
#[derive(Debug)]
pub(super) struct ClientSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl ClientSocket {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        Ok(Self { socket, state, local })
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads what the kernel gives at once, which may be several datagrams of one sender: each
    /// with who sent it and to which address of ours. `buffer` has room for the largest datagram.
    pub(super) fn receive(
        &self,
        buffer: &mut [u8],
        mut each: impl FnMut(SocketAddr, SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let mut meta = [RecvMeta::default()];
        let count = self.socket.try_io(Interest::READABLE, || {
            let mut parts = [IoSliceMut::new(buffer)];
            self.state.recv(UdpSockRef::from(&self.socket), &mut parts, &mut meta)
        })?;
        for meta in meta.iter().take(count) {
            let reached = meta.dst_ip.filter(is_one_machine).unwrap_or(self.local.ip());
            let reached = SocketAddr::new(reached, self.local.port());
            let bytes = buffer.get(..meta.len).unwrap_or_default();
            for datagram in bytes.chunks(meta.stride.max(1)) {
                each(meta.addr, reached, datagram);
            }
        }
        Ok(())
    }

    /// Sends from this address of ours. A full buffer loses it, as the network might.
    pub(super) fn send(&self, from: SocketAddr, to: SocketAddr, contents: &[u8]) {
        let src_ip = Some(from.ip()).filter(|ip| !ip.is_unspecified());
        let transmit =
            Transmit { destination: to, ecn: None, contents, segment_size: None, src_ip };
        let sent = self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        if let Err(error) = sent {
            tracing::trace!(%error, "datagram to a client not sent");
        }
    }
}

/// Nothing can be sent from an address that stands for many.
fn is_one_machine(ip: &IpAddr) -> bool {
    !ip.is_multicast() && !matches!(ip, IpAddr::V4(v4) if v4.is_broadcast())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    async fn check(bind: &str, reached: &str) {
        let socket = UdpSocket::bind(bind).await.unwrap();
        let server = ClientSocket::new(socket).unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let reached = SocketAddr::new(reached.parse().unwrap(), server.local.port());
        client.send_to(b"hello", reached).await.unwrap();
        server.readable().await.unwrap();
        let mut buffer = vec![0; 65_536];
        let mut came = None;
        server
            .receive(&mut buffer, |from, at, bytes| {
                assert_eq!(bytes, b"hello");
                assert_eq!(at.ip().to_canonical(), reached.ip());
                came = Some((from, at));
            })
            .unwrap();
        let (from, at) = came.expect("a datagram");
        server.send(at, from, b"hello yourself");
        let mut answer = [0; 100];
        let (len, sender) = client.recv_from(&mut answer).await.unwrap();
        assert_eq!((&answer[..len], sender), (&b"hello yourself"[..], reached));
    }

    #[tokio::test]
    async fn an_answer_comes_from_the_address_that_was_asked() {
        // All of 127.0.0.0/8 is this machine; 127.0.0.1 is what the kernel would choose.
        check("0.0.0.0:0", "127.0.0.2").await;
        check("0.0.0.0:0", "127.0.0.1").await;
        check("127.0.0.3:0", "127.0.0.3").await;
    }

    #[tokio::test]
    async fn a_socket_for_both_families_answers_ipv4_from_the_address_that_was_asked() {
        check("[::]:0", "127.0.0.2").await;
    }
}
