//! Datagrams to Bob's socket.

use std::net::{SocketAddr, UdpSocket};

use tincan_wire::SessionId;

use crate::gauge::FLOOD_BYTES;
use crate::scene::Scene;

/// The node reads into 256 KiB that it always has; the rest is what the allocator moves about.
const UDP_BOUND: usize = 4 * 1024 * 1024;

const DATAGRAM_BYTES: usize = 1_400;

/// Datagrams that are sent before somebody looks how many were taken.
const AT_ONCE: usize = 2_000;

async fn address(scene: &Scene) -> SocketAddr {
    let status = scene.bob.handle().shell_status().await.unwrap();
    let addresses = status.addresses.iter().filter_map(|text| text.parse::<SocketAddr>().ok());
    addresses.into_iter().find(|address| address.ip().is_loopback()).expect("it is on loopback")
}

/// How many datagrams Bob's node has thrown away so far.
async fn taken(scene: &Scene) -> u64 {
    scene.bob.handle().shell_status().await.unwrap().dropped.values().sum()
}

/// Sends until 100 MB have come to Bob's node and were of no use to it: what the kernel had no
/// room for does not count.
async fn flood(flood: &'static str, scene: Scene, mut send: impl FnMut(usize)) {
    let (gauge, before) = (scene.gauge(flood), taken(&scene).await);
    let mut number = 0;
    while ((taken(&scene).await - before) as usize) < FLOOD_BYTES / DATAGRAM_BYTES {
        for _ in 0..AT_ONCE {
            send(number);
            number += 1;
        }
    }
    scene.end(gauge, UDP_BOUND).await.unwrap();
}

async fn strangers_flood(name: &'static str, make: fn(usize) -> Vec<u8>) {
    let scene = Scene::new().await.unwrap();
    let (socket, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), address(&scene).await);
    flood(name, scene, |number| drop(socket.send_to(&make(number), to))).await;
}

fn noise(number: usize) -> Vec<u8> {
    (0..DATAGRAM_BYTES).map(|at| (at * 31 + number * 17 + 255) as u8).collect()
}

/// A Binding request for a user fragment that nobody has.
fn check(number: usize) -> Vec<u8> {
    let mut bytes = noise(number);
    let length = (DATAGRAM_BYTES - 20) as u16;
    bytes[..2].copy_from_slice(&[0, 1]);
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
    let username = format!("{number:08x}:abcd---");
    bytes[20..24].copy_from_slice(&[0, 6, 0, 16]);
    bytes[24..40].copy_from_slice(&username.as_bytes()[..16]);
    bytes[40..44].copy_from_slice(&[
        0x80,
        0x22,
        (length - 24).to_be_bytes()[0],
        (length - 24) as u8,
    ]);
    bytes
}

/// A record of DTLS 1.2: a handshake message, said to be larger than it is.
fn record(number: usize) -> Vec<u8> {
    let mut bytes = noise(number);
    let length = ((DATAGRAM_BYTES - 13) as u16).to_be_bytes();
    bytes[..5].copy_from_slice(&[22, 254, 253, 0, 0]);
    bytes[5..11].copy_from_slice(&(number as u64).to_be_bytes()[2..]);
    bytes[11..13].copy_from_slice(&length);
    bytes[13..17].copy_from_slice(&[1, 0xff, 0xff, 0xff]);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_of_noise_take_no_memory() {
    strangers_flood("datagrams of noise", noise).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_like_stun_take_no_memory() {
    strangers_flood("datagrams like STUN", check).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_like_dtls_take_no_memory() {
    strangers_flood("datagrams like DTLS", record).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_from_the_address_of_a_live_connection_take_no_memory() {
    let (scene, mut mallory) = Scene::with_mallory().await.unwrap();
    let sid = SessionId([5; 16]);
    let end = mallory.connect(&scene.broker, scene.bob.id(), sid).await.unwrap();
    let to = end.remote().expect("it stands");
    let make =
        |number: usize| if number.is_multiple_of(2) { record(number) } else { check(number) };
    flood("datagrams into a live connection", scene, |number| {
        end.throw(to, &make(number)).unwrap();
    })
    .await;
}
