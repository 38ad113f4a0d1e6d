//! What anybody can send to a hub that speaks TLS: handshakes that are none, and nonsense of every
//! kind after one that is.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tincan_e2e::{Authority, HubProcess};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::gauge::{FLOOD_BYTES, Gauge};
use crate::hub::noise;
use crate::hub_clients::{connect_from, throw};

/// The hub keeps nothing of these; this is for some buffers of connections that end, and for the
/// sessions that may be resumed.
const BOUND: usize = 16 * 1024 * 1024;

/// Bytes for one connection.
const PIECE: usize = 1_000_000;

/// How long a piece of that may wait to be taken.
const PATIENCE: Duration = Duration::from_millis(100);

/// From here on the numbers are of those who flood.
const FLOODERS: usize = 1_000;

/// A hub with a certificate, and who trusts it.
struct Scene {
    hub: HubProcess,
    connector: TlsConnector,
    _folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
        authority.issue("127.0.0.1", folder.path(), |_| {});
        let file = |name: &str| folder.path().join(name).display().to_string();
        let [certificate, key] = ["fullchain.pem", "privkey.pem"].map(file);
        let flags = ["--turns-port", "0", "--tls-cert", &certificate, "--tls-key", &key];
        let hub = HubProcess::start_with("127.0.0.1", &flags);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        Self { hub, connector: TlsConnector::from(Arc::new(config)), _folder: folder }
    }

    /// Where TLS is spoken: site, broker and relay.
    fn doors(&self) -> [String; 3] {
        let site = self.hub.origin().strip_prefix("https://").expect("it has a certificate");
        let at = |port: &str| format!("127.0.0.1:{port}");
        [site.to_owned(), at(self.hub.mqtt_port()), at(self.hub.stun_port())]
    }

    /// Somebody who has shaken hands at a door.
    async fn enter(&self, number: usize, door: &str) -> TlsStream<TcpStream> {
        let stream = connect_from(number, door).await;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        self.connector.connect(name, stream).await.unwrap()
    }

    async fn check_alive(&self, number: usize) {
        let mut stream = self.enter(number, &self.doors()[0]).await;
        let request = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    /// Lets `flood` send to ever new connections, until it has sent 100 MB.
    async fn flooded(self, name: &'static str, flood: impl AsyncFn(&Self, usize) -> usize) {
        self.check_alive(1).await;
        let gauge = Gauge::before(name, self.hub.pid());
        let (mut sent, mut number) = (0, FLOODERS);
        while sent < FLOOD_BYTES {
            sent += flood(&self, number).await;
            number += 1;
        }
        gauge.after(BOUND);
        self.check_alive(2).await;
    }
}

/// A record of TLS (RFC 8446 §5.1) that says of itself what it holds and how long it is.
fn record(content: u8, body: &[u8]) -> Vec<u8> {
    [&[content, 3, 1][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_of_nonsense_take_no_memory_of_a_hub() {
    let piece = noise(16_000, 5);
    // Records that are no message; a message that says it is 16 MB; records of another kind; a
    // record that says it is longer than any.
    let nonsense = [
        record(22, &piece).repeat(PIECE / 16_000),
        [record(22, &[&[1, 0xff, 0xff, 0xff][..], &piece].concat()), record(22, &piece).repeat(60)]
            .concat(),
        [record(22, &[1]), record(23, &piece).repeat(PIECE / 16_000)].concat(),
        [&[22, 3, 1, 0xff, 0xff][..], &noise(PIECE, 6)].concat(),
    ];
    Scene::new()
        .flooded("hub: TLS handshakes of nonsense", async |scene, number| {
            let mut stream = connect_from(number, &scene.doors()[number % 3]).await;
            let sent = throw(&mut stream, &nonsense[number % 4]).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
            sent
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_nonsense_take_no_memory_of_a_hub() {
    // A head of HTTP without an end, a CONNECT that says it is huge, messages of TURN that nobody
    // admitted, and noise.
    let turn = [&[0, 3, 0x03, 0xe8, 0x21, 0x12, 0xa4, 0x42][..], &noise(1_012, 7)].concat();
    let nonsense = [
        [&b"GET / HTTP/1.1\r\n"[..], &b"X-More: and more\r\n".repeat(PIECE / 18)].concat(),
        [&[0x10, 0xff, 0xff, 0xff, 0x7f][..], &noise(PIECE, 8)].concat(),
        turn.repeat(PIECE / turn.len()),
        noise(PIECE, 9),
    ];
    Scene::new()
        .flooded("hub: nonsense in TLS", async |scene, number| {
            let mut stream = scene.enter(number, &scene.doors()[number % 3]).await;
            let nonsense = &nonsense[number / 3 % 4];
            // Who is not read for a while leaves; what is out by then counts.
            let mut sent = 0;
            while let Some(piece) = nonsense.chunks(PIECE / 16).nth(sent * 16 / PIECE) {
                match timeout(PATIENCE, throw(&mut stream, piece)).await {
                    Ok(count) if count == piece.len() => sent += count,
                    _ => break,
                }
            }
            sent
        })
        .await;
}
