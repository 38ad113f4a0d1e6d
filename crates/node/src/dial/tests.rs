use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::*;

/// A certificate that signs itself.
struct Certificate {
    pem: String,
    der: Vec<u8>,
    key: KeyPair,
}

impl Certificate {
    fn new(name: &str, years: (i32, i32)) -> Self {
        Self::with(name, years, IsCa::NoCa)
    }

    /// As the usual one-liners of openssl make it.
    fn of_an_authority() -> Self {
        Self::with("localhost", (2020, 2100), IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn with(name: &str, years: (i32, i32), is_ca: IsCa) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = is_ca;
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().to_vec(), key }
    }

    fn valid() -> Self {
        Self::new("localhost", (2020, 2100))
    }

    fn pin(&self) -> [u8; 32] {
        use rcgen::PublicKeyData as _;
        Sha256::digest(self.key.subject_public_key_info()).into()
    }

    fn acceptor(&self) -> TlsAcceptor {
        self.acceptor_for(&[])
    }

    /// That of a server which speaks these protocols.
    fn acceptor_for(&self, protocols: &[&[u8]]) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone().into()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Accepts one connection and sends back what it reads, in upper case.
async fn tls_server(certificate: &Certificate) -> u16 {
    let (listener, port) = listener().await;
    let acceptor = certificate.acceptor();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await.unwrap();
            stream.write_all(&bytes.to_ascii_uppercase()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    port
}

async fn talk(mut stream: ByteStream) {
    stream.write_all(b"hello").await.unwrap();
    stream.flush().await.unwrap();
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"HELLO");
}

fn plain() -> Dialer {
    Dialer::new(TlsSettings::default())
}

fn pinned(key: [u8; 32]) -> Dialer {
    Dialer::new(TlsSettings { ca_file: None, pinned_key: Some(key) })
}

fn with_ca(pem: &str) -> (Dialer, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let ca_file = Some(file.path().to_owned());
    (Dialer::new(TlsSettings { ca_file, pinned_key: None }), file)
}

async fn tls_error(dialer: &Dialer, certificate: &Certificate) -> DialError {
    let port = tls_server(certificate).await;
    dialer.tls("localhost", port).await.expect_err("must fail")
}

#[tokio::test]
async fn nobody_listening_is_said_so() {
    let (listener, port) = listener().await;
    drop(listener);
    let error = plain().tcp("127.0.0.1", port).await.unwrap_err();
    assert_eq!(error, DialError::Refused { host: "127.0.0.1".to_owned(), port });
    assert!(error.to_string().contains("is the server running?"));
}

#[tokio::test]
async fn a_name_that_is_none_is_said_so() {
    let error = plain().tcp("nobody.invalid", 1).await.unwrap_err();
    assert_eq!(error, DialError::Resolve { host: "nobody.invalid".to_owned() });
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_a_given_one_accepted() {
    let certificate = Certificate::valid();
    let host = "localhost".to_owned();
    let (other, _file) = with_ca(&Certificate::valid().pem);
    assert_eq!(tls_error(&other, &certificate).await, DialError::UnknownCertificate { host });
    let (dialer, _file) = with_ca(&certificate.pem);
    let port = tls_server(&certificate).await;
    talk(dialer.tls("localhost", port).await.unwrap()).await;
}

#[tokio::test]
async fn an_authority_that_serves_by_itself_is_named_with_the_way_out() {
    let certificate = Certificate::of_an_authority();
    let (dialer, _file) = with_ca(&certificate.pem);
    let error = tls_error(&dialer, &certificate).await;
    assert!(matches!(error, DialError::AuthorityAsServer { .. }), "{error}");
    let pinned = pinned(certificate.pin());
    let port = tls_server(&certificate).await;
    talk(pinned.stream("localhost", port, true).await.unwrap()).await;
}

#[tokio::test]
async fn a_certificate_out_of_its_time_or_for_another_name_is_refused() {
    let host = "localhost".to_owned();
    let past = Certificate::new("localhost", (2001, 2002));
    let (dialer, _file) = with_ca(&past.pem);
    let expired = DialError::CertificateExpired { host: host.clone() };
    assert_eq!(tls_error(&dialer, &past).await, expired);
    let future = Certificate::new("localhost", (2090, 2100));
    let (dialer, _file) = with_ca(&future.pem);
    let early = DialError::CertificateNotYetValid { host: host.clone() };
    assert_eq!(tls_error(&dialer, &future).await, early);
    let other = Certificate::new("other.example", (2020, 2100));
    let (dialer, _file) = with_ca(&other.pem);
    assert_eq!(tls_error(&dialer, &other).await, DialError::CertificateForAnotherName { host });
}

#[tokio::test]
async fn a_pinned_key_is_accepted_whoever_signed_it_and_no_other() {
    let certificate = Certificate::new("other.example", (2001, 2002));
    let port = tls_server(&certificate).await;
    talk(pinned(certificate.pin()).tls("localhost", port).await.unwrap()).await;
    let error = tls_error(&pinned([7; 32]), &certificate).await;
    let DialError::WrongKey { found, .. } = &error else { panic!("{error}") };
    assert_eq!(found.len(), 64);
    assert!(error.to_string().contains("somebody is in between"));
}

#[tokio::test]
async fn a_relay_is_told_by_alpn_what_is_spoken_and_a_hub_is_not() {
    let certificate = Certificate::valid();
    let (dialer, _file) = with_ca(&certificate.pem);
    let (listener, port) = listener().await;
    let acceptor = certificate.acceptor_for(&[b"http/1.1", b"stun.turn"]);
    let server = tokio::spawn(async move {
        let mut said = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            said.push(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec));
        }
        said
    });
    let _relay = dialer.relay("localhost", port, true).await.unwrap();
    let _hub = dialer.stream("localhost", port, true).await.unwrap();
    assert_eq!(server.await.unwrap(), [Some(b"stun.turn".to_vec()), None]);
}

#[tokio::test]
async fn a_server_at_which_there_is_no_relay_is_told_with_the_reason() {
    let certificate = Certificate::valid();
    let (dialer, _file) = with_ca(&certificate.pem);
    let (listener, port) = listener().await;
    let acceptor = certificate.acceptor_for(&[b"http/1.1"]);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _refused = acceptor.accept(stream).await;
    });
    let error = dialer.relay("localhost", port, true).await.err().unwrap();
    assert_eq!(error, DialError::NoRelay { host: "localhost".to_owned() });
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_named() {
    let (listener, port) = listener().await;
    let (empty, _file) = with_ca("no certificate");
    let missing =
        Dialer::new(TlsSettings { ca_file: Some("/nowhere/ca.pem".into()), pinned_key: None });
    for dialer in [empty, missing] {
        let error = dialer.tls("localhost", port).await.err().unwrap();
        assert!(matches!(error, DialError::CaFile { .. }), "{error}");
    }
    drop(listener);
}

#[tokio::test]
async fn a_server_without_tls_is_no_tls_server() {
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 hello, this is not TLS\r\n").await.unwrap();
    });
    let error = plain().tls("localhost", port).await.err().unwrap();
    assert!(matches!(error, DialError::Tls { .. }), "{error}");
}

/// Accepts one WebSocket and sends back what it reads, in upper case and in two frames.
async fn websocket_server(subprotocol: Option<&'static str>) -> u16 {
    use futures_util::{SinkExt as _, StreamExt as _};
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        #[expect(clippy::result_large_err, reason = "the type is the library's")]
        let answer = |request: &Request, mut response: Response| {
            assert_eq!(request.uri().path(), "/mqtt");
            assert_eq!(request.headers()["sec-websocket-protocol"], "mqtt");
            if let Some(subprotocol) = subprotocol {
                let value = HeaderValue::from_static(subprotocol);
                response.headers_mut().insert("sec-websocket-protocol", value);
            }
            Ok(response)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, answer).await else {
            return;
        };
        while let Some(Ok(Message::Binary(bytes))) = socket.next().await {
            let (a, b) = bytes.split_at(bytes.len() / 2);
            for part in [a, b] {
                let frame = Message::Binary(part.to_ascii_uppercase().into());
                socket.send(frame).await.unwrap();
                socket.send(Message::Ping(Vec::new().into())).await.unwrap();
            }
        }
    });
    port
}

#[tokio::test]
async fn a_websocket_is_a_byte_stream() {
    let port = websocket_server(Some("mqtt")).await;
    talk(plain().websocket("127.0.0.1", port, false, "/mqtt").await.unwrap()).await;
}

/// What reading from a broker ends in that sends this first.
async fn error_after(message: Message) -> io::Error {
    use futures_util::SinkExt as _;
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        #[expect(clippy::result_large_err, reason = "the type is the library's")]
        let answer = |_: &Request, mut response: Response| {
            let value = HeaderValue::from_static("mqtt");
            response.headers_mut().insert("sec-websocket-protocol", value);
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, answer).await.unwrap();
        // The client may have had enough before all is written.
        let _ = socket.send(message).await;
        socket
    });
    let mut stream = plain().websocket("127.0.0.1", port, false, "/mqtt").await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    drop(stream);
    drop(server.await.unwrap());
    error
}

#[tokio::test]
async fn a_text_frame_is_no_mqtt() {
    let error = error_after(Message::Text("CONNACK".into())).await;
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_websocket() {
    let error = error_after(Message::Binary(vec![0x30; 256 * 1024 + 1].into())).await;
    assert!(error.to_string().contains("too long"), "{error}");
}

#[tokio::test]
async fn a_websocket_without_mqtt_is_refused() {
    let port = websocket_server(None).await;
    let error = plain().websocket("127.0.0.1", port, false, "/mqtt").await.err().unwrap();
    assert_eq!(error, DialError::NoMqtt { host: "127.0.0.1".to_owned() });
}

#[tokio::test]
async fn a_web_server_without_websocket_is_named_with_its_status() {
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 1024];
        let _ = stream.read(&mut bytes).await.unwrap();
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    });
    let error = plain().websocket("127.0.0.1", port, false, "/mqtt").await.err().unwrap();
    assert_eq!(error, DialError::NoWebSocket { host: "127.0.0.1".to_owned(), status: 404 });
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let (listener, port) = listener().await;
    let mut dialer = plain();
    dialer.patience.handshake = Duration::from_millis(20);
    let error = dialer.websocket("127.0.0.1", port, false, "/mqtt").await.err().unwrap();
    assert_eq!(error, DialError::TimedOut { host: "127.0.0.1".to_owned(), port });
    drop(listener);
}

#[tokio::test]
async fn a_certificate_that_is_trusted_is_shown_and_its_end_is_read() {
    let certificate = Certificate::valid();
    let (dialer, _file) = with_ca(&certificate.pem);
    let port = tls_server(&certificate).await;
    let shown = dialer.certificate("localhost", port).await.unwrap();
    assert_eq!(shown, certificate.der);
    // 2100-01-01.
    assert_eq!(tincan_doctor::last_second(&shown), Some(4_102_444_800));
    let port = tls_server(&certificate).await;
    let host = "localhost".to_owned();
    let error = plain().certificate("localhost", port).await.unwrap_err();
    assert_eq!(error, DialError::UnknownCertificate { host });
}
