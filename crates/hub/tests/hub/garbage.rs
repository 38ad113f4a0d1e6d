//! Bytes that no client should send, on every port.

use std::net::SocketAddr;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tincan_hub::Hub;
use tincan_wire::Leaf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use crate::client::{ALL_WAYS, Client};
use crate::user::User;
use crate::{LOOPBACK, http, hub, hub_with};

/// Sends bytes and waits until the other side has had enough, or this one says good-bye.
async fn throw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _reset = stream.write_all(bytes).await;
    let _reset = stream.shutdown().await;
    let mut answer = vec![];
    let _reset = stream.read_to_end(&mut answer).await;
    answer
}

/// A CONNECT of MQTT 3.1.1 as raw bytes.
pub(crate) fn connect(user: &User, token: &str, clean: bool, will: Option<&str>) -> Vec<u8> {
    let field = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let flags = 0xC0 | if clean { 2 } else { 0 } | if will.is_some() { 4 } else { 0 };
    let mut body = [&field("MQTT")[..], &[4, flags, 0, 30]].concat();
    body.extend(field(&user.client_id));
    if let Some(topic) = will {
        body.extend(field(topic));
        body.extend(field("gone"));
    }
    body.extend(field(&user.id().to_string()));
    body.extend(field(token));
    let head = [0x10, (body.len() % 128) as u8 | 0x80, (body.len() / 128) as u8];
    [&head[..], &body].concat()
}

/// The code of the CONNACK that answers.
pub(crate) async fn connack_code(hub: &Hub, connect: &[u8]) -> Option<u8> {
    let answer = throw(hub.addresses().mqtt, connect).await;
    (answer.get(..2) == Some(&[0x20, 2])).then(|| answer[3])
}

#[tokio::test]
async fn random_bytes_on_every_port_harm_nobody() {
    let hub = hub().await;
    let a = hub.addresses();
    let (alice, bob) = (User::new(1), User::new(2));
    let mut peer = Client::of(&bob, &hub).await;
    let udp = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..100 {
        let mut bytes = vec![0; (rng.next_u32() % 2000) as usize];
        rng.fill_bytes(&mut bytes);
        for address in [a.mqtt, a.websocket, a.http] {
            throw(address, &bytes).await;
        }
        udp.send_to(&bytes[..bytes.len().min(1400)], a.stun).await.unwrap();
    }
    check_alive(&hub, &alice, &bob, &mut peer).await;
}

#[tokio::test]
async fn mangled_packets_after_admission_harm_nobody() {
    let hub = hub_with(|config| config.limits.connects_per_second = 1000).await;
    let (alice, bob, mallory) = (User::new(1), User::new(2), User::new(3));
    let mut peer = Client::of(&bob, &hub).await;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for round in 0..100 {
        let mut client = Client::by(ALL_WAYS[round % 4], &mallory, &hub).await;
        let mut bytes = vec![0; 1 + (rng.next_u32() % 60) as usize];
        rng.fill_bytes(&mut bytes);
        // A header of each packet type in turn, with a length that fits or nearly so.
        let len = (bytes.len() as u8).wrapping_add((rng.next_u32() % 3) as u8).wrapping_sub(1);
        let packet = [&[((round % 16) as u8) << 4 | (bytes[0] & 15), len & 0x7F][..], &bytes];
        client.write(&packet.concat()).await;
        client.write(&[0xE0, 0]).await;
        client.cut();
    }
    check_alive(&hub, &alice, &bob, &mut peer).await;
}

#[tokio::test]
async fn odd_http_is_answered_or_closed() {
    let hub = hub().await;
    let address = hub.addresses().http;
    for request in [
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "\r\n\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(10_000)),
        "POST /ice HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nx".to_owned(),
        "POST /ice HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
    ] {
        throw(address, request.as_bytes()).await;
        assert_eq!(http::get(address, "/health").await.status, 200);
    }
}

#[tokio::test]
async fn a_websocket_elsewhere_is_not_found() {
    let hub = hub().await;
    let address = hub.addresses().websocket;
    let stream = TcpStream::connect(address).await.unwrap();
    let error = tokio_tungstenite::client_async(format!("ws://{address}/other"), stream).await;
    assert!(error.unwrap_err().to_string().contains("404"));
    let stream = TcpStream::connect(address).await.unwrap();
    assert!(tokio_tungstenite::client_async(format!("ws://{address}/mqtt"), stream).await.is_ok());
}

#[tokio::test]
async fn one_who_dawdles_in_a_handshake_holds_nobody_up() {
    let hub = hub().await;
    let mut dawdlers = vec![];
    for address in [hub.addresses().websocket, hub.addresses().mqtt, hub.addresses().http] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"G").await.unwrap();
        dawdlers.push(stream);
    }
    let _client = Client::by(ALL_WAYS[2], &User::new(1), &hub).await;
    let _client = Client::by(ALL_WAYS[0], &User::new(2), &hub).await;
}

async fn check_alive(hub: &Hub, alice: &User, bob: &User, peer: &mut Client) {
    assert_eq!(http::get(hub.addresses().http, "/health").await.status, 200);
    let mut client = Client::of(alice, hub).await;
    client.publish(&bob.topic(Leaf::Offer), "alive").await;
    assert_eq!(peer.message().await.1, b"alive");
}
