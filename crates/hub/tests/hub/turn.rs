//! The relay on its sockets: what `/ice` gives is enough to be reached through it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::Value;
use tincan_hub::{Hub, RelayAddress};
use tincan_relay::request::Wanted;
use tincan_relay::turn_client::{Sent, TurnClient, TurnClientConfig, TurnError, TurnEvent};
use tincan_relay::{Credential, Family, Frames, MAX_FRAME_BYTES, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::byte_stream::{ByteStream, Bytes};
use crate::http::request;
use crate::user::User;
use crate::{LOOPBACK, hub, hub_with};

const PATIENCE: Duration = Duration::from_secs(20);

/// A Binding request; its answer over TCP and IPv4 has 32 bytes.
const BINDING: [u8; 20] =
    [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// A hub that relays on loopback.
async fn relaying() -> Hub {
    hub_with(|config| config.relay.allow_private_peers = true).await
}

async fn ice(hub: &Hub, user: &User) -> Value {
    let authorization = format!("Authorization: Bearer {}", user.token(hub).await);
    request(hub.addresses().http, "POST", "/ice", &[&authorization]).await.json()
}

async fn credential(hub: &Hub, user: &User) -> Credential {
    credential_of(&ice(hub, user).await)
}

/// What `/ice` gives for the relay.
pub(crate) fn credential_of(ice: &Value) -> Credential {
    let text = |key: &str| ice["iceServers"][1][key].as_str().expect("a relay").to_owned();
    Credential { username: text("username"), password: text("credential") }
}

pub(crate) enum Way {
    Udp(UdpSocket),
    Stream(ByteStream, Frames),
}

impl Way {
    pub(crate) fn over(stream: impl Bytes + 'static) -> Self {
        Self::Stream(Box::new(stream), Frames::new(MAX_FRAME_BYTES))
    }

    async fn udp(at: SocketAddr) -> Self {
        let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
        socket.connect(at).await.unwrap();
        Self::Udp(socket)
    }
}

/// A client with its way to the hub.
pub(crate) struct End {
    client: TurnClient,
    way: Way,
}

impl End {
    async fn open(hub: &Hub, transport: Transport, credential: Credential) -> Self {
        let at = hub.addresses().stun;
        let way = if transport == Transport::Udp {
            Way::udp(at).await
        } else {
            Way::over(TcpStream::connect(at).await.unwrap())
        };
        Self::by(way, transport, credential)
    }

    pub(crate) fn by(way: Way, transport: Transport, credential: Credential) -> Self {
        let config = TurnClientConfig {
            credential,
            wanted: Wanted::One(Family::V4),
            transport,
            rto: Duration::from_millis(500),
        };
        Self { client: TurnClient::new(config, [5; 32], Instant::now()), way }
    }

    async fn allocated(hub: &Hub, transport: Transport, credential: Credential) -> Self {
        let mut end = Self::open(hub, transport, credential).await;
        end.is_allocated().await;
        end
    }

    pub(crate) async fn is_allocated(&mut self) {
        let event = self.event().await;
        assert!(matches!(event, TurnEvent::Allocated { .. }), "{event:?}");
    }

    pub(crate) fn relayed(&self) -> SocketAddr {
        self.client.relayed()[0]
    }

    async fn write(&mut self, bytes: &[u8]) {
        match &mut self.way {
            Way::Udp(socket) => drop(socket.send(bytes).await.unwrap()),
            Way::Stream(stream, _) => {
                stream.write_all(bytes).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    }

    async fn flush(&mut self) {
        while let Some(bytes) = self.client.poll_transmit() {
            self.write(&bytes).await;
        }
    }

    async fn frame(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 70_000];
        match &mut self.way {
            Way::Udp(socket) => {
                let len = timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
                buffer[..len].to_vec()
            }
            Way::Stream(stream, frames) => loop {
                if let Some(frame) = frames.next_frame().unwrap() {
                    return frame.to_vec();
                }
                let len = timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
                assert_ne!(len, 0, "the hub closed the connection");
                frames.push(&buffer[..len]);
            },
        }
    }

    pub(crate) async fn event(&mut self) -> TurnEvent {
        loop {
            if let Some(event) = self.client.poll_event() {
                return event;
            }
            self.flush().await;
            let frame = self.frame().await;
            self.client.handle(&frame, Instant::now());
        }
    }

    pub(crate) async fn send(&mut self, peer: SocketAddr, data: &[u8]) {
        let mut out = Vec::new();
        let sent = self.client.send(peer, data, &mut out, Instant::now());
        assert_ne!(sent, Sent::NoWay);
        self.write(&out).await;
        self.flush().await;
    }

    /// What a peer sent.
    pub(crate) async fn receive(&mut self) -> (SocketAddr, Vec<u8>) {
        loop {
            let frame = self.frame().await;
            let from = self.client.handle(&frame, Instant::now());
            let from = from.map(|from| (from.peer, from.data.to_vec()));
            self.flush().await;
            if let Some(from) = from {
                return from;
            }
        }
    }
}

/// A peer is reached through the relay, and reaches back.
pub(crate) async fn check_relaying(end: &mut End) {
    let peer = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let at = peer.local_addr().unwrap();
    let mut buffer = [0; 2_000];
    // With a Send indication first and over a channel then, of odd and even lengths.
    for len in [1, 2, 3, 4, 1_200, 1_201] {
        let data = vec![7; len];
        end.send(at, &data).await;
        let (got, from) = timeout(PATIENCE, peer.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((&buffer[..got], from), (&data[..], end.relayed()));
        peer.send_to(&data, from).await.unwrap();
        assert_eq!(end.receive().await, (at, data));
    }
}

#[tokio::test]
async fn a_peer_is_reached_over_each_transport_and_reaches_back() {
    let (hub, user) = (relaying().await, User::new(1));
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut end = End::allocated(&hub, transport, credential(&hub, &user).await).await;
        check_relaying(&mut end).await;
    }
}

/// Lengths of datagrams that come at once: of one size, shorter, empty, and longer than leave
/// together.
const AT_ONCE: [usize; 16] =
    [1_200, 1_200, 1_200, 1_200, 9, 9, 0, 9, 1_200, 700, 700, 1_400, 1_400, 2_000, 1_200, 1_200];

#[tokio::test]
async fn what_comes_at_once_is_passed_on_whole_and_in_its_order() {
    let (hub, user) = (relaying().await, User::new(1));
    let (peer, other) = (socket().await, socket().await);
    let mut end = End::allocated(&hub, Transport::Udp, credential(&hub, &user).await).await;
    let peers = [&peer, &other].map(|peer| peer.local_addr().unwrap());
    let mut buffer = vec![0; 2_000];
    // Twice: in indications, and over a channel, which who has been heard gets.
    for _ in 0..2 {
        for (number, len) in AT_ONCE.into_iter().enumerate() {
            for peer in peers {
                end.send(peer, &vec![number as u8; len]).await;
            }
        }
        for peer in [&peer, &other] {
            for (number, len) in AT_ONCE.into_iter().enumerate() {
                let got = timeout(PATIENCE, peer.recv(&mut buffer)).await.unwrap().unwrap();
                assert_eq!(buffer[..got], vec![number as u8; len]);
            }
        }
        for (number, len) in AT_ONCE.into_iter().enumerate() {
            peer.send_to(&vec![number as u8; len], end.relayed()).await.unwrap();
        }
        for (number, len) in AT_ONCE.into_iter().enumerate() {
            assert_eq!(end.receive().await, (peers[0], vec![number as u8; len]));
        }
        other.send_to(b"heard", end.relayed()).await.unwrap();
        assert_eq!(end.receive().await.0, peers[1]);
    }
}

async fn socket() -> UdpSocket {
    UdpSocket::bind((LOOPBACK, 0)).await.unwrap()
}

#[tokio::test]
async fn an_answer_comes_from_the_address_that_was_asked() {
    let hub = hub_with(|config| {
        config.bind = IpAddr::from([0, 0, 0, 0]);
        config.relay.addresses = vec![RelayAddress { public: LOOPBACK, local: None }];
        config.relay.allow_private_peers = true;
    })
    .await;
    let credential = credential(&hub, &User::new(1)).await;
    // All of 127.0.0.0/8 is this machine. A connected socket hears only whom it speaks to.
    for asked in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        let way = Way::udp((asked, hub.addresses().stun.port()).into()).await;
        let mut end = End::by(way, Transport::Udp, credential.clone());
        end.is_allocated().await;
        check_relaying(&mut end).await;
    }
    assert_eq!(hub.stats().allocations, 2);
}

#[tokio::test]
async fn strangers_over_tcp_are_slowed_down_and_lose_nothing() {
    let hub = hub_with(|config| config.limits.relay_requests_per_second = 20).await;
    let mut stream = TcpStream::connect(hub.addresses().stun).await.unwrap();
    let began = Instant::now();
    // Bursts of twenty times as many are let through.
    let count = 20 * 20 + 10;
    let (mut reader, mut writer) = stream.split();
    let ask = async {
        for _ in 0..count {
            writer.write_all(&BINDING).await.unwrap();
        }
    };
    let listen = async {
        let mut answer = [0; 32];
        for _ in 0..count {
            timeout(PATIENCE, reader.read_exact(&mut answer)).await.unwrap().unwrap();
        }
    };
    tokio::join!(ask, listen);
    // Ten of them had to wait for a twentieth of a second each.
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
}

#[tokio::test]
async fn two_who_are_both_relayed_reach_each_other() {
    let hub = relaying().await;
    let mut ada = End::allocated(&hub, Transport::Udp, credential(&hub, &User::new(1)).await).await;
    let mut bob = End::allocated(&hub, Transport::Tcp, credential(&hub, &User::new(2)).await).await;
    let (at_ada, at_bob) = (ada.relayed(), bob.relayed());
    // The first opens the way back, and may itself be lost.
    ada.send(at_bob, b"anybody there?").await;
    bob.send(at_ada, b"here").await;
    assert_eq!(ada.receive().await, (at_bob, b"here".to_vec()));
    ada.send(at_bob, b"good").await;
    let (from, data) = bob.receive().await;
    assert_eq!(from, at_ada);
    assert!([&b"good"[..], b"anybody there?"].contains(&data.as_slice()));
}

#[tokio::test]
async fn two_who_are_both_relayed_over_udp_hear_all_that_comes_at_once() {
    let hub = relaying().await;
    let mut ada = End::allocated(&hub, Transport::Udp, credential(&hub, &User::new(1)).await).await;
    let mut bob = End::allocated(&hub, Transport::Udp, credential(&hub, &User::new(2)).await).await;
    let (at_ada, at_bob) = (ada.relayed(), bob.relayed());
    bob.send(at_ada, b"opens the way back, and is lost itself").await;
    ada.send(at_bob, b"here").await;
    assert_eq!(bob.receive().await, (at_ada, b"here".to_vec()));
    for (number, len) in AT_ONCE.into_iter().enumerate() {
        ada.send(at_bob, &vec![number as u8; len]).await;
    }
    for (number, len) in AT_ONCE.into_iter().enumerate() {
        assert_eq!(bob.receive().await, (at_ada, vec![number as u8; len]));
    }
}

#[tokio::test]
async fn without_the_switch_a_private_peer_is_not_reached() {
    let (hub, user) = (hub().await, User::new(1));
    let mut end = End::allocated(&hub, Transport::Udp, credential(&hub, &user).await).await;
    let peer = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    end.send(peer.local_addr().unwrap(), b"let me in").await;
    // The refusal comes behind whatever was relayed.
    end.frame().await;
    let mut buffer = [0; 100];
    assert!(peer.try_recv(&mut buffer).is_err());
}

#[tokio::test]
async fn a_made_up_credential_is_refused() {
    let hub = relaying().await;
    let made_up = Credential { username: "9999999999:eve".into(), password: "guess".into() };
    let mut end = End::open(&hub, Transport::Udp, made_up).await;
    assert_eq!(end.event().await, TurnEvent::Failed(TurnError::Credential));
}

#[tokio::test]
async fn an_allocation_ends_with_its_connection() {
    let (hub, user) = (relaying().await, User::new(1));
    let end = End::allocated(&hub, Transport::Tcp, credential(&hub, &user).await).await;
    assert_eq!(hub.stats().allocations, 1);
    drop(end);
    let gone = async {
        while hub.stats().allocations > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it ends");
}

#[tokio::test]
async fn a_user_has_the_same_name_at_the_relay_each_time_and_others_have_others() {
    let hub = hub().await;
    let name = async |user: u8| {
        let name = credential(&hub, &User::new(user)).await.username;
        name.split_once(':').unwrap().1.to_owned()
    };
    assert_eq!(name(1).await, name(1).await);
    assert_ne!(name(1).await, name(2).await);
}

#[tokio::test]
async fn a_hub_without_a_relay_gives_none() {
    let hub = hub_with(|config| config.relay.enabled = false).await;
    let ice = ice(&hub, &User::new(1)).await;
    assert_eq!(ice["iceServers"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_relay_elsewhere_is_named_with_a_credential_of_its_secret() {
    let hub = hub_with(|config| {
        config.relay.elsewhere = vec!["turn:relay.example:3478".to_owned()];
        config.relay.secret = Some("north".to_owned());
    })
    .await;
    let ice = ice(&hub, &User::new(1)).await;
    assert_eq!(ice["iceServers"][1]["urls"], serde_json::json!(["turn:relay.example:3478"]));
    let username = ice["iceServers"][1]["username"].as_str().unwrap();
    let (expiry, name) = username.split_once(':').unwrap();
    let secret = tincan_relay::Secret::new("north");
    let expected = Credential::issue(&secret, expiry.parse().unwrap(), name).password;
    assert_eq!(ice["iceServers"][1]["credential"], serde_json::json!(expected));
}

#[tokio::test]
async fn a_relay_elsewhere_without_its_secret_is_a_mistake() {
    let mut config = tincan_hub::Config::on(LOOPBACK);
    config.relay.elsewhere = vec!["turn:relay.example".to_owned()];
    let error = Hub::start(config).await.unwrap_err();
    assert!(error.to_string().contains("need the secret"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_not_here_makes_no_allocation() {
    let far: IpAddr = "203.0.113.9".parse().unwrap();
    let hub = hub_with(|config| {
        config.relay.addresses = vec![RelayAddress { public: far, local: None }];
    })
    .await;
    let user = User::new(1);
    let mut end = End::open(&hub, Transport::Udp, credential(&hub, &user).await).await;
    assert_eq!(end.event().await, TurnEvent::Failed(TurnError::Full(508)));
}

#[tokio::test]
async fn clients_of_the_relay_over_tcp_are_limited() {
    let hub = hub_with(|config| config.limits.relay_connections_per_address = 2).await;
    let at = hub.addresses().stun;
    let mut kept = [TcpStream::connect(at).await.unwrap(), TcpStream::connect(at).await.unwrap()];
    // Both are known to be admitted once they are answered.
    for stream in &mut kept {
        stream.write_all(&BINDING).await.unwrap();
        let mut answer = [0; 32];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    }
    let mut third = TcpStream::connect(at).await.unwrap();
    let ended = timeout(PATIENCE, third.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn a_client_of_the_relay_that_does_not_read_loses_what_does_not_fit() {
    let (hub, user) = (relaying().await, User::new(1));
    let mut end = End::allocated(&hub, Transport::Tcp, credential(&hub, &user).await).await;
    let peer = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    end.send(peer.local_addr().unwrap(), b"hello").await;
    let (data, relayed) = (vec![7; 8_000], end.relayed());
    let mut buffer = [0; 100];
    timeout(PATIENCE, peer.recv_from(&mut buffer)).await.unwrap().unwrap();
    // Far more than the sockets' buffers and 256 KiB; what is relayed is limited, too.
    const SENT: usize = 4_000;
    for _ in 0..SENT {
        peer.send_to(&data, relayed).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut received = 0;
    while timeout(Duration::from_millis(500), end.receive()).await.is_ok() {
        received += 1;
    }
    assert!((1..SENT).contains(&received), "{received}");
}

#[tokio::test]
async fn the_relay_is_reached_at_the_sites_port_too() {
    let (hub, user) = (relaying().await, User::new(1));
    let urls = ice(&hub, &user).await["iceServers"][1]["urls"].clone();
    let site = format!("turn:127.0.0.1:{}?transport=tcp", hub.addresses().http.port());
    assert!(urls.as_array().unwrap().contains(&Value::from(site)), "{urls}");
    let credential = credential(&hub, &user).await;
    let mut end = End::open(&hub, Transport::Tcp, credential).await;
    let stream = TcpStream::connect(hub.addresses().http).await.unwrap();
    end.way = Way::over(stream);
    assert!(matches!(end.event().await, TurnEvent::Allocated { .. }));
}
