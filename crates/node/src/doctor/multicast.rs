//! Multicast DNS (RFC 6762): whether a question to everybody comes back to us.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tincan_doctor::Multicast;
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::own::Own;
use super::random;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;

/// It comes back within the machine.
const PATIENCE: Duration = Duration::from_millis(500);

/// `None` where there is no network to ask.
pub(super) async fn look(own: Own) -> Option<Multicast> {
    let at = own.v4.filter(|_| !own.is_loopback)?;
    Some(match ask(at).await {
        Ok(true) => Multicast::Works,
        Ok(false) => Multicast::Silent,
        Err(error) => Multicast::Refused(error.kind().to_string()),
    })
}

async fn ask(at: Ipv4Addr) -> io::Result<bool> {
    let socket = join(at)?;
    let question = question();
    socket.send_to(&question, SocketAddr::from((GROUP, PORT))).await?;
    let end = Instant::now() + PATIENCE;
    let mut buffer = vec![0; 2_048];
    while let Ok(received) = timeout_at(end.into(), socket.recv_from(&mut buffer)).await {
        let (len, _) = received?;
        if buffer.get(..len) == Some(&question) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A socket in the group, beside whoever else listens there.
fn join(at: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))))?;
    socket.join_multicast_v4(&GROUP, &at)?;
    socket.set_multicast_if_v4(&at)?;
    socket.set_multicast_loop_v4(true)?;
    UdpSocket::from_std(socket.into())
}

/// For the address of a name that nobody has, with a number by which we know it again.
fn question() -> Vec<u8> {
    let [a, b, name @ ..] = random::<10>();
    let mut bytes = vec![a, b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 16];
    bytes.extend(name.iter().flat_map(|byte| [b'a' + (byte >> 4), b'a' + (byte & 15)]));
    bytes.extend_from_slice(b"\x05local\x00\x00\x01\x00\x01");
    bytes
}
