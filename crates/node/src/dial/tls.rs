//! TLS to a broker or a hub: whom to trust is a matter of configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError,
    RootCertStore, SignatureScheme,
};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::DialError;

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    /// Trust the authorities in this PEM file instead of the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Trust exactly this key, whoever signed its certificate: SHA-256 of the
    /// SubjectPublicKeyInfo, as RFC 7469 §2.4 counts it.
    pub(crate) pinned_key: Option<[u8; 32]>,
}

/// The client side of TLS. Roots are read at the first connection that needs them: they cost a
/// megabyte that a node on plain TCP should not pay.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    settings: TlsSettings,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    pub(crate) fn new(settings: TlsSettings) -> Self {
        Self { settings, config: Arc::default() }
    }

    /// Ready to shake hands with `host`, the name that the certificate must be for, to speak
    /// `protocol`, if that is to be named.
    pub(crate) fn client(
        &self,
        host: &str,
        protocol: Option<&[u8]>,
    ) -> Result<TlsClient, DialError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| DialError::CertificateForAnotherName { host: host.to_owned() })?;
        let protocols = protocol.into_iter().map(<[u8]>::to_vec).collect();
        Ok(TlsClient { config: self.config(host)?, host: host.to_owned(), name, protocols })
    }

    fn config(&self, host: &str) -> Result<Arc<ClientConfig>, DialError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(self.build(host)?);
        Ok(self.config.get_or_init(|| config).clone())
    }

    fn build(&self, host: &str) -> Result<ClientConfig, DialError> {
        let provider = Arc::new(ring::default_provider());
        let failed =
            |error: Error| DialError::Tls { host: host.to_owned(), reason: error.to_string() };
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let builder = match self.settings.pinned_key {
            Some(pin) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(PinVerifier { pin, provider })),
            None => {
                let mut roots = system_roots();
                if let Some(path) = &self.settings.ca_file {
                    add_file(&mut roots, path)?;
                }
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|_| DialError::UnknownCertificate { host: host.to_owned() })?;
                builder.with_webpki_verifier(verifier)
            }
        };
        Ok(builder.with_no_client_auth())
    }
}

/// One handshake to come.
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    host: String,
    name: ServerName<'static>,
    /// What is offered by ALPN.
    protocols: Vec<Vec<u8>>,
}

impl TlsClient {
    pub(crate) async fn connect(
        self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, DialError> {
        let Self { config, host, name, protocols } = self;
        let connector = TlsConnector::from(config);
        connector.with_alpn(protocols).connect(name, stream).await.map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(tls) => explain(&host, tls),
                None => DialError::Tls { host, reason: error.kind().to_string() },
            }
        })
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "system roots");
    }
    roots.add_parsable_certificates(found.certs);
    roots
}

/// Adds every certificate of a file.
fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), DialError> {
    let failed = |reason: String| DialError::CaFile { path: path.display().to_string(), reason };
    let before = roots.len();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.len() == before {
        return Err(failed("it holds no certificate in PEM form".to_owned()));
    }
    Ok(())
}

/// The key was another one than the pinned; carries what was found to the message.
#[derive(Debug)]
struct PinMismatch([u8; 32]);

impl std::fmt::Display for PinMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the key is not the pinned one")
    }
}

impl std::error::Error for PinMismatch {}

/// Accepts one key and nothing else; names, authorities and dates don't matter then.
#[derive(Debug)]
struct PinVerifier {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let found: [u8; 32] = Sha256::digest(certificate.subject_public_key_info()).into();
        if found == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            let mismatch = OtherError(Arc::new(PinMismatch(found)));
            Err(Error::InvalidCertificate(CertificateError::Other(mismatch)))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn explain(host: &str, error: &Error) -> DialError {
    let host = host.to_owned();
    let cause = match error {
        Error::InvalidCertificate(cause) => cause,
        // We name a protocol to relays only.
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            return DialError::NoRelay { host };
        }
        _ => return DialError::Tls { host, reason: error.to_string() },
    };
    match cause {
        // An authority of the same name but with another key is as unknown as one without.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            DialError::UnknownCertificate { host }
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            DialError::CertificateExpired { host }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            DialError::CertificateNotYetValid { host }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            DialError::CertificateForAnotherName { host }
        }
        CertificateError::Other(other) => match other.0.downcast_ref::<PinMismatch>() {
            Some(PinMismatch(found)) => DialError::WrongKey { host, found: hex(found) },
            // The verifier's own error type is not among the dependencies; its name is stable.
            None if other.0.to_string().contains("CaUsedAsEndEntity") => {
                DialError::AuthorityAsServer { host }
            }
            None => DialError::Tls { host, reason: error.to_string() },
        },
        _ => DialError::Tls { host, reason: error.to_string() },
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
