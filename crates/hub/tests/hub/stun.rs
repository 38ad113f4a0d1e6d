//! The STUN responder on its socket.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tincan_hub::RelayAddress;
use tokio::net::UdpSocket;

use crate::http::get;
use crate::{LOOPBACK, hub, hub_with};

const REQUEST: [u8; 20] =
    [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

async fn socket(hub: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    socket.connect(hub).await.unwrap();
    socket
}

async fn answer(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 100];
    let received = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut buffer));
    let len = received.await.expect("an answer comes").unwrap();
    buffer[..len].to_vec()
}

#[tokio::test]
async fn a_client_learns_its_own_address() {
    let hub = hub().await;
    let socket = socket(hub.addresses().stun).await;
    socket.send(&REQUEST).await.unwrap();
    let answer = answer(&socket).await;
    assert_eq!(answer[..2], [1, 1]);
    assert_eq!(answer[8..20], REQUEST[8..20]);
    let port = u16::from_be_bytes([answer[26] ^ 0x21, answer[27] ^ 0x12]);
    let octets = [answer[28] ^ 0x21, answer[29] ^ 0x12, answer[30] ^ 0xA4, answer[31] ^ 0x42];
    assert_eq!(SocketAddr::new(IpAddr::from(octets), port), socket.local_addr().unwrap());
}

#[tokio::test]
async fn answers_to_one_address_are_limited() {
    let hub = hub_with(|config| config.limits.stun_answers_per_second = 1).await;
    let socket = socket(hub.addresses().stun).await;
    for n in 0..50 {
        let mut request = REQUEST;
        request[19] = n;
        socket.send(&request).await.unwrap();
    }
    let began = Instant::now();
    let mut answers = 0;
    while tokio::time::timeout(Duration::from_millis(300), answer(&socket)).await.is_ok() {
        answers += 1;
    }
    // Four at once, and one for each second that a slow machine took.
    let allowed = 5 + began.elapsed().as_secs();
    assert!((4..=allowed).contains(&answers), "{answers} of 50 were answered");
}

#[tokio::test]
async fn garbage_is_not_answered() {
    let hub = hub().await;
    let socket = socket(hub.addresses().stun).await;
    for garbage in [&[][..], &[0], &[0xFF; 600], &REQUEST[..19], &[&REQUEST[..], &[0]].concat()] {
        socket.send(garbage).await.unwrap();
    }
    socket.send(&REQUEST).await.unwrap();
    assert_eq!(answer(&socket).await[..2], [1, 1], "the first answer is to the good request");
}

/// The other places at which a hub says that STUN answers.
async fn probes(hub: &tincan_hub::Hub) -> Vec<SocketAddr> {
    let told = get(hub.addresses().http, "/config.json").await.json();
    let urls = told["stunProbes"].as_array().unwrap();
    urls.iter().map(|url| url.as_str().unwrap()["stun:".len()..].parse().unwrap()).collect()
}

/// Asks to be answered from elsewhere (RFC 5780 §7.2), and tells from where that is.
async fn answered_from(hub: SocketAddr, bits: u8) -> SocketAddr {
    let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let request = [&REQUEST[..3], &[8], &REQUEST[4..], &[0, 3, 0, 4, 0, 0, 0, bits]].concat();
    socket.send_to(&request, hub).await.unwrap();
    let mut buffer = [0; 100];
    let received = tokio::time::timeout(Duration::from_secs(10), socket.recv_from(&mut buffer));
    let (len, from) = received.await.expect("an answer comes").unwrap();
    assert_eq!((len, &buffer[8..20]), (32, &REQUEST[8..20]));
    from
}

#[tokio::test]
async fn an_answer_comes_from_the_other_port_or_address_when_that_is_asked_for() {
    let second = "127.0.0.2".parse().unwrap();
    let other = RelayAddress { public: second, local: None };
    let hub = hub_with(|config| config.stun_addresses = vec![other]).await;
    let first = hub.addresses().stun;
    let [port, address] = probes(&hub).await.try_into().unwrap();
    assert_eq!((port.ip(), address.ip()), (first.ip(), second));
    assert_eq!(answered_from(first, 0).await, first);
    assert_eq!(answered_from(first, 2).await, port);
    assert_eq!(answered_from(first, 6).await, address);
    // They answer by themselves, too.
    for at in [port, address] {
        let socket = socket(at).await;
        socket.send(&REQUEST).await.unwrap();
        assert_eq!(answer(&socket).await[..2], [1, 1]);
    }
}

#[tokio::test]
async fn a_hub_without_a_second_address_has_a_second_port_alone() {
    let hub = hub().await;
    assert_eq!(probes(&hub).await.len(), 1);
    let socket = socket(hub.addresses().stun).await;
    let request = [&REQUEST[..3], &[8], &REQUEST[4..], &[0, 3, 0, 4, 0, 0, 0, 6]].concat();
    // What cannot be answered from where it was asked for is not answered; what comes next is.
    socket.send(&request).await.unwrap();
    socket.send(&REQUEST).await.unwrap();
    assert_eq!(answer(&socket).await.len(), 32);
    assert!(socket.try_recv(&mut [0; 100]).is_err());
}

#[tokio::test]
async fn a_second_port_that_is_taken_is_left_out() {
    let taken = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let hub = hub_with(|config| config.ports.second_stun = port).await;
    let told = get(hub.addresses().http, "/config.json").await.json();
    assert!(told.get("stunProbes").is_none());
}
