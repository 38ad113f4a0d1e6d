use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;

const LOCALHOST: &str = "localhost";

/// A certificate that signs itself, and its key, as PEM.
fn issue(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![LOCALHOST.to_owned()]).unwrap();
    change(&mut params);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn valid() -> (String, String) {
    issue(|_| {})
}

/// The two files in a folder of their own.
struct Files {
    folder: TempDir,
    config: TlsConfig,
}

impl Files {
    fn of((certificate, key): &(impl AsRef<[u8]>, impl AsRef<[u8]>)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let config = TlsConfig::new(at("fullchain.pem"), at("privkey.pem"));
        let files = Self { folder, config };
        files.put(certificate, key);
        files
    }

    fn put(&self, certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) {
        std::fs::write(&self.config.certificate, certificate).unwrap();
        std::fs::write(&self.config.key, key).unwrap();
    }

    fn load(&self) -> Result<Tls, CertificateError> {
        Tls::load(&self.config, &Limits::default(), Clock::start())
    }

    fn tls(&self) -> Tls {
        self.load().unwrap()
    }
}

#[track_caller]
fn check(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>, words: &[&str]) {
    let files = Files::of(&(certificate, key));
    let error = files.load().unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
}

#[test]
fn a_pair_that_was_issued_together_is_taken() {
    assert_eq!(Files::of(&valid()).tls().warning(), None);
}

#[test]
fn a_missing_file_is_named() {
    let files = Files::of(&valid());
    std::fs::remove_file(&files.config.key).unwrap();
    let error = files.load().unwrap_err().to_string();
    assert!(error.contains("privkey.pem") && error.contains("name the file"), "{error}");
}

#[test]
fn a_folder_is_no_file() {
    let files = Files::of(&valid());
    let folder = files.folder.path().to_owned();
    let config = TlsConfig { certificate: folder.clone(), ..files.config };
    let error = Tls::load(&config, &Limits::default(), Clock::start()).unwrap_err();
    assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
}

#[test]
fn what_is_no_pem_is_named_with_its_file_and_what_to_do() {
    let (certificate, key) = valid();
    check("hello", &key, &["fullchain.pem", "no certificate in PEM form", "-----BEGIN CERT"]);
    check("", &key, &["fullchain.pem", "no certificate in PEM form"]);
    check(&certificate, "hello", &["privkey.pem", "no private key in PEM form", "-----BEGIN PR"]);
    check(&key, &certificate, &["fullchain.pem", "are the two files swapped?"]);
    check(&certificate, &certificate, &["privkey.pem", "are the two files swapped?"]);
    check(&certificate[..300], &key, &["fullchain.pem", "cut short"]);
    let damaged = certificate.replacen('M', "!", 1);
    check(&damaged, &key, &["fullchain.pem", "damaged"]);
    check(vec![b' '; 2_000_000], &key, &["fullchain.pem", "neither a certificate nor a key"]);
}

#[test]
fn der_is_named_with_the_command_that_makes_pem_of_it() {
    let (certificate, key) = valid();
    let der = [&[0x30, 0x82, 1, 0][..], &[0; 256]].concat();
    check(&der, &key, &["fullchain.pem", "openssl x509 -inform der"]);
    check(&certificate, &der, &["privkey.pem", "openssl pkey -inform der"]);
}

#[test]
fn a_key_with_a_passphrase_is_named_as_one() {
    let (certificate, key) = valid();
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    check(&certificate, &locked, &["privkey.pem", "locked by a passphrase"]);
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
    check(&certificate, old, &["privkey.pem", "locked by a passphrase"]);
}

#[test]
fn a_key_of_another_certificate_is_named_with_both_files() {
    check(valid().0, valid().1, &["privkey.pem", "is not that of", "fullchain.pem", "issued tog"]);
}

#[test]
fn pem_around_something_else_is_refused() {
    let around = |name: &str| format!("-----BEGIN {name}-----\naGVsbG8=\n-----END {name}-----\n");
    let (certificate, key) = valid();
    check(around("CERTIFICATE"), &key, &["fullchain.pem", "cannot be used"]);
    check(&certificate, around("PRIVATE KEY"), &["privkey.pem", "cannot be used"]);
}

#[test]
fn a_certificate_that_nobody_will_trust_is_a_warning() {
    let check = |change: fn(&mut CertificateParams), words: &str| {
        let warning = Files::of(&issue(change)).tls().warning().expect(words).to_string();
        assert!(warning.contains(words), "{warning}");
    };
    check(|params| params.not_after = date_time_ymd(2001, 1, 1), "expired");
    check(|params| params.not_before = date_time_ymd(2090, 1, 1), "is this machine's clock right?");
    check(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "an authority");
}

#[test]
fn how_long_ago_is_told_in_one_unit() {
    let check = |seconds, expected: &str| {
        let since = Duration::from_secs(seconds);
        let warning = CertificateWarning::Expired { since }.to_string();
        assert!(warning.contains(expected), "{warning}");
    };
    check(30, "less than an hour ago");
    check(3_600, " 1 hour ago");
    check(47 * 3_600, " 47 hours ago");
    check(48 * 3_600, " 2 days ago");
}

/// A client that takes whatever it is shown.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn connector(protocols: &[&[u8]]) -> TlsConnector {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(at), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

const SOMEBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// What the port takes a client for that offers these protocols.
async fn said(port: Port, protocols: &[&[u8]]) -> Result<Said, EntryError> {
    let files = Files::of(&valid());
    let entry = Entry::new(Some(&files.tls()), port);
    let (client, server) = pair().await;
    let name = ServerName::try_from(LOCALHOST).unwrap();
    // The client's end is kept until the server has said its word.
    let connecting = connector(protocols);
    let (admitted, _client) =
        tokio::join!(entry.admit(server, SOMEBODY), connecting.connect(name, client));
    admitted.map(|(stream, said)| {
        assert!(stream.is_tls());
        said
    })
}

#[tokio::test]
async fn what_a_client_speaks_is_told_by_alpn() {
    let check = async |port, protocols: &[&[u8]], expected| {
        assert_eq!(said(port, protocols).await.unwrap(), expected, "{port:?} {protocols:?}");
    };
    check(Port::Site, &[b"http/1.1"], Said::Http).await;
    check(Port::Site, &[b"h2", b"http/1.1"], Said::Http).await;
    check(Port::Site, &[b"stun.turn"], Said::Relay).await;
    check(Port::Site, &[b"http/1.1", b"stun.turn"], Said::Relay).await;
    check(Port::Site, &[b"stun.nat-discovery"], Said::Relay).await;
    check(Port::Site, &[], Said::Nothing).await;
    check(Port::Relay, &[b"stun.turn"], Said::Relay).await;
    check(Port::Relay, &[], Said::Nothing).await;
    check(Port::Broker, &[b"mqtt"], Said::Nothing).await;
}

#[tokio::test]
async fn who_speaks_something_else_is_refused() {
    for (port, protocol) in [(Port::Site, &b"h2"[..]), (Port::Relay, b"http/1.1")] {
        let refused = said(port, &[protocol]).await.unwrap_err();
        assert!(matches!(refused, EntryError::Handshake(_)), "{refused}");
    }
}

#[tokio::test]
async fn who_speaks_in_the_clear_is_told_from_who_shakes_hands() {
    let files = Files::of(&valid());
    let entry = Entry::new(Some(&files.tls()), Port::Site);
    let (mut client, server) = pair().await;
    client.write_all(b"GET").await.unwrap();
    let (mut stream, said) = entry.admit(server, SOMEBODY).await.unwrap();
    assert_eq!((stream.is_tls(), said), (false, Said::Nothing));
    assert_eq!(stream.first_byte().await, Some(b'G'));
    let mut bytes = [0; 3];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"GET");
}

#[tokio::test]
async fn the_first_byte_under_tls_is_seen_and_stays() {
    let files = Files::of(&valid());
    let entry = Entry::new(Some(&files.tls()), Port::Site);
    let (client, server) = pair().await;
    let talk = async {
        let name = ServerName::try_from(LOCALHOST).unwrap();
        let mut client = connector(&[]).connect(name, client).await.unwrap();
        client.write_all(b"\0\x01rest").await.unwrap();
        client.flush().await.unwrap();
        client
    };
    let (admitted, _client) = tokio::join!(entry.admit(server, SOMEBODY), talk);
    let (mut stream, _) = admitted.unwrap();
    assert_eq!(stream.first_byte().await, Some(0));
    let mut bytes = [0; 6];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"\0\x01rest");
}

#[tokio::test]
async fn who_takes_too_long_is_left_alone() {
    let files = Files::of(&valid());
    let tls = Tls { patience: Duration::from_millis(50), ..files.tls() };
    let entry = Entry::new(Some(&tls), Port::Site);
    let (_silent, server) = pair().await;
    let refused = entry.admit(server, SOMEBODY).await.unwrap_err();
    assert!(matches!(refused, EntryError::Silent), "{refused}");
    let (mut slow, server) = pair().await;
    slow.write_all(&[HANDSHAKE, 3, 1, 2, 0, 1]).await.unwrap();
    let refused = entry.admit(server, SOMEBODY).await.unwrap_err();
    assert!(matches!(refused, EntryError::TooSlow), "{refused}");
}

#[tokio::test]
async fn handshakes_of_one_address_are_limited_and_those_of_others_go_on() {
    let files = Files::of(&valid());
    let limits = Limits { handshakes_per_second: 1, ..Limits::default() };
    let tls = Tls::load(&files.config, &limits, Clock::start()).unwrap();
    let entry = Entry::new(Some(&tls), Port::Site);
    let mut refused = 0;
    for n in 0..30 {
        let (mut client, server) = pair().await;
        client.write_all(&[HANDSHAKE, 0, 0, 0, 0]).await.unwrap();
        match entry.admit(server, SOMEBODY).await {
            Err(EntryError::Rate) => refused += 1,
            Err(EntryError::Handshake(_)) => assert!(n < 25, "{n}"),
            other => panic!("{other:?}"),
        }
    }
    assert!((5..=10).contains(&refused), "{refused}");
    let (mut client, server) = pair().await;
    client.write_all(&[HANDSHAKE, 0, 0, 0, 0]).await.unwrap();
    let other = entry.admit(server, IpAddr::from([192, 0, 2, 1])).await;
    assert!(matches!(other, Err(EntryError::Handshake(_))));
}

async fn look(renewal: &mut Renewal, tls: &Tls) -> Vec<CertificateDer<'static>> {
    renewal.look(&tls.shown, &tls.provider).await;
    tls.shown.now().cert.clone()
}

#[tokio::test]
async fn what_replaces_the_files_is_taken_once_both_are_there() {
    let files = Files::of(&valid());
    let tls = files.tls();
    let mut renewal = Renewal::new(files.config.clone());
    let first = look(&mut renewal, &tls).await;
    assert_eq!(look(&mut renewal, &tls).await, first);

    let (certificate, key) = valid();
    std::fs::write(&files.config.certificate, &certificate).unwrap();
    assert_eq!(look(&mut renewal, &tls).await, first, "the key does not fit yet");
    files.put("", &key);
    assert_eq!(look(&mut renewal, &tls).await, first, "somebody writes just now");
    std::fs::remove_file(&files.config.certificate).unwrap();
    assert_eq!(look(&mut renewal, &tls).await, first, "it is gone");
    files.put(&certificate, &key);
    let second = look(&mut renewal, &tls).await;
    assert_ne!(second, first);
    assert_eq!(look(&mut renewal, &tls).await, second);
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_followed() {
    let [old, new] = [Files::of(&valid()), Files::of(&valid())];
    let folder = tempfile::tempdir().unwrap();
    let live = |name: &str| -> PathBuf { folder.path().join(name) };
    let point_to = |files: &Files| {
        for (name, to) in [("c", &files.config.certificate), ("k", &files.config.key)] {
            let _ = std::fs::remove_file(live(name));
            std::os::unix::fs::symlink(to, live(name)).unwrap();
        }
    };
    point_to(&old);
    let config = TlsConfig::new(live("c"), live("k"));
    let tls = Tls::load(&config, &Limits::default(), Clock::start()).unwrap();
    let mut renewal = Renewal::new(config);
    let first = look(&mut renewal, &tls).await;
    point_to(&new);
    assert_ne!(look(&mut renewal, &tls).await, first);
}
