//! A probe of NATs in the manner of RFC 5780: a server on two addresses and two ports, which
//! answers from whichever is asked for, and a client that tells mapping and filtering from that.
//!
//! Requests and answers are a few bytes of our own: what is proved are the routers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::kind::{Filtering, Mapping};
use crate::lab::Lab;
use crate::plan::{Side, server4};

/// Where the server listens, on each of its addresses.
const PORTS: [u16; 2] = [3478, 3479];

/// How long to wait for an answer before asking once more, and how often to ask.
const WAIT: Duration = Duration::from_millis(100);
const TRIES: usize = 2;

/// Bits of a request: from another address, from another port.
const OTHER_ADDRESS: u8 = 1;
const OTHER_PORT: u8 = 2;

/// A server on the laboratory's; stopped when dropped.
#[derive(Debug)]
pub struct Server {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts it.
    ///
    /// # Panics
    /// When its ports are taken.
    pub fn start(lab: &Lab) -> Self {
        let sockets = lab.server().enter(|| {
            let at = |ip: usize, port: usize| bound(server4()[ip], PORTS[port]);
            Arc::new([[at(0, 0), at(0, 1)], [at(1, 0), at(1, 1)]])
        });
        let stop = Arc::new(AtomicBool::new(false));
        let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let threads = all.map(|(ip, port)| {
            let (sockets, stop) = (Arc::clone(&sockets), Arc::clone(&stop));
            std::thread::spawn(move || serve(&sockets, ip, port, &stop))
        });
        Self { stop, threads: threads.into() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(sockets: &[[UdpSocket; 2]; 2], ip: usize, port: usize, stop: &AtomicBool) {
    let mut request = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length @ 2.., from)) = sockets[ip][port].recv_from(&mut request) else { continue };
        let other = |bit: u8, own: usize| if request[1] & bit == 0 { own } else { 1 - own };
        let answering = &sockets[other(OTHER_ADDRESS, ip)][other(OTHER_PORT, port)];
        let _ = answering.send_to(format!("{}{from}", char::from(request[0])).as_bytes(), from);
        debug_assert_eq!(length, 2);
    }
}

/// What a probe has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How outside ports follow from inside ones.
    pub mapping: Mapping,
    /// Who is let in.
    pub filtering: Filtering,
    /// Whether two sockets behind the router reach each other at its outside addresses.
    pub hairpin: bool,
}

/// Probes from a side's host. The server must run.
///
/// # Panics
/// When the host has no IPv4.
pub fn classify(lab: &Lab, side: Side) -> Found {
    let own = lab.addresses(side).into_iter().find_map(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    let own = own.expect("only IPv4 is probed");
    lab.host(side).enter(|| Found {
        mapping: mapping(own),
        filtering: filtering(own),
        hairpin: hairpin(own),
    })
}

fn mapping(own: Ipv4Addr) -> Mapping {
    let [first, second] = server4();
    let socket = bound(own, 0);
    let Some(one) = ask(&socket, first, PORTS[0], 0) else { return Mapping::Blocked };
    let other_address = ask(&socket, second, PORTS[0], 0);
    let both_other = ask(&socket, second, PORTS[1], 0);
    if socket.local_addr().is_ok_and(|local| local == one) {
        Mapping::None
    } else if other_address == Some(one) && both_other == Some(one) {
        Mapping::EndpointIndependent
    } else if other_address == both_other {
        Mapping::AddressDependent
    } else {
        Mapping::AddressAndPortDependent
    }
}

/// With a fresh socket, so that only one address and port has been written to.
fn filtering(own: Ipv4Addr) -> Filtering {
    let [first, _] = server4();
    let socket = bound(own, 0);
    ask(&socket, first, PORTS[0], 0);
    if ask(&socket, first, PORTS[0], OTHER_ADDRESS | OTHER_PORT).is_some() {
        Filtering::EndpointIndependent
    } else if ask(&socket, first, PORTS[0], OTHER_PORT).is_some() {
        Filtering::AddressDependent
    } else {
        Filtering::AddressAndPortDependent
    }
}

fn hairpin(own: Ipv4Addr) -> bool {
    let [first, _] = server4();
    let (one, other) = (bound(own, 0), bound(own, 0));
    let outside = |socket| ask(socket, first, PORTS[0], 0);
    let (Some(to_one), Some(to_other)) = (outside(&one), outside(&other)) else { return false };
    // As ICE does: both sides try, and try again once the other has.
    for _ in 0..2 {
        let _ = one.send_to(b"h", to_other);
        let _ = other.send_to(b"h", to_one);
    }
    let end = Instant::now() + WAIT * 2;
    while Instant::now() < end {
        let mut bytes = [0; 8];
        if let Ok((1, from)) = one.recv_from(&mut bytes) {
            return from == to_other;
        }
    }
    false
}

/// Asks for our outside address, to be told from where `change` says.
fn ask(socket: &UdpSocket, server: Ipv4Addr, port: u16, change: u8) -> Option<SocketAddr> {
    for _ in 0..TRIES {
        // Answers to other questions, which come late, start with another letter.
        let letter = b'a' + change;
        // A router that lets nothing out may say so.
        let _ = socket.send_to(&[letter, change], SocketAddrV4::new(server, port));
        let end = Instant::now() + WAIT;
        while Instant::now() < end {
            let mut answer = [0; 64];
            let Ok((length, _)) = socket.recv_from(&mut answer) else { continue };
            let Some((&first, rest)) = answer[..length].split_first() else { continue };
            if first == letter {
                return std::str::from_utf8(rest).ok()?.parse().ok();
            }
        }
    }
    None
}

fn bound(ip: Ipv4Addr, port: u16) -> UdpSocket {
    let bind = || -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind((ip, port))?;
        socket.set_read_timeout(Some(WAIT))?;
        Ok(socket)
    };
    bind().unwrap_or_else(|error| panic!("{ip}:{port}: {error}"))
}
