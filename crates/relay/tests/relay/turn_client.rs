//! The client's end of an allocation, against the server, in virtual time and over a path that
//! loses what it is told to.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tincan_relay::request::Wanted;
use tincan_relay::turn_client::{
    FromPeer, Sent, TurnClient, TurnClientConfig, TurnError, TurnEvent,
};
use tincan_relay::{
    Client, Config, Credential, Family, MAX_PREFIX_BYTES, Now, Output, RelayId, Server, Transport,
};

use crate::world::{BEGIN, PEER, SECRET, at, config, credential, secrets};

const RTO: Duration = Duration::from_millis(200);

/// What a peer got: from which relayed address, and what.
type AtPeer = (SocketAddr, SocketAddr, Vec<u8>);

struct Path {
    client: TurnClient,
    server: Server,
    me: Client,
    start: Instant,
    now: Instant,
    open: Vec<(RelayId, SocketAddr)>,
    at_peers: Vec<AtPeer>,
    from_peers: Vec<(SocketAddr, Vec<u8>)>,
    /// Numbers of datagrams to the server that are lost, and all of them if so said.
    lost: Vec<usize>,
    dark: bool,
    sent: usize,
}

impl Path {
    fn new(transport: Transport, wanted: Wanted, config: Config, credential: Credential) -> Self {
        let start = Instant::now();
        let settings = TurnClientConfig { credential, wanted, transport, rto: RTO };
        Self {
            client: TurnClient::new(settings, [7; 32], start),
            server: Server::new(config, secrets(SECRET, None), [9; 32]),
            me: Client {
                transport,
                remote: at("198.51.100.200:5000"),
                local: at("203.0.113.1:3478"),
                connection: 1,
            },
            start,
            now: start,
            open: Vec::new(),
            at_peers: Vec::new(),
            from_peers: Vec::new(),
            lost: Vec::new(),
            dark: false,
            sent: 0,
        }
    }

    fn usual() -> Self {
        Self::new(Transport::Udp, Wanted::One(Family::V4), config(), credential("ada"))
    }

    fn allocated(transport: Transport, wanted: Wanted) -> Self {
        let mut path = Self::new(transport, wanted, config(), credential("ada"));
        path.settle();
        assert!(matches!(path.client.poll_event(), Some(TurnEvent::Allocated { .. })));
        path
    }

    fn server_now(&self) -> Now {
        let since = self.now - self.start;
        Now {
            ms: 1 + u64::try_from(since.as_millis()).unwrap(),
            unix_seconds: BEGIN + since.as_secs(),
        }
    }

    /// Carries messages until there are none.
    fn settle(&mut self) {
        while let Some(bytes) = self.client.poll_transmit() {
            self.carry_to_server(&bytes);
        }
        while let Some(output) = self.server.poll_output() {
            let now = self.server_now();
            match output {
                Output::Send { message, .. } if !self.dark => {
                    assert!(self.client.handle(&message, self.now).is_none());
                    self.settle();
                }
                Output::Open { relay, .. } => {
                    let ip = match relay.family() {
                        Family::V4 => "203.0.113.1",
                        Family::V6 => "[2001:db8::1]",
                    };
                    let address = at(&format!("{ip}:{}", 50_000 + self.open.len()));
                    self.open.push((relay, address));
                    self.server.opened(now, relay, address);
                }
                Output::Close(relay) => self.open.retain(|(open, _)| *open != relay),
                Output::Send { .. } | Output::Hangup(_) => {}
            }
        }
    }

    fn carry_to_server(&mut self, bytes: &[u8]) {
        self.sent += 1;
        if self.dark || self.lost.contains(&self.sent) {
            return;
        }
        let now = self.server_now();
        if let Some(to) = self.server.handle_client(now, &self.me, bytes) {
            let (_, relayed) = self.open.iter().find(|(open, _)| *open == to.relay).unwrap();
            self.at_peers.push((*relayed, to.peer, to.data.to_vec()));
        }
    }

    fn send(&mut self, peer: &str, data: &[u8]) -> Sent {
        let mut out = Vec::new();
        let sent = self.client.send(at(peer), data, &mut out, self.now);
        assert_eq!(sent == Sent::Written, !out.is_empty());
        if !out.is_empty() {
            self.carry_to_server(&out);
        }
        self.settle();
        sent
    }

    /// A peer sends to the first relayed address of its family.
    fn peer_sends(&mut self, peer: &str, data: &[u8]) -> bool {
        let peer = at(peer);
        let (relay, relayed) =
            *self.open.iter().find(|(_, address)| address.is_ipv4() == peer.is_ipv4()).unwrap();
        let mut buffer = [&[0; MAX_PREFIX_BYTES], data, &[0; 4]].concat();
        let to = self.server.handle_peer(self.server_now(), relay, peer, data.len());
        let Some(to) = to else { return false };
        let message = to.frame_in(&mut buffer, MAX_PREFIX_BYTES, data.len()).unwrap().to_vec();
        let got = self.client.handle(&message, self.now);
        let FromPeer { peer: from, relayed: here, data } = got.expect("data comes out");
        assert_eq!(here, relayed);
        self.from_peers.push((from, data.to_vec()));
        self.settle();
        true
    }

    /// Lets time pass, and does what comes due.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.server_now());
            self.settle();
        }
        self.now = end;
        self.server.handle_timeout(self.server_now());
        self.settle();
    }

    fn events(&mut self) -> Vec<TurnEvent> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    fn failure(&mut self) -> TurnError {
        match self.events().pop() {
            Some(TurnEvent::Failed(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_allocation_is_asked_for_without_and_then_with_a_signature() {
    let mut path = Path::usual();
    path.settle();
    let expected = TurnEvent::Allocated {
        relayed: vec![at("203.0.113.1:50000")],
        mapped: Some(at("198.51.100.200:5000")),
    };
    assert_eq!(path.events(), [expected]);
    assert_eq!((path.sent, path.server.allocations()), (2, 1));
}

#[test]
fn addresses_of_both_families_come_from_one_allocation() {
    let path = Path::allocated(Transport::Udp, Wanted::Both);
    let families: Vec<bool> = path.client.relayed().iter().map(SocketAddr::is_ipv4).collect();
    assert_eq!((families, path.server.allocations()), (vec![true, false], 1));
}

#[test]
fn what_is_lost_on_the_way_is_said_again() {
    for lost in 1..=2 {
        let mut path = Path::usual();
        path.lost = vec![lost, lost + 1];
        path.settle();
        path.pass(RTO * 4);
        assert!(matches!(path.events()[..], [TurnEvent::Allocated { .. }]), "{lost}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let mut path = Path::usual();
    path.dark = true;
    path.settle();
    path.pass(RTO * 62);
    assert_eq!(path.events(), []);
    path.pass(RTO * 2);
    assert_eq!(path.failure(), TurnError::Silence);
    assert_eq!((path.client.poll_timeout(), path.client.is_over()), (None, true));
}

#[test]
fn over_a_stream_nothing_is_said_twice() {
    let mut path = Path::new(Transport::Tcp, Wanted::One(Family::V4), config(), credential("ada"));
    path.dark = true;
    path.settle();
    path.pass(Duration::from_secs(60));
    assert_eq!((path.sent, path.failure()), (1, TurnError::Silence));
}

#[test]
fn a_wrong_password_is_said_so() {
    let wrong = Credential { password: "guess".into(), ..credential("ada") };
    let mut path = Path::new(Transport::Udp, Wanted::Both, config(), wrong);
    path.settle();
    assert_eq!(path.failure(), TurnError::Credential);
}

#[test]
fn a_full_relay_is_said_so() {
    let full = Config { allocations: 0, ..config() };
    let mut path = Path::new(Transport::Udp, Wanted::Both, full, credential("ada"));
    path.settle();
    assert_eq!(path.failure(), TurnError::Full(508));
}

#[test]
fn data_goes_at_once_and_over_a_channel_once_the_peer_was_heard() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut path = Path::allocated(transport, Wanted::One(Family::V4));
        assert_eq!(path.send(PEER, b"one"), Sent::Queued);
        assert!(path.peer_sends(PEER, b"hello"));
        assert_eq!(path.send(PEER, b"three"), Sent::Written);
        assert!(path.peer_sends(PEER, b"again"));
        let relayed = path.client.relayed()[0];
        let expected = [b"one".as_slice(), b"three"].map(|data| (relayed, at(PEER), data.to_vec()));
        assert_eq!(path.at_peers, expected);
        let expected = [b"hello", b"again"].map(|data| (at(PEER), data.to_vec()));
        assert_eq!(path.from_peers, expected);
    }
}

#[test]
fn a_peer_that_nothing_was_sent_to_cannot_send() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    assert!(!path.peer_sends(PEER, b"hello"));
}

#[test]
fn there_is_no_way_to_a_family_without_an_address() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    assert_eq!(path.send("[2001:db8:9::9]:1", b"x"), Sent::NoWay);
}

#[test]
fn an_allocation_in_use_lives_for_hours_with_its_channel() {
    let mut path = Path::allocated(Transport::Udp, Wanted::Both);
    path.send(PEER, b"x");
    path.peer_sends(PEER, b"y");
    for _ in 0..180 {
        path.pass(Duration::from_secs(60));
        assert_eq!(path.send(PEER, b"x"), Sent::Written);
        assert!(path.peer_sends(PEER, b"y"));
    }
    assert_eq!((path.events(), path.server.allocations()), (Vec::new(), 1));
    // Two round trips every few minutes.
    assert!(path.sent < 500, "{}", path.sent);
}

#[test]
fn an_allocation_without_use_stays_and_its_permissions_go() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.send(PEER, b"x");
    path.pass(Duration::from_secs(3_600));
    assert!(!path.peer_sends(PEER, b"y"));
    assert_eq!(path.server.allocations(), 1);
    // It is asked for anew when it is needed.
    assert_eq!(path.send(PEER, b"x"), Sent::Queued);
    assert!(path.peer_sends(PEER, b"y"));
}

#[test]
fn an_allocation_that_the_server_forgot_is_over() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.server = Server::new(config(), secrets(SECRET, None), [10; 32]);
    path.pass(Duration::from_secs(600));
    assert!(matches!(path.failure(), TurnError::Refused(437, _)));
    assert!(path.client.relayed().is_empty());
}

#[test]
fn a_server_that_was_started_again_is_noticed_at_the_next_request() {
    let begun_again = || Server::new(config(), secrets(SECRET, None), [10; 32]);
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.server = begun_again();
    path.send(PEER, b"x");
    assert!(matches!(path.failure(), TurnError::Refused(437, _)));

    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.server = begun_again();
    path.client.verify(path.now);
    path.pass(Duration::ZERO);
    assert!(matches!(path.failure(), TurnError::Refused(437, _)));
}

#[test]
fn a_server_that_falls_silent_is_doubted_within_a_second_and_believed_again() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.dark = true;
    path.client.verify(path.now);
    path.pass(RTO * 2);
    assert_eq!(path.events(), []);
    path.pass(RTO);
    assert_eq!(path.events(), [TurnEvent::Doubtful]);
    // Twice the time of one question.
    path.pass(RTO * 130);
    assert_eq!((path.events(), path.client.is_over()), (Vec::new(), false));
    path.dark = false;
    path.pass(RTO * 63);
    assert_eq!(path.events(), [TurnEvent::Believed]);
    assert_eq!(path.send(PEER, b"x"), Sent::Queued);
    assert!(path.peer_sends(PEER, b"y"));
    path.dark = true;
    path.client.verify(path.now);
    path.pass(RTO * 3);
    assert_eq!(path.events(), [TurnEvent::Doubtful]);
}

#[test]
fn two_lost_questions_make_no_server_doubtful() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.lost = vec![path.sent + 1, path.sent + 2];
    path.client.verify(path.now);
    path.pass(RTO * 20);
    assert_eq!(path.events(), []);
}

#[test]
fn a_server_that_is_back_after_a_second_is_believed_within_half_of_one() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.dark = true;
    path.client.verify(path.now);
    path.pass(RTO * 4);
    assert_eq!(path.events(), [TurnEvent::Doubtful]);
    path.dark = false;
    path.pass(RTO);
    assert_eq!(path.events(), [TurnEvent::Believed]);
}

#[test]
fn a_stream_that_is_silent_for_two_seconds_is_doubted_and_its_answer_is_still_taken() {
    let mut path = Path::allocated(Transport::Tcp, Wanted::One(Family::V4));
    path.dark = true;
    path.client.verify(path.now);
    path.pass(Duration::from_millis(1_900));
    assert_eq!(path.events(), []);
    path.pass(Duration::from_millis(100));
    assert_eq!(path.events(), [TurnEvent::Doubtful]);
    path.dark = false;
    // The question is given up after 8 s and asked again 2 s later.
    path.pass(Duration::from_secs(9));
    assert_eq!(path.events(), [TurnEvent::Believed]);
}

#[test]
fn a_server_that_stays_silent_is_given_up_when_the_lifetime_is_over() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.dark = true;
    path.client.verify(path.now);
    path.pass(Duration::from_secs(550));
    assert_eq!(path.events(), [TurnEvent::Doubtful]);
    path.pass(Duration::from_secs(70));
    assert_eq!(path.failure(), TurnError::Silence);
}

#[test]
fn an_allocation_that_the_client_forgot_makes_way_for_a_new_one() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    let settings = TurnClientConfig {
        credential: credential("ada"),
        wanted: Wanted::Both,
        transport: Transport::Udp,
        rto: RTO,
    };
    path.client = TurnClient::new(settings, [8; 32], path.now);
    path.settle();
    let events = path.events();
    let [TurnEvent::Allocated { relayed, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((relayed.len(), path.server.allocations()), (2, 1));
}

#[test]
fn an_allocation_of_another_name_at_our_address_is_no_way() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    let settings = TurnClientConfig {
        credential: credential("bob"),
        wanted: Wanted::Both,
        transport: Transport::Udp,
        rto: RTO,
    };
    path.client = TurnClient::new(settings, [8; 32], path.now);
    path.settle();
    assert!(matches!(path.failure(), TurnError::Refused(437, _)));
    assert_eq!(path.server.allocations(), 1);
}

#[test]
fn an_allocation_that_is_verified_stays() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    let before = path.sent;
    path.client.verify(path.now);
    path.pass(Duration::from_secs(1));
    assert_eq!((path.sent - before, path.events()), (1, Vec::new()));
}

#[test]
fn a_permission_that_was_refused_is_asked_for_again() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    let before = path.sent;
    path.send("10.0.0.1:1", b"x");
    path.send("10.0.0.1:2", b"x");
    assert_eq!(path.sent - before, 4, "a request with each datagram");
    assert!(path.at_peers.is_empty());
}

#[test]
fn what_is_given_back_is_free_at_once() {
    let mut path = Path::allocated(Transport::Udp, Wanted::Both);
    path.client.release(path.now);
    path.settle();
    assert_eq!((path.server.allocations(), path.open.len()), (0, 0));
    assert!(path.client.is_over() && path.client.relayed().is_empty());
}

#[test]
fn forged_answers_change_nothing() {
    let mut path = Path::usual();
    let request = path.client.poll_transmit().unwrap();
    // Success without a signature, for the very transaction.
    let mut forged = vec![1, 3, 0, 12, 0x21, 0x12, 0xA4, 0x42];
    forged.extend(&request[8..20]);
    forged.extend([0, 0x16, 0, 8, 0, 1, 0x11, 0x22, 1, 2, 3, 4]);
    assert!(path.client.handle(&forged, path.now).is_none());
    assert_eq!(path.events(), []);
    path.carry_to_server(&request);
    path.settle();
    assert!(matches!(path.events()[..], [TurnEvent::Allocated { .. }]));
}

#[test]
fn more_peers_than_are_kept_have_no_way() {
    let config = Config { permissions: 512, ..config() };
    let mut path = Path::new(Transport::Udp, Wanted::One(Family::V4), config, credential("ada"));
    path.settle();
    for number in 0..256 {
        assert_eq!(path.send(&format!("198.51.{}.{}:9", 100, number), b"x"), Sent::Queued);
    }
    assert_eq!(path.send("198.51.101.1:9", b"x"), Sent::NoWay);
    // Those that are not used make room.
    path.pass(Duration::from_secs(301));
    assert_eq!(path.send("198.51.101.1:9", b"x"), Sent::Queued);
}

#[test]
fn peers_beyond_the_channels_are_heard_all_the_same() {
    let config = Config { permissions: 512, channels: 512, ..config() };
    let mut path = Path::new(Transport::Udp, Wanted::One(Family::V4), config, credential("ada"));
    path.settle();
    for port in 1..=200 {
        let peer = format!("198.51.100.7:{port}");
        path.send(&peer, b"x");
        assert!(path.peer_sends(&peer, b"y"));
        let expected = if port <= 128 { Sent::Written } else { Sent::Queued };
        assert_eq!(path.send(&peer, b"z"), expected, "{port}");
    }
}

#[test]
fn a_relay_that_answers_nothing_more_is_not_asked_for_ever() {
    let mut path = Path::allocated(Transport::Udp, Wanted::One(Family::V4));
    path.dark = true;
    let before = path.sent;
    for number in 0..200 {
        path.send(&format!("198.51.100.{number}:9"), b"x");
    }
    // Each datagram goes out, and 64 requests beside them.
    assert_eq!(path.sent - before, 200 + 64);
}

mod anything {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_server_may_say_without_harm(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 0..20),
        ) {
            let mut path = Path::allocated(Transport::Udp, Wanted::Both);
            for message in &messages {
                let _ = path.client.handle(message, path.now);
            }
            prop_assert!(path.client.poll_event().is_none());
        }
    }
}
