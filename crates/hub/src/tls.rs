//! TLS at the hub's own doors: which certificate is shown, and handshakes within a time and a
//! rate.

mod certificate;
mod renewal;
mod shown;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::config::{Limits, TlsConfig};
use crate::limits::{AddressBuckets, Rate};
use crate::stream::ClientStream;
use crate::tasks::Stopped;

pub use certificate::{CertificateError, CertificateWarning};
use renewal::Renewal;
use shown::Shown;

/// What a client says first that wants TLS: a record with a handshake message (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// How long a client may take to say something, and then to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);

/// HTTP as ALPN names it (RFC 7301 §6).
const HTTP: &[u8] = b"http/1.1";

/// TURN and STUN (RFC 7443 §5).
const TURN: &[u8] = b"stun.turn";
const STUN: &[u8] = b"stun.nat-discovery";

/// What a port is for, and so what its clients may say that they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The site, and the relay beside it.
    Site,
    /// The relay alone.
    Relay,
    /// The broker, whose clients name MQTT in various ways or not at all: it is not asked.
    Broker,
}

/// What a client has said by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Http,
    Relay,
}

/// The certificate that is shown, and what is the same for all handshakes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    provider: Arc<CryptoProvider>,
    rates: Arc<Mutex<AddressBuckets>>,
    clock: Clock,
    patience: Duration,
}

/// A port's side of TLS; without a certificate, all that comes is in the clear. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Entry {
    tls: Option<(TlsAcceptor, Tls)>,
}

/// Why a client is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("it said nothing, or left")]
    Silent,
    #[error("too many handshakes from its address")]
    Rate,
    #[error("its handshake took too long")]
    TooSlow,
    #[error("the handshake failed: {0}")]
    Handshake(std::io::Error),
}

impl Tls {
    /// Reads the certificate.
    ///
    /// # Errors
    /// It cannot be used.
    pub(crate) fn load(
        files: &TlsConfig,
        limits: &Limits,
        clock: Clock,
    ) -> Result<Self, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let shown = Arc::new(Shown::new(certificate::load(files, &provider)?));
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| CertificateError::unusable(&files.certificate, &error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Shown>::clone(&shown));
        let rate = Rate::with_bursts(limits.handshakes_per_second, 20);
        let rates = Arc::new(Mutex::new(AddressBuckets::new(rate)));
        Ok(Self { config: Arc::new(config), shown, provider, rates, clock, patience: PATIENCE })
    }

    /// What people will meet with at the certificate that is shown now.
    pub(crate) fn warning(&self) -> Option<CertificateWarning> {
        certificate::warning(&self.shown.now(), &self.provider)
    }

    /// Takes a certificate that has replaced the one that is shown, until told to stop.
    pub(crate) async fn keep_up(self, files: TlsConfig, mut stopped: Stopped) {
        let mut renewal = Renewal::new(files);
        while stopped.goes_on_after(renewal.look_every()).await {
            renewal.look(&self.shown, &self.provider).await;
        }
    }

    fn acceptor(&self, port: Port) -> TlsAcceptor {
        let protocols: &[&[u8]] = match port {
            // In the order of preference: whoever can speak TURN, coturn's clients for one, has not
            // come for the page.
            Port::Site => &[TURN, STUN, HTTP],
            Port::Relay => &[TURN, STUN],
            Port::Broker => &[],
        };
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    fn in_rate(&self, address: IpAddr) -> bool {
        let now_ms = self.clock.now_ms();
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(address, now_ms)
    }
}

impl Entry {
    /// That of a port.
    pub(crate) fn new(tls: Option<&Tls>, port: Port) -> Self {
        Self { tls: tls.map(|tls| (tls.acceptor(port), tls.clone())) }
    }

    /// Whether clients may shake hands here.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Waits for a client's first byte, and shakes hands if it is one of TLS.
    ///
    /// # Errors
    /// The client is gone, or to be left alone.
    pub(crate) async fn admit(
        &self,
        stream: TcpStream,
        address: IpAddr,
    ) -> Result<(ClientStream, Said), EntryError> {
        let mut stream = ClientStream::Plain(stream);
        stream.without_delay();
        let Some((acceptor, tls)) = &self.tls else { return Ok((stream, Said::Nothing)) };
        let first = timeout(tls.patience, stream.first_byte()).await.ok().flatten();
        match (first, stream) {
            (None, _) => Err(EntryError::Silent),
            (Some(HANDSHAKE), ClientStream::Plain(_)) if !tls.in_rate(address) => {
                Err(EntryError::Rate)
            }
            (Some(HANDSHAKE), ClientStream::Plain(stream)) => {
                match timeout(tls.patience, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let said = Said::of(stream.get_ref().1.alpn_protocol());
                        Ok((ClientStream::Tls(Box::new(stream)), said))
                    }
                    Ok(Err(error)) => Err(EntryError::Handshake(error)),
                    Err(_) => Err(EntryError::TooSlow),
                }
            }
            (Some(_), stream) => Ok((stream, Said::Nothing)),
        }
    }
}

impl Said {
    fn of(protocol: Option<&[u8]>) -> Self {
        match protocol {
            Some(HTTP) => Self::Http,
            Some(TURN | STUN) => Self::Relay,
            Some(_) | None => Self::Nothing,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("has_tls", &self.has_tls()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
