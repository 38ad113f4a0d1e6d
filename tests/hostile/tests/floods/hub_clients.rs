//! Clients of a hub, in bytes: as much MQTT 3.1.1, HTTP and WebSocket as a flood needs.

use tincan_e2e::HubProcess;
use tincan_wire::{AccessClaims, AccessToken, DeviceId, Identity, Leaf, Topic, UserId, client_id};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// The site's address of a hub, `host:port`.
pub(crate) fn site(hub: &HubProcess) -> &str {
    hub.origin().strip_prefix("http://").expect("an origin")
}

pub(crate) fn mqtt(hub: &HubProcess) -> String {
    format!("127.0.0.1:{}", hub.mqtt_port())
}

/// A connection from one of many addresses, since each may have only so many.
pub(crate) async fn connect_from(number: usize, to: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let [high, low] = (number as u16).to_be_bytes();
    socket.bind(([127, 1, high, low], 0).into()).unwrap();
    socket.connect(to.parse().unwrap()).await.unwrap()
}

/// Writes until the other end has had enough or everything is out; how much went.
pub(crate) async fn throw(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> usize {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]).await {
            Ok(count) if count > 0 => sent += count,
            _ => break,
        }
    }
    sent
}

/// Whoever is admitted.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    id: UserId,
}

impl Client {
    /// Signs in as the `number`th of many, each from an address of their own.
    pub(crate) async fn sign_in(hub: &HubProcess, number: usize) -> Self {
        let identity = identity(number);
        let cid = client_id(&DeviceId((number as u64).to_be_bytes()));
        let challenge = ask(number, site(hub), "GET /challenge HTTP/1.1").await;
        let challenge: serde_json::Value = serde_json::from_str(&challenge).unwrap();
        let field = |name: &str| challenge[name].as_str().unwrap().to_owned();
        let id = identity.user_id();
        let (aud, nonce) = (field("aud"), field("nonce"));
        let claims = AccessClaims { sub: id, aud, cid: cid.clone(), iat: 0, exp: 300, nonce };
        let token = AccessToken::issue(&identity, &claims);
        let mut stream = connect_from(number, &mqtt(hub)).await;
        let words = [cid, id.to_string(), token];
        stream.write_all(&connect(&words)).await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!((answer[0], answer[3]), (0x20, 0), "admitted");
        Self { stream, id }
    }

    /// Subscribes to their own topics.
    pub(crate) async fn listen(&mut self) {
        let body = [&[0, 1][..], &text(&format!("user/{}/+", self.id)), &[1]].concat();
        self.stream.write_all(&packet(0x82, &body)).await.unwrap();
        let mut answer = [0; 5];
        self.stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x90, 3, 0, 1, 1], "subscribed");
    }

    /// Reads until these bytes have come.
    pub(crate) async fn until(&mut self, wanted: &[u8]) {
        let (mut all, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        while !all.windows(wanted.len()).any(|part| part == wanted) {
            let count = self.stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the hub hung up");
            // What is sought lies in the last two pieces.
            let keep = all.len().min(wanted.len());
            all.drain(..all.len() - keep);
            all.extend_from_slice(&buffer[..count]);
        }
    }
}

fn identity(number: usize) -> Identity {
    let mut seed = [3; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    Identity::from_seed(seed)
}

/// The topic of the `number`th of many.
pub(crate) fn topic(number: usize, leaf: Leaf) -> String {
    Topic { user: identity(number).user_id(), leaf }.to_string()
}

/// The body of the answer to one request.
pub(crate) async fn ask(from: usize, to: &str, request: &str) -> String {
    let mut stream = connect_from(from, to).await;
    let head = format!("{request}\r\nHost: {to}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// CONNECT with a client id, a user name and a password; the session is kept.
pub(crate) fn connect(words: &[String; 3]) -> Vec<u8> {
    let head = [&text("MQTT")[..], &[4, 0xC0, 0, 60]].concat();
    let words: Vec<u8> = words.iter().flat_map(|word| text(word)).collect();
    packet(0x10, &[head, words].concat())
}

/// PUBLISH with QoS 1.
pub(crate) fn publish(topic: &str, retain: bool, payload: &[u8]) -> Vec<u8> {
    let body = [&text(topic)[..], &[0, 7], payload].concat();
    packet(0x32 | u8::from(retain), &body)
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let more = if length > 127 { 0x80 } else { 0 };
        bytes.push((length % 128) as u8 | more);
        length /= 128;
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}
