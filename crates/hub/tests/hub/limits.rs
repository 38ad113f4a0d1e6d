//! What one client or address may not exceed.

use std::time::{Duration, Instant};

use tincan_mqtt::{Event, Qos};
use tincan_wire::Leaf;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::client::{ALL_WAYS, Client};
use crate::user::User;
use crate::{http, hub, hub_with};

#[tokio::test]
async fn an_oversized_packet_ends_the_connection_and_reaches_nobody() {
    let (hub, me, other) = (hub().await, User::new(1), User::new(2));
    for way in ALL_WAYS {
        let mut peer = Client::of(&other, &hub).await;
        let mut client = Client::by(way, &me, &hub).await;
        let topic = other.topic(Leaf::Offer);
        let body = [&[0, topic.len() as u8][..], topic.as_bytes(), &[0; 20_000]].concat();
        let (low, high) = (body.len() % 128, body.len() / 128);
        let head = [0x30, low as u8 | 0x80, (high % 128) as u8 | 0x80, (high / 128) as u8];
        client.write(&[&head[..], &body].concat()).await;
        client.wait_for(|e| matches!(e, Event::Closed { .. })).await;
        peer.publish(&topic, "next").await;
        assert_eq!(peer.message().await.1, b"next", "{way:?}");
        peer.disconnect().await;
    }
}

#[tokio::test]
async fn connections_are_limited_per_address() {
    let hub = hub_with(|config| config.limits.connections_per_address = 2).await;
    let mut first = Client::of(&User::new(1), &hub).await;
    let _second = Client::of(&User::new(2), &hub).await;
    let mut third = TcpStream::connect(hub.addresses().mqtt).await.unwrap();
    assert_eq!(third.read(&mut [0; 16]).await.unwrap_or(0), 0, "it is closed without a word");
    assert_eq!(hub.stats().connections, 2);

    first.disconnect().await;
    until(|| hub.stats().connections == 1).await;
    let _fourth = Client::of(&User::new(3), &hub).await;
}

#[tokio::test]
async fn connections_are_limited_in_all() {
    let hub = hub_with(|config| config.limits.connections = 1).await;
    let _first = Client::of(&User::new(1), &hub).await;
    let mut second = TcpStream::connect(hub.addresses().websocket).await.unwrap();
    assert_eq!(second.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn connecting_is_limited_per_address() {
    let hub = hub_with(|config| config.limits.connects_per_second = 1).await;
    let mut open = vec![];
    for n in 0.. {
        assert!(n < 60, "sixty connections at once are too many");
        let mut stream = TcpStream::connect(hub.addresses().mqtt).await.unwrap();
        let mut buffer = [0; 16];
        let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut buffer));
        if read.await.is_ok() {
            assert!(n >= 20, "it was closed after {n} others");
            break;
        }
        open.push(stream);
    }
}

#[tokio::test]
async fn who_publishes_too_fast_is_slowed_down_and_loses_nothing() {
    let hub = hub_with(|config| {
        (config.limits.publishes_per_second, config.limits.publish_burst) = (20, 5);
    })
    .await;
    let (alice, bob) = (User::new(1), User::new(2));
    let mut a = Client::of(&alice, &hub).await;
    let mut b = Client::of(&bob, &hub).await;
    let began = Instant::now();
    for n in 0..15 {
        a.send(&bob.topic(Leaf::Offer), n.to_string(), Qos::AtLeastOnce).await;
    }
    for n in 0..15 {
        assert_eq!(b.message().await.1, n.to_string().into_bytes());
    }
    // Ten of them had to wait for a twentieth of a second each.
    assert!(began.elapsed() >= Duration::from_millis(480), "{:?}", began.elapsed());
}

#[tokio::test]
async fn contact_requests_are_limited_per_user() {
    let (hub, alice, bob) = (hub().await, User::new(1), User::new(2));
    let mut a = Client::of(&alice, &hub).await;
    let mut b = Client::of(&bob, &hub).await;
    for n in 0..8 {
        a.publish(&bob.topic(Leaf::ContactRequest), n.to_string()).await;
    }
    a.publish(&bob.topic(Leaf::Offer), "end").await;
    let mut got = vec![];
    while got.last().is_none_or(|last| last != "end") {
        got.push(String::from_utf8(b.message().await.1).unwrap());
    }
    assert_eq!(got, ["0", "1", "2", "3", "4", "end"]);
}

#[tokio::test]
async fn contact_requests_are_limited_per_address() {
    let hub = hub_with(|config| config.limits.contact_requests_per_address = 7).await;
    let bob = User::new(2);
    let mut b = Client::of(&bob, &hub).await;
    for seed in 10..13 {
        let mut a = Client::of(&User::new(seed), &hub).await;
        for _ in 0..5 {
            a.publish(&bob.topic(Leaf::ContactRequest), "r").await;
        }
    }
    b.publish(&bob.topic(Leaf::Offer), "end").await;
    let mut requests = 0;
    while b.message().await.1 != b"end" {
        requests += 1;
    }
    assert_eq!(requests, 7);
}

#[tokio::test]
async fn http_requests_are_limited_per_address() {
    let hub = hub_with(|config| config.limits.http_requests_per_second = 1).await;
    let mut statuses = vec![];
    for _ in 0..100 {
        statuses.push(http::get(hub.addresses().http, "/health").await.status);
    }
    assert_eq!(statuses[..20], [200; 20]);
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// Waits for something that has no event.
pub(crate) async fn until(fact: impl Fn() -> bool) {
    let began = Instant::now();
    while !fact() {
        assert!(began.elapsed() < Duration::from_secs(10), "it does not come true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
