//! Who speaks to the server.

use std::net::SocketAddr;

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream in the clear.
    Tcp,
    /// A stream in TLS.
    Tls,
}

impl Transport {
    /// Whether messages follow each other in a stream, where ChannelData is padded (RFC 8656
    /// §12.5) and the address of the client is no forgery.
    #[must_use]
    pub fn is_stream(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls => true,
        }
    }
}

/// A 5-tuple (RFC 8656 §3.2), which has at most one allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Client {
    /// How it came.
    pub transport: Transport,
    /// Where it is seen.
    pub remote: SocketAddr,
    /// The server's address that it spoke to, which answers are sent from.
    pub local: SocketAddr,
    /// The shell's own number: of the accepted connection, never given to another one; of the
    /// socket for UDP. A client that comes again from the same port has none of its old rights.
    pub connection: u64,
}
