//! Candidates: the addresses at which an end may be reached (RFC 8445 §5.1, RFC 8839 §5.1).

use std::net::{IpAddr, SocketAddr};

use is::Candidate;

/// Longest `candidate:…` line that is read, in bytes.
const MAX_LINE: usize = 512;

/// What kind of address a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateKind {
    /// An address of an interface.
    Host,
    /// The address a STUN server saw.
    ServerReflexive,
    /// An address first seen in a connectivity check.
    PeerReflexive,
    /// An address allocated on a TURN server.
    Relayed,
}

impl CandidateKind {
    pub(crate) fn of(kind: is::CandidateKind) -> CandidateKind {
        match kind {
            is::CandidateKind::Host => CandidateKind::Host,
            is::CandidateKind::ServerReflexive => CandidateKind::ServerReflexive,
            is::CandidateKind::PeerReflexive => CandidateKind::PeerReflexive,
            is::CandidateKind::Relayed => CandidateKind::Relayed,
        }
    }
}

/// An address of this end. `local` in a [`Transmit`](crate::Transmit) is its `base`, or for a
/// relayed one its `addr`: the owner then sends through the TURN allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalCandidate {
    /// Where the peer may reach this end.
    pub addr: SocketAddr,
    /// The socket it belongs to; equal to `addr` for a host candidate.
    pub base: SocketAddr,
    /// What it is; peer-reflexive ones are found by the link itself and not accepted.
    pub kind: CandidateKind,
}

impl LocalCandidate {
    /// A host candidate.
    pub fn host(addr: SocketAddr) -> LocalCandidate {
        LocalCandidate { addr, base: addr, kind: CandidateKind::Host }
    }

    /// The local address datagrams of this candidate leave from.
    pub(crate) fn source(&self) -> SocketAddr {
        match self.kind {
            CandidateKind::Relayed => self.addr,
            _ => self.base,
        }
    }

    pub(crate) fn build(&self) -> Option<Candidate> {
        if self.addr.port() == 0 || self.base.port() == 0 {
            return None;
        }
        match self.kind {
            CandidateKind::Host => Candidate::host(self.addr, "udp").ok(),
            CandidateKind::ServerReflexive => {
                Candidate::server_reflexive(self.addr, self.base, "udp").ok()
            }
            CandidateKind::Relayed => Candidate::relayed(self.addr, self.base, "udp").ok(),
            CandidateKind::PeerReflexive => None,
        }
    }
}

/// Why a remote candidate was not used. None of them harms the link, and none costs time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CandidateError {
    /// Not a `candidate:` line of at most 512 bytes.
    #[error("the candidate line is malformed")]
    Malformed,
    /// A `.local` name: it is resolved by multicast DNS, which a link does not do. The peer is
    /// still found when its checks arrive.
    #[error("the candidate hides its address behind a .local name")]
    Mdns,
    /// Not UDP.
    #[error("the candidate's transport is not UDP")]
    Transport,
    /// An address or port to which no datagram can usefully be sent.
    #[error("the candidate's address is unspecified, multicast or broadcast, or has port 0")]
    Address,
    /// The peer already gave as many as a link keeps.
    #[error("the peer sent too many candidates")]
    TooMany,
}

/// Reads `candidate:…` (or `a=candidate:…`). `None` is the end-of-candidates mark.
pub(crate) fn parse_remote(line: &str) -> Result<Option<Candidate>, CandidateError> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    if line.is_empty() || line == "end-of-candidates" {
        return Ok(None);
    }
    if line.len() > MAX_LINE {
        return Err(CandidateError::Malformed);
    }
    let mut fields = line.split_whitespace().skip(2);
    let transport = fields.next().ok_or(CandidateError::Malformed)?;
    if !transport.eq_ignore_ascii_case("udp") {
        return Err(CandidateError::Transport);
    }
    let address = fields.nth(1).ok_or(CandidateError::Malformed)?;
    if address.ends_with(".local") {
        return Err(CandidateError::Mdns);
    }
    let line = line.replacen(transport, "udp", 1);
    let candidate = Candidate::from_sdp_string(&line).map_err(|_| CandidateError::Malformed)?;
    if is_sendable(candidate.addr()) { Ok(Some(candidate)) } else { Err(CandidateError::Address) }
}

fn is_sendable(address: SocketAddr) -> bool {
    let ip_is_unicast = match address.ip() {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    ip_is_unicast && address.port() != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(line: &str) -> Option<CandidateError> {
        parse_remote(line).err()
    }

    #[test]
    fn candidates_of_browsers_are_read() {
        let chromium = "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr \
            0.0.0.0 rport 0 generation 0 ufrag EsAw network-cost 999";
        let read = parse_remote(chromium).unwrap().unwrap();
        assert_eq!(read.addr(), "203.0.113.7:46154".parse().unwrap());
        let firefox = "a=candidate:0 1 UDP 2122252543 2001:db8::1 50000 typ host";
        assert_eq!(parse_remote(firefox).unwrap().unwrap().addr().port(), 50000);
        assert_eq!(parse_remote("").unwrap(), None);
    }

    #[test]
    fn unusable_candidates_say_why() {
        let with = |transport: &str, address: &str, port: u16| {
            error(&format!("candidate:1 1 {transport} 1 {address} {port} typ host"))
        };
        assert_eq!(with("udp", "10.0.0.1", 9), None);
        assert_eq!(with("tcp", "10.0.0.1", 9), Some(CandidateError::Transport));
        assert_eq!(with("udp", "9b36eaac-bb2e.local", 9), Some(CandidateError::Mdns));
        assert_eq!(with("udp", "example.org", 9), Some(CandidateError::Malformed));
        assert_eq!(with("udp", "10.0.0.1", 0), Some(CandidateError::Address));
        assert_eq!(with("udp", "224.0.0.1", 9), Some(CandidateError::Address));
        assert_eq!(with("udp", "::", 9), Some(CandidateError::Address));
        assert_eq!(error("candidate:1"), Some(CandidateError::Malformed));
        assert_eq!(error(&"x".repeat(600)), Some(CandidateError::Malformed));
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(line in ".{0,200}") {
            let _ = parse_remote(&line);
        }

        #[test]
        fn damaged_candidate_is_read_without_panic(
            fields in proptest::collection::vec("[a-z0-9.:]{0,12}", 0..16),
        ) {
            let _ = parse_remote(&format!("candidate:{}", fields.join(" ")));
        }
    }
}
