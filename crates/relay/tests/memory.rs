//! What an allocation costs, measured over ten thousand of them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::net::SocketAddr;

use tincan_relay::message::attribute::NONCE;
use tincan_relay::message::{Message, Transaction};
use tincan_relay::request::{self, Signature, Wanted};
use tincan_relay::{
    ChannelNumber, Client, Config, Credential, Family, Now, Output, Rate, Secret, Secrets, Server,
    Transport,
};

const ALLOCATIONS: u32 = 10_000;

/// What the project promises.
const MAX_BYTES: usize = 5_000;

const NOW: Now = Now { ms: 0, unix_seconds: 1_700_000_000 };

#[test]
fn an_allocation_with_a_permission_and_a_channel_takes_less_than_5_kb() {
    let secret = Secret::new("north");
    let secrets = Secrets { current: secret.clone(), previous: None };
    let config = Config { stranger_answers: Rate::UNLIMITED, ..Config::default() };
    let mut server = Server::new(config, secrets, [7; 32]);
    open(&mut server, &secret, ALLOCATIONS);
    let before = resident_bytes();
    for number in 0..ALLOCATIONS - 1 {
        open(&mut server, &secret, number);
    }
    let each = resident_bytes().saturating_sub(before) / ALLOCATIONS as usize;
    println!("{each} bytes an allocation");
    assert_eq!(server.allocations(), ALLOCATIONS as usize);
    assert!(each > 200, "this measures nothing");
    assert!(each < MAX_BYTES, "{each} bytes");
}

/// Makes an allocation with a channel, which has a permission, for a user and an address of its
/// own.
fn open(server: &mut Server, secret: &Secret, number: u32) {
    let [a, b, c, d] = number.to_be_bytes();
    let client = Client {
        transport: Transport::Udp,
        remote: SocketAddr::from(([20 + a, b, c, d], 1)),
        local: SocketAddr::from(([203, 0, 113, 1], 3478)),
        connection: 0,
    };
    let credential =
        Credential::issue(secret, 1_700_003_600, &format!("0123456789abcdef{number:08x}"));
    let id = Transaction([0; 12]);
    let allocate = request::allocate(id, Wanted::One(Family::V4));
    let challenge = ask(server, &client, &allocate.clone().finish());
    let nonce = Message::parse(&challenge).unwrap().find(NONCE).unwrap().to_vec();
    let signature = Signature::new(&credential, "tincan", &nonce);
    ask(server, &client, &signature.sign(allocate));
    let peer = SocketAddr::from(([198, 51, 100, 7], 4000));
    let channel = ChannelNumber::new(0x4000).unwrap();
    let bound = ask(server, &client, &signature.sign(request::bind_channel(id, channel, peer)));
    assert_eq!(Message::parse(&bound).unwrap().error(), None);
}

fn ask(server: &mut Server, client: &Client, request: &[u8]) -> Vec<u8> {
    server.handle_client(NOW, client, request);
    loop {
        match server.poll_output() {
            Some(Output::Open { relay, .. }) => {
                let [h, l] = u16::try_from(relay.slot()).unwrap().to_be_bytes();
                server.opened(NOW, relay, SocketAddr::from(([203, 0, h, l], 50_000)));
            }
            Some(Output::Send { message, .. }) => return message,
            other => panic!("{other:?}"),
        }
    }
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
