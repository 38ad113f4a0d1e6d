//! From a host name and a port to a byte stream: DNS, TCP, TLS, each failure a sentence.

mod tls;
mod websocket;

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) use tls::{Tls, TlsSettings};

/// A connection whose kind no longer matters: TCP, TLS, or a WebSocket read as bytes.
pub(crate) type ByteStream = Box<dyn Bytes>;

/// What [`ByteStream`] can do.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Bytes for T {}

/// How long a name may take to resolve: resolvers give up on a dead server after about 5 s.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the steps of a connection may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one address to accept; the next is tried then. Two lost SYNs fit in.
    pub(crate) connect: Duration,
    /// For a TLS or WebSocket handshake.
    pub(crate) handshake: Duration,
    /// From an HTTP request to the last byte of its answer.
    pub(crate) exchange: Duration,
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(3),
    handshake: Duration::from_secs(5),
    exchange: Duration::from_secs(5),
};

/// TURN as ALPN names it (RFC 7443 §5).
const TURN: &[u8] = b"stun.turn";

/// How many addresses of a name are tried.
const MAX_ADDRESSES: usize = 4;

/// Opens connections; holds what all of them share.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    tls: Tls,
    pub(crate) patience: Patience,
}

impl Dialer {
    pub(crate) fn new(settings: TlsSettings) -> Self {
        Self { tls: Tls::new(settings), patience: PATIENCE }
    }

    /// A TCP connection to the first address of `host` that accepts, without Nagle's delay.
    pub(crate) async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, DialError> {
        let mut last = DialError::Resolve { host: host.to_owned() };
        for address in resolve(host, port).await?.into_iter().take(MAX_ADDRESSES) {
            match timeout(self.patience.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it a small packet waits for the acknowledgement of the one before.
                    stream.set_nodelay(true).map_err(|error| DialError::io(host, port, &error))?;
                    return Ok(stream);
                }
                Ok(Err(error)) => last = DialError::io(host, port, &error),
                Err(_) => last = DialError::TimedOut { host: host.to_owned(), port },
            }
        }
        Err(last)
    }

    /// TCP, and TLS over it.
    pub(crate) async fn tls(&self, host: &str, port: u16) -> Result<ByteStream, DialError> {
        self.tls_for(None, host, port).await
    }

    /// TCP, and TLS over it if `secure`, to a relay. By ALPN it is told from a web server at the
    /// same port (RFC 7443).
    pub(crate) async fn relay(
        &self,
        host: &str,
        port: u16,
        secure: bool,
    ) -> Result<ByteStream, DialError> {
        if secure {
            self.tls_for(Some(TURN), host, port).await
        } else {
            Ok(Box::new(self.tcp(host, port).await?))
        }
    }

    async fn tls_for(
        &self,
        protocol: Option<&[u8]>,
        host: &str,
        port: u16,
    ) -> Result<ByteStream, DialError> {
        let client = self.tls.client(host, protocol)?;
        let stream = self.tcp(host, port).await?;
        let stream = timeout(self.patience.handshake, client.connect(stream))
            .await
            .map_err(|_| DialError::TimedOut { host: host.to_owned(), port })??;
        Ok(Box::new(stream))
    }

    /// The certificate that a server shows, if it is trusted; DER.
    pub(crate) async fn certificate(&self, host: &str, port: u16) -> Result<Vec<u8>, DialError> {
        let client = self.tls.client(host, None)?;
        let stream = self.tcp(host, port).await?;
        let stream = timeout(self.patience.handshake, client.connect(stream))
            .await
            .map_err(|_| DialError::TimedOut { host: host.to_owned(), port })??;
        let (_, connection) = stream.get_ref();
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        Ok(shown.map(|certificate| certificate.to_vec()).unwrap_or_default())
    }

    /// TCP or TLS.
    pub(crate) async fn stream(
        &self,
        host: &str,
        port: u16,
        secure: bool,
    ) -> Result<ByteStream, DialError> {
        if secure { self.tls(host, port).await } else { Ok(Box::new(self.tcp(host, port).await?)) }
    }

    /// A WebSocket with the subprotocol `mqtt` (MQTT 5 §6), read and written as bytes.
    pub(crate) async fn websocket(
        &self,
        host: &str,
        port: u16,
        secure: bool,
        path: &str,
    ) -> Result<ByteStream, DialError> {
        let stream = self.stream(host, port, secure).await?;
        let socket =
            timeout(self.patience.handshake, websocket::open(stream, host, port, secure, path))
                .await
                .map_err(|_| DialError::TimedOut { host: host.to_owned(), port })??;
        Ok(Box::new(socket))
    }
}

/// All addresses of a name, in the resolver's order. Never empty.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let failed = || DialError::Resolve { host: host.to_owned() };
    let found = timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| failed())?
        .map_err(|_| failed())?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() { Err(failed()) } else { Ok(found) }
}

/// Why a connection could not be made, in words for the person who configured it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum DialError {
    #[error("the name {host} cannot be resolved; check its spelling and this machine's network")]
    Resolve { host: String },
    #[error("nothing listens at {host}:{port} (connection refused); is the server running?")]
    Refused { host: String, port: u16 },
    #[error("{host}:{port} does not answer; check the address, the network and firewalls")]
    TimedOut { host: String, port: u16 },
    #[error("there is no way to {host}:{port} ({reason}); is this machine online?")]
    Unreachable { host: String, port: u16, reason: String },
    #[error("the connection to {host}:{port} failed: {reason}")]
    Io { host: String, port: u16, reason: String },
    #[error(
        "the certificate of {host} is signed by nobody this machine trusts; \
         name its CA with `ca_file`, or pin its key"
    )]
    UnknownCertificate { host: String },
    #[error("the certificate of {host} has expired, or this machine's clock is wrong")]
    CertificateExpired { host: String },
    #[error("the certificate of {host} is not valid yet, or this machine's clock is wrong")]
    CertificateNotYetValid { host: String },
    #[error("the certificate shown by {host} is for another name; check the address")]
    CertificateForAnotherName { host: String },
    #[error(
        "{host} has another key (sha-256 {found}) than the one that is pinned; \
         either it was renewed, or somebody is in between"
    )]
    WrongKey { host: String, found: String },
    #[error(
        "{host} shows the certificate of an authority as its own (made with `openssl req -x509`, \
         perhaps): sign a server certificate with it, or pin the server's key instead"
    )]
    AuthorityAsServer { host: String },
    #[error("{host} speaks no TURN at that port; check the relay's address")]
    NoRelay { host: String },
    #[error("the TLS connection to {host} failed: {reason}")]
    Tls { host: String, reason: String },
    #[error("the CA file {path} cannot be used: {reason}")]
    CaFile { path: String, reason: String },
    #[error("{host} answered HTTP {status} instead of a WebSocket; check the path of the address")]
    NoWebSocket { host: String, status: u16 },
    #[error("{host} speaks WebSocket, but not MQTT over it; check the path of the address")]
    NoMqtt { host: String },
    #[error("the WebSocket with {host} failed: {reason}")]
    WebSocket { host: String, reason: String },
}

impl DialError {
    pub(crate) fn io(host: &str, port: u16, error: &io::Error) -> Self {
        let host = host.to_owned();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { host, port },
            io::ErrorKind::TimedOut => Self::TimedOut { host, port },
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::AddrNotAvailable => {
                Self::Unreachable { host, port, reason: error.kind().to_string() }
            }
            kind => Self::Io { host, port, reason: kind.to_string() },
        }
    }
}

#[cfg(test)]
mod tests;
