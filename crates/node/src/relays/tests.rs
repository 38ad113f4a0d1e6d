use tincan_relay::{Client, Config, Credential, Family, Output, Secret, Secrets, Server};

use super::*;
use crate::dial::TlsSettings;

fn server_at(transport: Transport, addresses: &[&str]) -> TurnServer {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let login = Credential { username: "9:x".into(), password: "p".into() };
    TurnServer { transport, host: "127.0.0.1".into(), port: 9, addresses, login }
}

#[tokio::test]
async fn however_many_addresses_are_listed_for_udp_streams_have_room() {
    let mut relays = Relays::default();
    relays.set_dialer(Dialer::new(TlsSettings::default()));
    let mut servers = vec![server_at(Transport::Udp, &["127.0.0.1:9", "127.0.0.2:9"]); MAX_RELAYS];
    servers.push(server_at(Transport::Tcp, &[]));
    servers.push(server_at(Transport::Tls, &[]));
    relays.set_servers(servers);
    let now = Instant::now();
    relays.begin(now, &["127.0.0.1:1".parse().unwrap()]);
    relays.handle_timeout(now + HEAD_START, true);
    let begun = |wanted: Transport| {
        relays.relays.iter().filter(|relay| relay.server.transport == wanted).count()
    };
    let all = [Transport::Udp, Transport::Tcp, Transport::Tls].map(begun);
    assert_eq!(all, [MAX_RELAYS - FOR_STREAMS, 1, 1]);
}

#[tokio::test]
async fn why_a_relay_cannot_be_used_is_kept_as_long_as_it_is_listed() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut relays = Relays::default();
    relays.set_dialer(Dialer::new(TlsSettings::default()));
    let server = |transport| TurnServer { port, ..server_at(transport, &[]) };
    relays.set_servers(vec![server(Transport::Tcp), server(Transport::Tls)]);
    let now = Instant::now();
    relays.begin(now, &["127.0.0.1:1".parse().unwrap()]);
    while !relays.relays.is_empty() {
        relays.ready().await;
        relays.handle_stream(now);
    }
    let failures = relays.failures(now + Duration::from_secs(3));
    let urls: Vec<&str> = failures.iter().map(|failure| failure.url.as_str()).collect();
    let at = format!("127.0.0.1:{port}");
    assert_eq!(urls, [format!("turn:{at}?transport=tcp"), format!("turns:{at}")]);
    for RelayFailure { reason, secs_ago, .. } in &failures {
        assert!(reason.contains("connection refused"), "{reason}");
        assert_eq!(*secs_ago, 3);
    }
    relays.set_servers(vec![server(Transport::Tls)]);
    assert_eq!(relays.failures(now).len(), 1);
    relays.set_servers(Vec::new());
    assert!(relays.failures(now).is_empty());
}

/// Relays over UDP within this process, and the client's end of them; what the client sends is
/// carried as time goes by.
struct Lab {
    relays: Relays,
    servers: Vec<(SocketAddr, Server, u16)>,
    /// Those that nothing reaches.
    dead: Vec<SocketAddr>,
    start: Instant,
    now: Instant,
}

impl Lab {
    /// Two relays and an allocation on the first, which answered sooner: what the second gave was
    /// given back.
    fn new() -> Self {
        let secret = || Secrets { current: Secret::new("north"), previous: None };
        let places: Vec<SocketAddr> =
            ["192.0.2.1:3478", "192.0.2.2:3478"].map(|at| at.parse().unwrap()).to_vec();
        let server = |at: &SocketAddr| {
            let config = Config { own_addresses: vec![at.ip()], ..Config::default() };
            (*at, Server::new(config, secret(), [9; 32]), 50_000)
        };
        let start = Instant::now();
        let servers = places.iter().map(server).collect();
        let relays = Relays::default();
        let mut lab = Self { relays, servers, dead: Vec::new(), start, now: start };
        let login = Credential::issue(&Secret::new("north"), BEGIN + 3_600, "ada");
        let of = |at: &SocketAddr| TurnServer {
            login: login.clone(),
            ..server_at(Transport::Udp, &[&at.to_string()])
        };
        lab.relays.set_servers(places.iter().map(of).collect());
        lab.relays.begin(start, &["198.51.100.1:1".parse().unwrap()]);
        lab.pass(Duration::from_millis(100));
        assert_eq!(lab.on(), [at("192.0.2.1:50000")]);
        lab.news();
        lab
    }

    /// The addresses that are offered.
    fn on(&self) -> Vec<SocketAddr> {
        self.relays.found().into_iter().map(|(candidate, _)| candidate.addr).collect()
    }

    fn news(&mut self) -> Vec<Found> {
        std::iter::from_fn(|| self.relays.poll_found()).collect()
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.carry();
        while let Some(next) = self.relays.deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.relays.handle_timeout(self.now, true);
            self.carry();
        }
        self.now = end;
    }

    fn carry(&mut self) {
        for index in 0..self.servers.len() {
            let place = self.servers[index].0;
            while let Some(bytes) = self.next_to(place) {
                if !self.dead.contains(&place) {
                    self.serve(index, &bytes);
                }
            }
        }
        self.relays.relays.retain(|relay| !relay.client.as_ref().is_some_and(TurnClient::is_over));
    }

    fn next_to(&mut self, place: SocketAddr) -> Option<Vec<u8>> {
        let is_to = |relay: &&mut Relay| matches!(relay.way, Way::Udp(at) if at == place);
        self.relays.relays.iter_mut().find(is_to)?.client.as_mut()?.poll_transmit()
    }

    fn serve(&mut self, index: usize, bytes: &[u8]) {
        let ms = 1 + u64::try_from((self.now - self.start).as_millis()).unwrap();
        let now = tincan_relay::Now { ms, unix_seconds: BEGIN };
        let (place, server, port) = &mut self.servers[index];
        let remote = at("198.51.100.1:5000");
        let me = Client { transport: Transport::Udp, remote, local: *place, connection: 1 };
        assert!(server.handle_client(now, &me, bytes).is_none(), "no data is sent here");
        let mut answers = Vec::new();
        while let Some(output) = server.poll_output() {
            match output {
                Output::Send { message, .. } => answers.push(message),
                Output::Open { relay, .. } if relay.family() == Family::V4 => {
                    server.opened(now, relay, SocketAddr::new(place.ip(), *port));
                    *port += 1;
                }
                Output::Open { relay, .. } => server.failed(now, relay),
                Output::Close(_) | Output::Hangup(_) => {}
            }
        }
        let place = *place;
        for answer in answers {
            assert!(self.relays.handle_datagram(self.now, place, &answer).is_none());
        }
    }
}

/// In Unix seconds.
const BEGIN: u64 = 1_700_000_000;

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn gone(address: &str) -> Found {
    Found::Gone(at(address))
}

fn new(address: &str) -> Found {
    Found::Candidate(candidate(at(address)), Transport::Udp)
}

#[test]
fn a_relay_that_is_silent_is_replaced_within_a_second_and_left_within_two() {
    let mut lab = Lab::new();
    lab.dead.push(at("192.0.2.1:3478"));
    lab.relays.verify(lab.now);
    lab.pass(Duration::from_millis(800));
    assert_eq!(lab.news(), [new("192.0.2.2:50001")]);
    // It is not offered any more, though it is not left yet.
    assert_eq!(lab.on(), [at("192.0.2.2:50001")]);
    lab.pass(Duration::from_millis(800));
    assert_eq!(lab.news(), [gone("192.0.2.1:50000")]);
    assert!(!lab.relays.is_server(at("192.0.2.1:3478")));
}

#[test]
fn a_relay_that_was_left_is_asked_again_when_the_next_falls_silent() {
    let mut lab = Lab::new();
    lab.dead = vec![at("192.0.2.1:3478")];
    lab.relays.verify(lab.now);
    lab.pass(Duration::from_secs(2));
    lab.dead = vec![at("192.0.2.2:3478")];
    lab.news();
    lab.relays.verify(lab.now);
    lab.pass(Duration::from_secs(2));
    // The relay still had the first allocation and was told to end it.
    assert_eq!(lab.news(), [new("192.0.2.1:50001"), gone("192.0.2.2:50001")]);
}

#[test]
fn a_relay_that_answers_again_before_it_is_left_is_kept() {
    let mut lab = Lab::new();
    lab.dead.push(at("192.0.2.1:3478"));
    lab.relays.verify(lab.now);
    lab.pass(Duration::from_millis(800));
    lab.dead.clear();
    lab.pass(Duration::from_secs(3));
    assert_eq!(lab.on(), [at("192.0.2.1:50000"), at("192.0.2.2:50001")]);
    assert!(!lab.news().contains(&gone("192.0.2.1:50000")));
}

#[test]
fn an_outage_of_a_second_leaves_everything_as_it_was() {
    let mut lab = Lab::new();
    lab.dead = vec![at("192.0.2.1:3478"), at("192.0.2.2:3478")];
    // The first half second of silence passes before anybody asks.
    lab.relays.verify(lab.now);
    lab.pass(Duration::from_millis(500));
    lab.dead.clear();
    lab.pass(Duration::from_secs(10));
    // It was in doubt for a moment; who was told of it before knows it.
    assert_eq!((lab.news(), lab.on()), (vec![new("192.0.2.1:50000")], vec![at("192.0.2.1:50000")]));
    assert_eq!(lab.relays.relays.len(), 1);
}

#[test]
fn the_only_relay_is_offered_and_kept_in_doubt_until_its_lifetime_ends() {
    let mut lab = Lab::new();
    lab.dead = vec![at("192.0.2.1:3478"), at("192.0.2.2:3478")];
    lab.relays.verify(lab.now);
    lab.pass(Duration::from_secs(30));
    assert_eq!((lab.news(), lab.on()), (Vec::new(), vec![at("192.0.2.1:50000")]));
    lab.dead.clear();
    lab.pass(Duration::from_secs(8));
    assert_eq!(lab.on(), [at("192.0.2.1:50000")]);
    assert_eq!(lab.relays.relays[0].trust, Trust::Sound);
}

#[test]
fn when_all_are_in_doubt_the_next_connection_asks_the_others_again() {
    let mut lab = Lab::new();
    lab.dead = vec![at("192.0.2.1:3478"), at("192.0.2.2:3478")];
    lab.relays.verify(lab.now);
    // The second relay has been given up by then.
    lab.pass(Duration::from_secs(30));
    lab.dead = vec![at("192.0.2.1:3478")];
    lab.relays.begin(lab.now, &["198.51.100.1:1".parse().unwrap()]);
    lab.pass(Duration::from_secs(1));
    assert_eq!(lab.on(), [at("192.0.2.2:50001")]);
}
