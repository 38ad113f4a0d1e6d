//! What anybody can send to a hub, admitted or not.

use std::net::UdpSocket;

use tincan_e2e::HubProcess;
use tincan_wire::Leaf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::gauge::{FLOOD_BYTES, Gauge};
use crate::hub_clients::{Client, ask, connect, connect_from, mqtt, publish, site, throw, topic};

/// The hub keeps nothing of these; this is for some buffers of connections that end.
const HUB_BOUND: usize = 16 * 1024 * 1024;

/// Besides, what one who is away has in the queue: 2 MiB; or one who is slow: 256 messages of
/// 17 KiB, and the queue.
const QUEUE_BOUND: usize = HUB_BOUND + 8 * 1024 * 1024;

/// From here on the numbers are of those who flood.
const FLOODERS: usize = 1_000;

/// A hub that has served somebody already.
async fn hub(flood: &'static str) -> (HubProcess, Gauge) {
    let hub = HubProcess::start();
    check_alive(&hub, [1, 2]).await;
    let gauge = Gauge::before(flood, hub.pid());
    (hub, gauge)
}

/// Somebody writes to somebody.
async fn check_alive(hub: &HubProcess, [alice, bob]: [usize; 2]) {
    let mut listener = Client::sign_in(hub, bob).await;
    listener.listen().await;
    let mut sender = Client::sign_in(hub, alice).await;
    let letter = publish(&topic(bob, Leaf::Offer), false, b"are you there?");
    sender.stream.write_all(&letter).await.unwrap();
    listener.until(b"are you there?").await;
}

async fn end(hub: HubProcess, gauge: Gauge, bound: usize) {
    gauge.after(bound);
    check_alive(&hub, [3, 4]).await;
}

/// Opens connections one after the other, each from another address, and throws these bytes at
/// each until 100 MB went. How much of it a socket takes before it ends is the kernel's.
async fn throw_at(to: &str, bytes: impl Fn(usize) -> Vec<u8>) {
    let (mut sent, mut number) = (0, FLOODERS);
    while sent < FLOOD_BYTES {
        let mut stream = connect_from(number, to).await;
        sent += throw(&mut stream, &bytes(number)).await;
        // To its end, so that nothing of it is left when the next comes.
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
        number += 1;
    }
}

pub(crate) fn noise(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + seed * 17 + 1) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_mqtt_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: bytes that are no MQTT").await;
    throw_at(&mqtt(&hub), |number| noise(1_000_000, number)).await;
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_that_say_they_are_huge_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: CONNECTs that say they are 256 MB").await;
    throw_at(&mqtt(&hub), |number| {
        [&[0x10, 0xff, 0xff, 0xff, 0x7f][..], &noise(1_000_000, number)].concat()
    })
    .await;
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_token_takes_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: CONNECTs without a token").await;
    // As large as a packet may be, so that each is read to its end.
    throw_at(&mqtt(&hub), |number| {
        let words = [format!("tin{number:016x}"), "nobody".to_owned(), "x".repeat(17_000)];
        connect(&words)
    })
    .await;
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_without_an_end_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: HTTP heads without an end").await;
    throw_at(site(&hub), |_| {
        let more = "X-More: and more\r\n".repeat(50_000);
        format!("GET / HTTP/1.1\r\nHost: x\r\n{more}").into_bytes()
    })
    .await;
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: HTTP bodies").await;
    throw_at(site(&hub), |number| {
        let head = match number % 2 {
            0 => "POST /ice HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n".to_owned(),
            _ => format!(
                "POST /ice HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
                100_000_000
            ),
        };
        [head.into_bytes(), noise(1_000_000, number)].concat()
    })
    .await;
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websocket_frames_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: WebSocket frames").await;
    let handshake = "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let ports = [site(&hub).to_owned(), format!("127.0.0.1:{}", hub.websocket_port())];
    let (mut sent, mut number) = (0, FLOODERS);
    while sent < FLOOD_BYTES {
        let mut stream = connect_from(number, &ports[number % 2]).await;
        stream.write_all(handshake.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
        // Many pings, whose answers nobody reads; a message in pieces without an end; a frame
        // that says it is huge.
        let frames = match number % 3 {
            0 => [&[0x89, 0xFD, 0, 0, 0, 0][..], &[b'p'; 125]].concat().repeat(8_000),
            1 => {
                [&[0x02, 0xFE, 0x40, 0, 0, 0, 0, 0][..], &noise(0x4000, number)].concat().repeat(64)
            }
            _ => [&[0x82, 0xFF, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0][..], &noise(1_000_000, 1)]
                .concat(),
        };
        let patience = std::time::Duration::from_millis(500);
        // Who does not read is not read at some time.
        let thrown = tokio::time::timeout(patience, throw(&mut stream, &frames)).await;
        sent += thrown.unwrap_or(frames.len());
        number += 1;
    }
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stun_requests_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: STUN").await;
    let to = format!("127.0.0.1:{}", hub.stun_port());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut request = noise(1_400, 0);
    request[..8].copy_from_slice(&[0, 1, 0x05, 0x64, 0x21, 0x12, 0xA4, 0x42]);
    for number in 0..FLOOD_BYTES / request.len() {
        request[8..16].copy_from_slice(&number.to_be_bytes());
        socket.send_to(&request, &to).unwrap();
        // Half of them in a form that is answered, as far as the rate allows.
        let plain = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &request[8..20]].concat();
        socket.send_to(&plain, &to).unwrap();
    }
    end(hub, gauge, HUB_BOUND).await;
}

/// Each may publish 500 at once.
const BURST: usize = 450;

/// Publishes 100 MB by as many users as that takes, of which each is below their rate.
async fn publish_much(hub: &HubProcess, letter: impl Fn(usize) -> Vec<u8>) {
    let (mut sent, mut number) = (0, FLOODERS);
    while sent < FLOOD_BYTES {
        let mut client = Client::sign_in(hub, number).await;
        let letter = letter(number);
        let mut acks = vec![0; 4];
        let (mut reader, mut writer) = client.stream.split();
        let write = async {
            for _ in 0..BURST {
                writer.write_all(&letter).await.unwrap();
            }
        };
        let read = async {
            for _ in 0..BURST {
                reader.read_exact(&mut acks).await.unwrap();
            }
        };
        tokio::join!(write, read);
        sent += BURST * letter.len();
        number += 1;
    }
}

/// Away, with a session that is kept.
async fn away(hub: &HubProcess, number: usize) {
    let mut client = Client::sign_in(hub, number).await;
    client.listen().await;
    client.stream.write_all(&[0xE0, 0]).await.unwrap();
    client.stream.read_to_end(&mut Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_to_one_who_is_away_fill_a_queue_and_no_more() {
    let (hub, gauge) = hub("hub: letters to one who is away").await;
    away(&hub, 9).await;
    let letter = publish(&topic(9, Leaf::ContactResponse), false, &[b'x'; 16_000]);
    publish_much(&hub, |_| letter.clone()).await;
    end(hub, gauge, QUEUE_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_to_one_who_does_not_read_fill_a_queue_and_no_more() {
    let (hub, gauge) = hub("hub: letters to one who does not read").await;
    let mut slow = Client::sign_in(&hub, 9).await;
    slow.listen().await;
    let letter = publish(&topic(9, Leaf::ContactResponse), false, &[b'x'; 16_000]);
    publish_much(&hub, |_| letter.clone()).await;
    end(hub, gauge, QUEUE_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_to_ever_new_people_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: letters to people whom nobody has heard of").await;
    publish_much(&hub, |number| {
        publish(&topic(number + 500, Leaf::ContactResponse), false, &[b'x'; 16_000])
    })
    .await;
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retained_letters_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: retained letters").await;
    publish_much(&hub, |number| {
        publish(&topic(number + 500, Leaf::ContactResponse), true, &[b'x'; 16_000])
    })
    .await;
    end(hub, gauge, HUB_BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_the_site_take_no_memory_of_a_hub() {
    let (hub, gauge) = hub("hub: answers of the site that nobody reads").await;
    let (mut asked, mut number) = (0, FLOODERS);
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    let mut idle = Vec::new();
    while asked < FLOOD_BYTES / 1_000 && idle.len() < 200 {
        let mut stream = connect_from(number, site(&hub)).await;
        let patience = std::time::Duration::from_millis(20);
        let thrown = tokio::time::timeout(patience, throw(&mut stream, request.as_bytes())).await;
        asked += thrown.unwrap_or(request.len());
        idle.push(stream);
        number += 1;
    }
    drop(idle);
    ask(1, site(&hub), "GET /health HTTP/1.1").await;
    end(hub, gauge, HUB_BOUND).await;
}
