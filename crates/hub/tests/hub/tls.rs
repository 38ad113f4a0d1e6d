//! A hub with a certificate: site, broker and relay over TLS, and what becomes of those who come in
//! the clear.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tincan_hub::{Config, Hub, HubError};
use tincan_mqtt::{Event, Version};
use tincan_relay::Transport;
use tincan_wire::{AccessToken, own_filter};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::authority::Authority;
use crate::client::{Client, Stream};
use crate::http::{Reply, request, request_over};
use crate::turn::{End, Way, check_relaying, credential_of};
use crate::user::User;
use crate::{LOOPBACK, hub, hub_with};

const PATIENCE: Duration = Duration::from_secs(20);

const HTTP: &[u8] = b"http/1.1";
const TURN: &[u8] = b"stun.turn";

/// A hub and the authority that its clients trust.
struct Secure {
    hub: Hub,
    authority: Authority,
}

impl Secure {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let authority = Authority::new();
        let hub = hub_with(|config| {
            config.tls = Some(authority.files());
            config.relay.allow_private_peers = true;
            change(config);
        })
        .await;
        Self { hub, authority }
    }

    fn site(&self) -> SocketAddr {
        self.hub.addresses().http
    }

    async fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Reply {
        let stream = self.authority.connect(self.site(), &[HTTP]).await.unwrap();
        request_over(stream, self.site(), method, path, headers).await
    }

    async fn token(&self, user: &User) -> String {
        let challenge = self.ask("GET", "/challenge", &[]).await.json();
        AccessToken::issue(&user.identity(), &user.claims_for(&challenge))
    }

    async fn ice(&self, user: &User) -> Value {
        let authorization = format!("Authorization: Bearer {}", self.token(user).await);
        self.ask("POST", "/ice", &[&authorization]).await.json()
    }
}

#[tokio::test]
async fn the_page_comes_over_tls_with_and_without_alpn() {
    let secure = Secure::new().await;
    for protocols in [&[HTTP][..], &[b"h2", HTTP], &[]] {
        let stream = secure.authority.connect(secure.site(), protocols).await.unwrap();
        let reply = request_over(stream, secure.site(), "GET", "/", &[]).await;
        assert!(reply.status == 200 && reply.body.contains("Tincan"), "{protocols:?}");
    }
    assert!(secure.authority.connect(secure.site(), &[b"h2"]).await.is_err());
}

#[tokio::test]
async fn everything_that_is_listed_is_secure() {
    let secure = Secure::new().await;
    let at = secure.hub.addresses();
    let config = secure.ask("GET", "/config.json", &[]).await.json();
    let host = "127.0.0.1";
    let (http, mqtt, websocket) = (at.http.port(), at.mqtt.port(), at.websocket.port());
    let websocket = format!("wss://{host}:{websocket}/mqtt");
    let brokers =
        json!([format!("wss://{host}:{http}/mqtt"), format!("mqtts://{host}:{mqtt}"), websocket,]);
    assert_eq!((&config["brokers"], &config["web"]), (&brokers, &json!(["/mqtt", websocket])));
    let ice = secure.ice(&User::new(1)).await;
    let (stun, turns) = (at.stun.port(), at.turns.expect("there is a certificate").port());
    let urls = json!([
        format!("turn:{host}:{stun}?transport=udp"),
        format!("turns:{host}:{turns}?transport=tcp"),
        format!("turns:{host}:{http}?transport=tcp"),
    ]);
    assert_eq!(ice["iceServers"][1]["urls"], urls);
    let page = secure.ask("GET", "/", &[]).await;
    let origin = format!("wss://{host}:{}", at.websocket.port());
    assert!(page.head.contains(&format!("connect-src 'self' {origin} ")), "{}", page.head);
}

#[tokio::test]
async fn letters_go_over_each_way_to_the_broker() {
    let secure = Secure::new().await;
    let at = secure.hub.addresses();
    for address in [at.http, at.websocket, at.mqtt] {
        for version in [Version::V5, Version::V311] {
            let user = User::new(1);
            let stream = secure.authority.connect(address, &[]).await.unwrap();
            let stream = if address == at.mqtt {
                Stream::Bytes(Box::new(stream))
            } else {
                Stream::web_socket(stream, address).await
            };
            let mut client = Client::new(version);
            client.subscribe(&own_filter(&user.id()));
            client.open_over(stream, user.credentials(secure.token(&user).await)).await;
            let event = client.event().await;
            assert!(matches!(event, Event::Connected { .. }), "{event:?}");
            let topic = user.topic(tincan_wire::Leaf::Offer);
            // As large as an envelope may be: several records of TLS.
            let letter = vec![7; 16 * 1024];
            client.publish(&topic, letter.clone()).await;
            assert_eq!(client.message().await, (topic, letter), "{address} {version:?}");
            client.disconnect().await;
        }
    }
}

#[tokio::test]
async fn the_relay_is_reached_over_tls_at_both_ports() {
    let secure = Secure::new().await;
    let at = secure.hub.addresses();
    let turns = at.turns.expect("there is a certificate");
    let credential = credential_of(&secure.ice(&User::new(1)).await);
    for (address, protocols) in
        [(turns, &[TURN][..]), (turns, &[]), (at.http, &[TURN]), (at.http, &[])]
    {
        let stream = secure.authority.connect(address, protocols).await.unwrap();
        let way = Way::over(stream);
        let mut end = End::by(way, Transport::Tls, credential.clone());
        end.is_allocated().await;
        check_relaying(&mut end).await;
    }
}

#[tokio::test]
async fn the_relay_in_the_clear_stays_where_it_was() {
    let secure = Secure::new().await;
    let at = secure.hub.addresses();
    let credential = credential_of(&secure.ice(&User::new(1)).await);
    for address in [at.stun, at.http] {
        let way = Way::over(TcpStream::connect(address).await.unwrap());
        let mut end = End::by(way, Transport::Tcp, credential.clone());
        end.is_allocated().await;
        check_relaying(&mut end).await;
    }
}

#[tokio::test]
async fn stun_is_answered_under_its_own_alpn() {
    let secure = Secure::new().await;
    let mut stream =
        secure.authority.connect(secure.site(), &[b"stun.nat-discovery"]).await.unwrap();
    let binding = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat();
    stream.write_all(&binding).await.unwrap();
    let mut answer = [0; 32];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer[..4], [1, 1, 0, 12]);
}

#[tokio::test]
async fn who_speaks_http_in_the_clear_is_led_to_https_in_words() {
    let secure = Secure::new().await;
    let reply = request(secure.site(), "GET", "/config.json?x=1", &[]).await;
    let location = format!("location: https://{}/config.json?x=1\r\n", secure.site());
    assert!(reply.status == 308 && reply.head.contains(&location), "{reply:?}");
    assert!(reply.json()["message"].as_str().unwrap().contains("write https://"), "{reply:?}");
    let named = request(secure.site(), "GET", "/", &["Host: hub.example"]).await;
    assert!(named.head.contains("location: https://hub.example/\r\n"), "{named:?}");
}

#[tokio::test]
async fn a_token_in_the_clear_is_refused_and_not_led_on() {
    let secure = Secure::new().await;
    for (method, header) in [("POST", "Content-Length: 0"), ("GET", "Authorization: Bearer x")] {
        let reply = request(secure.site(), method, "/ice", &[header]).await;
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!("tls")));
        assert!(!reply.head.contains("location:"), "{reply:?}");
    }
    let mut asked = vec!["Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    asked.push("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==");
    let reply = request(secure.site(), "GET", "/mqtt", &asked).await;
    assert_eq!(reply.status, 308);
}

#[tokio::test]
async fn handshakes_count_as_connections() {
    let secure = Secure::with(|config| {
        config.limits.http_connections = 1;
        config.limits.relay_connections = 1;
        config.limits.connections = 1;
    })
    .await;
    let at = secure.hub.addresses();
    for address in [at.http, at.mqtt, at.stun, at.turns.unwrap()] {
        let mut first = TcpStream::connect(address).await.unwrap();
        // The beginning of a handshake that does not go on.
        first.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        let closed = async {
            loop {
                let mut second = TcpStream::connect(address).await.unwrap();
                // The first one may still be on its way in.
                let read = timeout(Duration::from_millis(200), second.read(&mut [0; 1])).await;
                if let Ok(Ok(0) | Err(_)) = read {
                    return;
                }
                drop(second);
            }
        };
        timeout(PATIENCE, closed).await.unwrap_or_else(|_| panic!("{address}"));
        drop(first);
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_who_is_connected_stays() {
    let authority = Authority::new();
    let first = authority.issue();
    let hub = hub_with(|config| {
        let files = authority.files();
        config.tls = Some(tincan_hub::TlsConfig { look_every: Duration::from_millis(20), ..files });
    })
    .await;
    let address = hub.addresses().http;
    let shown = async || {
        let stream = authority.connect(address, &[HTTP]).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    assert_eq!(shown().await, first);
    let mut before = authority.connect(address, &[HTTP]).await.unwrap();
    let mut ask = async || {
        before.write_all(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 4_096];
        let len = timeout(PATIENCE, before.read(&mut answer)).await.unwrap().unwrap();
        assert!(answer[..len].starts_with(b"HTTP/1.1 200"));
    };
    ask().await;
    let second = authority.issue();
    let renewed = async { while shown().await != second {} };
    timeout(PATIENCE, renewed).await.expect("it is renewed");
    ask().await;

    std::fs::write(authority.files().certificate, "nothing").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(shown().await, second, "what cannot be used changes nothing");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_keeps_the_hub_from_opening() {
    let authority = Authority::new();
    std::fs::write(authority.files().key, "no key").unwrap();
    let config = Config { tls: Some(authority.files()), ..Config::on(LOOPBACK) };
    let error = Hub::start(config).await.unwrap_err();
    assert!(matches!(error, HubError::Certificate(_)));
    assert!(error.to_string().contains("privkey.pem holds no private key"), "{error}");
}

#[tokio::test]
async fn a_hub_without_a_certificate_has_no_port_for_turn_over_tls() {
    let hub = hub().await;
    assert_eq!((hub.addresses().turns, hub.addresses().scheme()), (None, "http"));
    let secure = Secure::new().await;
    assert_eq!(secure.hub.addresses().scheme(), "https");
}
