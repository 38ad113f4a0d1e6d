//! A server, clients that speak TURN to it, and a shell that opens whatever is asked for.

use std::net::SocketAddr;

use tincan_relay::message::attribute::{LIFETIME, NONCE, REALM, XOR_RELAYED_ADDRESS};
use tincan_relay::message::{Builder, Class, Message, Transaction};
use tincan_relay::request::{self, Signature, Wanted};
use tincan_relay::{
    ChannelNumber, Client, Config, Credential, Dropped, Family, Now, Output, RelayId, Secret,
    Secrets, Server, Transport,
};

/// When the world begins, in Unix seconds.
pub(crate) const BEGIN: u64 = 1_700_000_000;
pub(crate) const SECRET: &str = "north";
pub(crate) const PEER: &str = "198.51.100.7:4000";
pub(crate) const PEER_V6: &str = "[2001:db8:7::7]:4000";
pub(crate) const SERVER: &str = "203.0.113.1:3478";

pub(crate) fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

pub(crate) fn channel(number: u16) -> ChannelNumber {
    ChannelNumber::new(number).unwrap()
}

pub(crate) fn config() -> Config {
    Config {
        own_addresses: vec![at(SERVER).ip(), "2001:db8::1".parse().unwrap()],
        listening_ports: vec![3478],
        ..Config::default()
    }
}

pub(crate) fn credential(user: &str) -> Credential {
    Credential::issue(&Secret::new(SECRET), BEGIN + 3_600, user)
}

pub(crate) fn secrets(current: &str, previous: Option<&str>) -> Secrets {
    Secrets { current: Secret::new(current), previous: previous.map(Secret::new) }
}

/// A server and a shell that opens sockets on ports from 50,000.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) now: Now,
    /// Whether sockets of IPv4 and IPv6 can be opened.
    pub(crate) can_open: [bool; 2],
    pub(crate) open: Vec<(RelayId, SocketAddr)>,
    pub(crate) hung_up: Vec<Client>,
    answers: Vec<(Client, Vec<u8>)>,
    next_port: u16,
    next_transaction: u64,
}

/// What a client was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted,
    Refused(u16),
    Silence,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            server: Server::new(config, secrets(SECRET, None), [7; 32]),
            now: Now { ms: 1_000, unix_seconds: BEGIN },
            can_open: [true; 2],
            open: vec![],
            hung_up: vec![],
            answers: vec![],
            next_port: 50_000,
            next_transaction: 0,
        }
    }

    pub(crate) fn transaction(&mut self) -> Transaction {
        self.next_transaction += 1;
        let mut id = [0; 12];
        id[4..].copy_from_slice(&self.next_transaction.to_be_bytes());
        Transaction(id)
    }

    /// Lets time pass, second by second.
    pub(crate) fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now.plus_ms(1_000);
            if self.server.poll_timeout().is_some_and(|at| at <= self.now.ms) {
                self.server.handle_timeout(self.now);
                self.drain();
            }
            assert!(self.server.poll_timeout().is_none_or(|at| at > self.now.ms), "it spins");
        }
    }

    /// Does what the server wants done.
    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Send { client, message } => self.answers.push((client, message)),
                Output::Open { relay, even_port } => self.open(relay, even_port),
                Output::Close(relay) => self.open.retain(|(open, _)| *open != relay),
                Output::Hangup(client) => self.hung_up.push(client),
            }
        }
    }

    fn open(&mut self, relay: RelayId, even_port: bool) {
        let [v4, v6] = self.can_open;
        let (can, ip) = match relay.family() {
            Family::V4 => (v4, "203.0.113.1".parse().unwrap()),
            Family::V6 => (v6, "2001:db8::1".parse().unwrap()),
        };
        if can {
            self.next_port += u16::from(even_port && !self.next_port.is_multiple_of(2));
            let address = SocketAddr::new(ip, self.next_port);
            self.next_port += 1;
            self.open.push((relay, address));
            self.server.opened(self.now, relay, address);
        } else {
            self.server.failed(self.now, relay);
        }
    }

    /// Sends a request and returns the answer's bytes.
    pub(crate) fn ask(&mut self, client: &Client, request: &[u8]) -> Option<Vec<u8>> {
        assert_eq!(self.server.handle_client(self.now, client, request), None);
        self.drain();
        let (to, answer) = self.answers.pop()?;
        assert_eq!(to, *client);
        assert_eq!(self.answers, [], "one answer is enough");
        Some(answer)
    }

    /// A client that has been told realm and nonce.
    pub(crate) fn meet(&mut self, client: Client, credential: &Credential) -> TestClient {
        let request = request::allocate(self.transaction(), Wanted::One(Family::V4)).finish();
        let answer = self.ask(&client, &request).expect("a challenge");
        let message = Message::parse(&answer).unwrap();
        let realm = std::str::from_utf8(message.find(REALM).unwrap()).unwrap();
        let signature = Signature::new(credential, realm, message.find(NONCE).unwrap());
        TestClient { client, signature }
    }

    /// A client over UDP with an allocation of IPv4.
    pub(crate) fn allocated(&mut self, port: u16, user: &str) -> TestClient {
        let client = self.meet(udp(port), &credential(user));
        assert_eq!(client.allocate(self, Wanted::One(Family::V4)), Answer::Granted);
        client
    }

    pub(crate) fn dropped(&self, reason: Dropped) -> u64 {
        self.server.counters().dropped(reason)
    }

    /// The socket that was opened last.
    pub(crate) fn last_relay(&self) -> RelayId {
        self.open.last().expect("an open socket").0
    }

    /// What a client gets to see of a datagram of a peer.
    pub(crate) fn peer_says(&mut self, relay: RelayId, peer: &str, data: &[u8]) -> Option<Vec<u8>> {
        let to_client = self.server.handle_peer(self.now, relay, at(peer), data.len())?;
        let mut message = vec![];
        to_client.append_to(&mut message, data);
        Some(message)
    }
}

pub(crate) fn udp(port: u16) -> Client {
    client(Transport::Udp, port)
}

pub(crate) fn client(transport: Transport, port: u16) -> Client {
    let remote = SocketAddr::from(([192, 0, 2, 1], port));
    Client { transport, remote, local: at(SERVER), connection: 0 }
}

/// A client that knows how to sign.
#[derive(Clone)]
pub(crate) struct TestClient {
    pub(crate) client: Client,
    pub(crate) signature: Signature,
}

impl TestClient {
    /// Signs and sends a request; the answer must be signed, too, unless it is about that.
    pub(crate) fn ask(&self, world: &mut World, request: Builder) -> Answer {
        self.ask_signed(world, &self.signature.sign(request)).0
    }

    /// The same with a request that is ready, and with the answer's bytes.
    pub(crate) fn ask_signed(&self, world: &mut World, request: &[u8]) -> (Answer, Vec<u8>) {
        let Some(bytes) = world.ask(&self.client, request) else {
            return (Answer::Silence, vec![]);
        };
        let asked = Message::parse(request).unwrap();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.transaction(), asked.transaction());
        assert_eq!(message.method(), asked.method());
        let code = message.error().map(|(code, _)| code);
        if !matches!(code, Some(400 | 401 | 438)) {
            assert!(message.verify(self.signature.key()), "an answer without integrity");
        }
        let answer = match (message.class(), code) {
            (Class::Success, None) => Answer::Granted,
            (Class::Error, Some(code)) => Answer::Refused(code),
            other => panic!("{other:?}"),
        };
        (answer, bytes)
    }

    pub(crate) fn allocate(&self, world: &mut World, wanted: Wanted) -> Answer {
        let transaction = world.transaction();
        self.ask(world, request::allocate(transaction, wanted))
    }

    /// Asks for an allocation, and tells its addresses and lifetime.
    pub(crate) fn allocate_with(
        &self,
        world: &mut World,
        request: Builder,
    ) -> (Vec<SocketAddr>, u32) {
        let (answer, bytes) = self.ask_signed(world, &self.signature.sign(request));
        assert_eq!(answer, Answer::Granted);
        let message = Message::parse(&bytes).unwrap();
        let relayed = message.addresses(XOR_RELAYED_ADDRESS).map(Result::unwrap).collect();
        (relayed, message.number(LIFETIME).unwrap().unwrap())
    }

    pub(crate) fn refresh(&self, world: &mut World, lifetime_seconds: u32) -> Answer {
        let transaction = world.transaction();
        self.ask(world, request::refresh(transaction, lifetime_seconds))
    }

    pub(crate) fn permit(&self, world: &mut World, peers: &[&str]) -> Answer {
        let peers: Vec<_> = peers.iter().map(|peer| at(peer)).collect();
        let transaction = world.transaction();
        self.ask(world, request::create_permission(transaction, &peers))
    }

    pub(crate) fn bind(&self, world: &mut World, number: u16, peer: &str) -> Answer {
        let transaction = world.transaction();
        self.ask(world, request::bind_channel(transaction, channel(number), at(peer)))
    }

    /// Where data sent by indication goes, if anywhere.
    pub(crate) fn send(&self, world: &mut World, peer: &str, data: &[u8]) -> Option<SocketAddr> {
        let message = request::send(world.transaction(), at(peer), data);
        let to_peer = world.server.handle_client(world.now, &self.client, &message)?;
        assert_eq!(to_peer.data, data);
        Some(to_peer.peer)
    }

    /// Where data sent over a channel goes, if anywhere.
    pub(crate) fn send_channel(
        &self,
        world: &mut World,
        number: u16,
        data: &[u8],
    ) -> Option<SocketAddr> {
        let message = request::channel_data(channel(number), data, self.client.transport).unwrap();
        let to_peer = world.server.handle_client(world.now, &self.client, &message)?;
        assert_eq!(to_peer.data, data);
        Some(to_peer.peer)
    }
}
