//! Numbers about a link: its path, its traffic and what it refused.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::candidate::CandidateKind;

/// A snapshot of a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// The path data takes, once there is one.
    pub path: Option<PathStats>,
    /// The latest round trip, of the path's checks or else of SCTP.
    pub rtt: Option<Duration>,
    /// Bytes of UDP payload handed out for sending.
    pub bytes_sent: u64,
    /// Bytes of UDP payload taken in, refused ones included.
    pub bytes_received: u64,
    /// Datagrams handed out.
    pub datagrams_sent: u64,
    /// Datagrams taken in.
    pub datagrams_received: u64,
    /// Packets of data that were sent the first time.
    pub packets_sent: u64,
    /// Packets of data that had to be sent again, since the peer did not acknowledge them.
    pub packets_again: u64,
    /// Messages given to [`send`](crate::Link::send).
    pub messages_sent: u64,
    /// Messages delivered as events.
    pub messages_received: u64,
    /// What was refused, by reason.
    pub rejects: BTreeMap<&'static str, u64>,
}

/// The two ends of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStats {
    /// The address this end sends from.
    pub local: SocketAddr,
    /// The address it sends to.
    pub remote: SocketAddr,
    /// What kind of address the local one is.
    pub local_kind: CandidateKind,
    /// What kind the remote one is.
    pub remote_kind: CandidateKind,
}
