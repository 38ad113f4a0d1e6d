//! The page, and the broker on the site's own port.

use std::net::SocketAddr;

use serde_json::json;
use tincan_mqtt::Version;
use tincan_wire::Leaf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, Over};
use crate::http::{Reply, get, request};
use crate::user::User;
use crate::{hub, hub_with};

/// A handshake as browsers make it.
const HANDSHAKE: [&str; 5] = [
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol: mqtt",
];

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let line = reply.head.lines().find(|line| line.starts_with(&format!("{name}: ")))?;
    line.split_once(": ").map(|(_, value)| value)
}

#[tokio::test]
async fn the_page_may_talk_to_the_hub_it_came_from() {
    let hub = hub().await;
    let a = hub.addresses();
    for (host, named) in [("hub.example:80", "hub.example"), ("<script>", "127.0.0.1")] {
        let reply = request(a.http, "GET", "/", &[&format!("Host: {host}")]).await;
        if host == "<script>" && reply.status == 400 {
            continue;
        }
        let policy = header(&reply, "content-security-policy").unwrap();
        let broker = format!("connect-src 'self' ws://{named}:{} https: wss:;", a.websocket.port());
        assert!(policy.contains(&broker), "{policy}");
        assert!(policy.starts_with("default-src 'none';"));
        assert_eq!(header(&reply, "referrer-policy"), Some("no-referrer"));
        assert_eq!(header(&reply, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&reply, "cross-origin-opener-policy"), Some("same-origin"));
        assert!(header(&reply, "permissions-policy").unwrap().contains("camera=(self)"));
    }
}

#[tokio::test]
async fn the_page_is_sent_once() {
    let hub = hub().await;
    let address = hub.addresses().http;
    let reply = get(address, "/").await;
    assert_eq!(header(&reply, "cache-control"), Some("no-cache"));
    assert_eq!(header(&reply, "vary"), Some("accept-encoding"));
    let known = format!("If-None-Match: {}", header(&reply, "etag").unwrap());
    let again = request(address, "GET", "/", &[&known]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(header(&again, "content-length"), None);
    let head = request(address, "HEAD", "/index.html", &[]).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(header(&head, "content-length"), Some(reply.body.len().to_string().as_str()));
}

#[tokio::test]
async fn nothing_but_the_page_is_served() {
    let hub = hub().await;
    let address = hub.addresses().http;
    for path in ["/assets/", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/assets/..%2f", "/index"] {
        assert_eq!(get(address, path).await.status, 404, "{path}");
    }
    let posted = request(address, "POST", "/", &["Content-Length: 0"]).await;
    assert_eq!((posted.status, header(&posted, "allow")), (405, Some("get")));
}

#[tokio::test]
async fn every_file_that_the_page_names_is_there() {
    let hub = hub_with(|config| config.limits.http_requests_per_second = 1).await;
    let address = hub.addresses().http;
    let index = get(address, "/").await.body;
    let names = index.split(['"', '\'']).filter(|name| name.starts_with('/') && name.len() > 1);
    for name in names {
        let reply = request(address, "HEAD", name, &["Accept-Encoding: br, gzip"]).await;
        assert_eq!(reply.status, 200, "{name}");
        let forever = header(&reply, "cache-control").unwrap().contains("immutable");
        assert_eq!(forever, name.starts_with("/assets/"), "{name}");
        if name.starts_with("/assets/") {
            assert_eq!(header(&reply, "content-encoding"), Some("br"), "{name}");
        }
        if name.ends_with(".wasm") {
            assert_eq!(header(&reply, "content-type"), Some("application/wasm"));
        }
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let hub = hub().await;
    let mut stream = TcpStream::connect(hub.addresses().http).await.unwrap();
    for _ in 0..10 {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let head = head_of(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
    }
}

#[tokio::test]
async fn pages_and_programs_meet_at_one_broker() {
    let (hub, alice, bob) = (hub().await, User::new(1), User::new(2));
    let mut page = Client::by((Over::Site, Version::V5), &alice, &hub).await;
    let mut program = Client::by((Over::Tcp, Version::V5), &bob, &hub).await;
    page.publish(&bob.topic(Leaf::Offer), "from the page").await;
    assert_eq!(program.message().await.1, b"from the page");
    program.publish(&alice.topic(Leaf::Answer), "to the page").await;
    assert_eq!(page.message().await.1, b"to the page");
    assert_eq!(hub.stats().connections, 2);
}

#[tokio::test]
async fn a_browsers_handshake_is_answered_with_its_subprotocol() {
    let hub = hub().await;
    let mut stream = TcpStream::connect(hub.addresses().http).await.unwrap();
    // With the first frame in the same packet: a ping, masked by zeros.
    let ping = [0x89, 0x82, 0, 0, 0, 0, b'h', b'i'];
    stream.write_all(&[handshake().as_bytes(), &ping].concat()).await.unwrap();
    let head = head_of(&mut stream).await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for line in ["upgrade: websocket", "connection: upgrade", "sec-websocket-protocol: mqtt"] {
        assert!(head.lines().any(|of_head| of_head == line), "{line} is not in {head}");
    }
    let mut pong = [0; 4];
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, [0x8A, 2, b'h', b'i']);
}

#[tokio::test]
async fn a_connection_that_served_requests_can_become_the_brokers() {
    let hub = hub().await;
    let mut stream = TcpStream::connect(hub.addresses().http).await.unwrap();
    stream.write_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 200"));
    stream.write_all(handshake().as_bytes()).await.unwrap();
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 101"));
}

#[tokio::test]
async fn who_is_no_websocket_client_is_told_so() {
    let hub = hub().await;
    let address = hub.addresses().http;
    let plain = get(address, "/mqtt").await;
    assert_eq!((plain.status, &plain.json()["error"]), (426, &json!("websocket")));
    assert_eq!(header(&plain, "upgrade"), Some("websocket"));
    assert_eq!(request(address, "POST", "/mqtt", &HANDSHAKE).await.status, 426);
    assert_eq!(hub.stats().connections, 0);
}

#[tokio::test]
async fn the_limits_of_the_broker_hold_on_the_sites_port() {
    let hub = hub_with(|config| config.limits.connections_per_address = 1).await;
    let address = hub.addresses().http;
    let mut first = Client::by((Over::Site, Version::V5), &User::new(1), &hub).await;
    let refused = upgrade(address).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    let other_port = TcpStream::connect(hub.addresses().mqtt).await;
    assert_eq!(other_port.unwrap().read(&mut [0; 16]).await.unwrap_or(0), 0);
    first.disconnect().await;
    crate::limits::until(|| hub.stats().connections == 0).await;
    assert!(upgrade(address).await.starts_with("HTTP/1.1 101"));
}

async fn upgrade(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(handshake().as_bytes()).await.unwrap();
    head_of(&mut stream).await
}

fn handshake() -> String {
    format!("GET /mqtt HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", HANDSHAKE.join("\r\n"))
}

/// The head of the next answer, without its end.
async fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().trim_end().to_owned()
}
