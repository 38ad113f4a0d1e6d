//! What the core does without sockets, on one thread: datagrams relayed and allocations made a
//! second, as JSON lines `{"figure","value","unit","target","ok"}`.
//!
//! `cargo run --release -p tincan-relay --example relay_bench [allocations]`

#![expect(clippy::expect_used, reason = "a bench ends with the reason when it fails")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Instant;

use tincan_relay::message::attribute::NONCE;
use tincan_relay::message::{Message, Transaction};
use tincan_relay::request::{self, Signature, Wanted};
use tincan_relay::{
    ChannelNumber, Client, Config, Credential, Family, MAX_PREFIX_BYTES, Now, Output, Rate,
    RelayId, Secret, Secrets, Server, Transport,
};

const DATA_BYTES: usize = 1_200;
const ROUNDS: u32 = 5_000_000;
const NOW: Now = Now { ms: 0, unix_seconds: 1_700_000_000 };

fn main() {
    let many = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000);
    for allocations in [1, many] {
        let mut server = server(allocations);
        let began = Instant::now();
        let relays: Vec<_> = (0..allocations).map(|n| allocate(&mut server, n)).collect();
        if allocations > 1 {
            let rate = allocations as f64 / began.elapsed().as_secs_f64();
            figure("relay allocations with a channel, four requests each", rate);
        }
        let to_peers = to_peers(&mut server, &relays);
        figure(&format!("relay core, client to peer, {allocations} allocations"), to_peers);
        let to_clients = to_clients(&mut server, &relays);
        figure(&format!("relay core, peer to client, {allocations} allocations"), to_clients);
    }
}

fn server(allocations: u32) -> Server {
    let config = Config {
        allocations: allocations as usize,
        allocations_per_address: u32::MAX,
        allocations_per_credential: u32::MAX,
        rate_per_credential: Rate::with_bursts(1 << 40, 1 << 10),
        rate_per_address: Rate::with_bursts(1 << 40, 1 << 10),
        stranger_answers: Rate::UNLIMITED,
        ..Config::default()
    };
    Server::new(config, Secrets { current: Secret::new("north"), previous: None }, [7; 32])
}

/// Datagrams a second from clients, in ChannelData of UDP.
fn to_peers(server: &mut Server, relays: &[(Client, RelayId)]) -> f64 {
    let message =
        request::channel_data(channel(), &[7; DATA_BYTES], Transport::Udp).expect("data that fits");
    let mut passed = 0;
    let began = Instant::now();
    for (client, _) in relays.iter().cycle().take(ROUNDS as usize) {
        let to_peer = server.handle_client(NOW, client, black_box(&message));
        passed += u32::from(black_box(to_peer).is_some());
    }
    assert_eq!(passed, ROUNDS);
    f64::from(ROUNDS) / began.elapsed().as_secs_f64()
}

/// Datagrams a second for clients, framed in the buffer that they were read into.
fn to_clients(server: &mut Server, relays: &[(Client, RelayId)]) -> f64 {
    let mut buffer = vec![0; MAX_PREFIX_BYTES + DATA_BYTES + 3];
    let mut passed = 0;
    let began = Instant::now();
    for (_, relay) in relays.iter().cycle().take(ROUNDS as usize) {
        let to_client = server.handle_peer(NOW, *relay, peer(), DATA_BYTES);
        let framed = to_client.as_ref().and_then(|to_client| {
            to_client.frame_in(black_box(&mut buffer), MAX_PREFIX_BYTES, DATA_BYTES)
        });
        passed += u32::from(black_box(framed).is_some());
    }
    assert_eq!(passed, ROUNDS);
    f64::from(ROUNDS) / began.elapsed().as_secs_f64()
}

fn peer() -> SocketAddr {
    ([198, 51, 100, 7], 4000).into()
}

fn channel() -> ChannelNumber {
    ChannelNumber::new(0x4000).expect("a number of the range")
}

/// Makes an allocation with a channel: a challenge, the allocation, a permission and the channel.
fn allocate(server: &mut Server, number: u32) -> (Client, RelayId) {
    let [_, b, c, d] = number.to_be_bytes();
    let client = Client {
        transport: Transport::Udp,
        remote: SocketAddr::from(([20, b, c, d], 1)),
        local: SocketAddr::from(([203, 0, 113, 1], 3478)),
        connection: 0,
    };
    let credential =
        Credential::issue(&Secret::new("north"), 1_700_003_600, &format!("{number:016x}"));
    let id = Transaction([0; 12]);
    let allocate = request::allocate(id, Wanted::One(Family::V4));
    let (challenge, _) = ask(server, &client, &allocate.clone().finish());
    let message = Message::parse(&challenge).expect("a challenge");
    let nonce = message.find(NONCE).expect("a nonce");
    let signature = Signature::new(&credential, "tincan", nonce);
    let (_, relay) = ask(server, &client, &signature.sign(allocate));
    let permission = request::create_permission(id, &[peer()]);
    ask(server, &client, &signature.sign(permission));
    ask(server, &client, &signature.sign(request::bind_channel(id, channel(), peer())));
    (client, relay.expect("a socket"))
}

fn ask(server: &mut Server, client: &Client, request: &[u8]) -> (Vec<u8>, Option<RelayId>) {
    server.handle_client(NOW, client, request);
    let mut opened = None;
    while let Some(output) = server.poll_output() {
        match output {
            Output::Open { relay, .. } => {
                let [_, b, c, d] = u32::try_from(relay.slot()).unwrap_or(0).to_be_bytes();
                server.opened(NOW, relay, SocketAddr::from(([100, b, c, d], 50_000)));
                opened = Some(relay);
            }
            Output::Send { message, .. } => return (message, opened),
            Output::Close(_) | Output::Hangup(_) => {}
        }
    }
    (Vec::new(), opened)
}

#[allow(clippy::print_stdout)]
fn figure(name: &str, value: f64) {
    println!(r#"{{"figure":"{name}","value":{value:.0},"unit":"1/s","target":null,"ok":true}}"#);
}
