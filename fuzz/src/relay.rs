//! The STUN and TURN server: what strangers, users and peers send it.

use std::net::{IpAddr, SocketAddr};

use tincan_relay::message::attribute::NONCE;
use tincan_relay::message::{Builder, Class, Message, Method, Transaction};
use tincan_relay::request::{self, Signature, Wanted, parse_channel_data};
use tincan_relay::{
    Client, Config, Counters, Credential, Family, Frames, MAX_FRAME_BYTES, Now, Output, RelayId,
    Secret, Secrets, Server, Transport,
};

use crate::pieces::pieces;

/// What a piece of the input does.
pub mod piece {
    /// A datagram of a stranger.
    pub const STRANGER: u8 = 0;
    /// A datagram of the user.
    pub const DATAGRAM: u8 = 1;
    /// Bytes of the user's stream.
    pub const STREAM: u8 = 2;
    /// A signed request of the user over UDP: a byte for the method, then attributes with a kind
    /// of two bytes, a length of one, and a value.
    pub const REQUEST: u8 = 3;
    /// The same over the stream.
    pub const STREAM_REQUEST: u8 = 4;
    /// A datagram of the peer, to the first socket if its length is even.
    pub const PEER: u8 = 5;
    /// The socket that was opened last breaks.
    pub const BREAK: u8 = 6;
    /// As many times ten seconds pass as it has bytes.
    pub const WAIT: u8 = 7;
}

/// The methods that a request has by its first byte.
const METHODS: [Method; 5] = [
    Method::Allocate,
    Method::Refresh,
    Method::CreatePermission,
    Method::ChannelBind,
    Method::Binding,
];

const SERVER: SocketAddr =
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1)), 3478);
const PEER: SocketAddr =
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)), 4000);
const MAX_ALLOCATIONS: usize = 3;

/// A server that anything is said to: it stays within its bounds, opens and closes sockets in
/// pairs, and sends nothing to where it must not.
pub fn relay(data: &[u8]) {
    run(data);
}

/// The same, and what was relayed.
pub fn run(data: &[u8]) -> Counters {
    let mut relay = Relay::new();
    for (kind, bytes) in pieces(data) {
        match kind {
            piece::STRANGER => {
                relay.say(client(Transport::Udp, 9), bytes);
                relay.probe(bytes);
            }
            piece::DATAGRAM => relay.say(client(Transport::Udp, 1), bytes),
            piece::STREAM => relay.stream(bytes),
            piece::REQUEST => relay.request(Transport::Udp, bytes),
            piece::STREAM_REQUEST => relay.request(Transport::Tcp, bytes),
            piece::PEER => relay.peer(bytes),
            piece::BREAK => relay.break_socket(),
            _ => relay.wait(bytes.len()),
        }
        relay.check();
    }
    relay.server.counters().clone()
}

fn client(transport: Transport, port: u16) -> Client {
    let remote = SocketAddr::from(([192, 0, 2, 1], port));
    Client { transport, remote, local: SERVER, connection: 0 }
}

struct Relay {
    server: Server,
    now: Now,
    frames: Frames,
    sockets: Vec<RelayId>,
    answers: Vec<Vec<u8>>,
    port: u16,
}

impl Relay {
    fn new() -> Self {
        let config = Config {
            own_addresses: vec![SERVER.ip()],
            listening_ports: vec![SERVER.port()],
            allocations: MAX_ALLOCATIONS,
            permissions: 4,
            channels: 4,
            ..Config::default()
        };
        let secrets = Secrets { current: Secret::new("north"), previous: None };
        let now = Now { ms: 0, unix_seconds: 1_000 };
        let frames = Frames::new(MAX_FRAME_BYTES);
        let server = Server::new(config, secrets, [7; 32]);
        Self { server, now, frames, sockets: vec![], answers: vec![], port: 50_000 }
    }

    fn say(&mut self, client: Client, bytes: &[u8]) {
        if let Some(to_peer) = self.server.handle_client(self.now, &client, bytes) {
            assert!(
                bytes.as_ptr_range().contains(&to_peer.data.as_ptr()) || to_peer.data.is_empty()
            );
            assert!(self.sockets.contains(&to_peer.relay), "an open socket");
            assert!(may_be_reached(to_peer.peer), "{}", to_peer.peer);
        }
        self.drain();
    }

    /// The same to a socket that only tells addresses.
    fn probe(&mut self, bytes: &[u8]) {
        let from = client(Transport::Udp, 9).remote;
        if let Some((_, answer)) = self.server.handle_probe(self.now, from, bytes) {
            Message::parse(&answer).expect("a well-formed answer");
            assert!(answer.len() <= bytes.len() + 24, "an answer that is hardly longer");
        }
        let _ = tincan_relay::wants_change(bytes);
    }

    fn stream(&mut self, bytes: &[u8]) {
        self.frames.push(bytes);
        loop {
            match self.frames.next_frame().map(|frame| frame.map(<[u8]>::to_vec)) {
                Ok(Some(frame)) => self.say(client(Transport::Tcp, 2), &frame),
                Ok(None) => return,
                Err(_) => {
                    self.server.client_gone(self.now, &client(Transport::Tcp, 2));
                    self.frames = Frames::new(MAX_FRAME_BYTES);
                    return self.drain();
                }
            }
        }
    }

    /// Signs with a fresh nonce, so that what follows is reached.
    fn request(&mut self, transport: Transport, bytes: &[u8]) {
        let Some((method, mut rest)) = bytes.split_first() else { return };
        let client = client(transport, if transport == Transport::Udp { 1 } else { 2 });
        let id = Transaction([1; 12]);
        self.say(client, &request::allocate(id, Wanted::Both).finish());
        let Some(challenge) = self.answers.pop() else { return };
        let nonce = Message::parse(&challenge).expect("a challenge").find(NONCE);
        let credential = Credential::issue(&Secret::new("north"), u64::MAX, "alice");
        let signature = Signature::new(&credential, "tincan", nonce.expect("a nonce"));
        let method = METHODS[usize::from(*method) % METHODS.len()];
        let mut request = Builder::new(Class::Request, method, id);
        while let Some(([k0, k1, length], after)) = rest.split_first_chunk::<3>() {
            let (value, after) = after.split_at(after.len().min(usize::from(*length)));
            request = request.attribute(u16::from_be_bytes([*k0, *k1]), value);
            rest = after;
        }
        self.answers.clear();
        self.say(client, &signature.sign(request));
        assert!(self.answers.len() <= 1, "one answer at most");
        for answer in &self.answers {
            Message::parse(answer).expect("a well-formed answer");
        }
    }

    fn peer(&mut self, bytes: &[u8]) {
        let index = bytes.len() % 2 * self.sockets.len().saturating_sub(1);
        let Some(socket) = self.sockets.get(index) else { return };
        let to_client = self.server.handle_peer(self.now, *socket, PEER, bytes.len());
        if let Some(to_client) = to_client {
            let mut message = vec![];
            to_client.append_to(&mut message, bytes);
            let is_readable = Message::parse(&message).is_ok()
                || parse_channel_data(&message, to_client.client.transport)
                    .is_some_and(|(_, data)| data == bytes);
            assert!(is_readable, "a client could not read it");
        }
    }

    fn break_socket(&mut self) {
        if let Some(socket) = self.sockets.pop() {
            self.server.failed(self.now, socket);
            self.drain();
        }
    }

    fn wait(&mut self, tens_of_seconds: usize) {
        self.now = self.now.plus_ms(10_000 * tens_of_seconds as u64);
        self.server.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Send { message, .. } => self.answers.push(message),
                Output::Open { relay, .. } => {
                    self.port = self.port.checked_add(1).unwrap_or(50_000);
                    self.sockets.push(relay);
                    let address = match relay.family() {
                        Family::V4 => SocketAddr::new(SERVER.ip(), self.port),
                        Family::V6 => {
                            SocketAddr::from(([0x2001, 0xDB8, 0, 0, 0, 0, 0, 1], self.port))
                        }
                    };
                    self.server.opened(self.now, relay, address);
                }
                Output::Close(relay) => {
                    let index = self.sockets.iter().position(|open| *open == relay);
                    self.sockets.remove(index.expect("a socket that is open"));
                }
                Output::Hangup(client) => assert!(client.transport.is_stream()),
            }
        }
    }

    fn check(&mut self) {
        self.answers.clear();
        let allocations = self.server.allocations();
        assert!(allocations <= MAX_ALLOCATIONS);
        assert!((allocations..=2 * allocations).contains(&self.sockets.len()));
        assert!(self.server.poll_timeout().is_none_or(|at| at > self.now.ms), "it spins");
    }
}

/// The least that a relay must not reach, told in other words than the relay's own.
fn may_be_reached(peer: SocketAddr) -> bool {
    match peer.ip() {
        ip if ip == SERVER.ip() => peer.port() >= 50_000,
        IpAddr::V4(ip) => {
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_multicast())
                && ip.octets()[0] != 0
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_multicast() || ip.is_unspecified())
                && ip.to_ipv4_mapped().is_none()
                && ip.segments()[0] & 0xFE00 != 0xFC00
                && ip.segments()[0] & 0xFFC0 != 0xFE80
        }
    }
}
