//! Which addresses are relays', as both ends have told each other (protocol §10).
//!
//! A shell may know an address from a check alone, and takes a relay for a host behind a router
//! then: Firefox goes on doing so after it was told. What the descriptions and candidates of the
//! session say of an address counts for more, in every shell alike.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use crate::event::Path;

/// Addresses of one end that are kept, the newest: an end has few relays, and a description holds
/// at most as many candidates.
const MAX_ADDRESSES: usize = 32;

const RELAY: &str = "relay";

/// The relayed addresses of both ends of a session.
#[derive(Debug, Default)]
pub(crate) struct Relayed {
    ours: VecDeque<SocketAddr>,
    theirs: VecDeque<SocketAddr>,
}

impl Relayed {
    /// Notes what a description or a candidate of ours says.
    pub(crate) fn note_ours(&mut self, text: &str) {
        note(&mut self.ours, text);
    }

    /// Notes what a description or a candidate of theirs says.
    pub(crate) fn note_theirs(&mut self, text: &str) {
        note(&mut self.theirs, text);
    }

    /// Names the ends of a path that are on a relay as such.
    pub(crate) fn name(&self, path: &mut Path) {
        if holds(&self.ours, &path.local_address) {
            RELAY.clone_into(&mut path.local);
        }
        if holds(&self.theirs, &path.remote_address) {
            RELAY.clone_into(&mut path.remote);
        }
    }
}

fn note(known: &mut VecDeque<SocketAddr>, text: &str) {
    for address in text.lines().filter_map(relayed_address) {
        if known.contains(&address) {
            continue;
        }
        if known.len() == MAX_ADDRESSES {
            known.pop_front();
        }
        known.push_back(address);
    }
}

/// A browser that leaves an address out leaves nothing to compare.
fn holds(known: &VecDeque<SocketAddr>, address: &str) -> bool {
    address.parse().is_ok_and(|address| known.contains(&address))
}

/// The address of a `candidate:` line (RFC 8839 §5.1), if it is on a relay.
fn relayed_address(line: &str) -> Option<SocketAddr> {
    let line = line.strip_prefix("a=").unwrap_or(line).strip_prefix("candidate:")?;
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, _, _, _, ip, port, "typ", RELAY, ..] = words.as_slice() else { return None };
    Some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str = "candidate:1 1 udp 2 203.0.113.10 50000 typ relay raddr 0.0.0.0 rport 0";
    const V6: &str = "candidate:1 1 UDP 2 2001:db8::10 50000 typ relay";

    fn check(told_lines: &[&str], remote: (&str, &str), expected: &str) {
        let mut relayed = Relayed::default();
        for line in told_lines {
            relayed.note_theirs(line);
        }
        let mut path = path("host", "192.0.2.1:7", remote.0, remote.1);
        relayed.name(&mut path);
        assert_eq!((&*path.local, &*path.remote), ("host", expected), "{remote:?}");
    }

    fn path(local: &str, local_address: &str, remote: &str, remote_address: &str) -> Path {
        Path {
            local: local.to_owned(),
            remote: remote.to_owned(),
            local_address: local_address.to_owned(),
            remote_address: remote_address.to_owned(),
            relay_transport: None,
            rtt_micros: None,
            loss_permille: None,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }

    #[test]
    fn an_address_that_was_told_as_a_relays_is_one_whatever_the_shell_takes_it_for() {
        check(&[THEIRS], ("prflx", "203.0.113.10:50000"), "relay");
        check(&[THEIRS], ("srflx", "203.0.113.10:50000"), "relay");
        check(&[V6], ("prflx", "[2001:db8::10]:50000"), "relay");
    }

    #[test]
    fn other_addresses_are_what_the_shell_takes_them_for() {
        check(&[THEIRS], ("prflx", "203.0.113.10:50001"), "prflx");
        check(&[THEIRS], ("prflx", "203.0.113.11:50000"), "prflx");
        check(&[THEIRS], ("prflx", ""), "prflx");
        check(&[], ("prflx", "203.0.113.10:50000"), "prflx");
        let direct = "candidate:1 1 udp 2 203.0.113.10 50000 typ srflx raddr 0.0.0.0 rport 0";
        check(&[direct], ("prflx", "203.0.113.10:50000"), "prflx");
    }

    #[test]
    fn our_own_relays_are_known_from_what_we_tell() {
        let mut relayed = Relayed::default();
        relayed.note_ours(&format!("v=0\r\na={THEIRS}\r\n"));
        let mut path = path("prflx", "203.0.113.10:50000", "host", "192.0.2.1:7");
        relayed.name(&mut path);
        assert_eq!((&*path.local, &*path.remote), ("relay", "host"));
    }

    #[test]
    fn of_endless_relays_the_newest_are_kept() {
        let mut relayed = Relayed::default();
        for port in 1..=200 {
            relayed.note_theirs(&THEIRS.replace("50000", &port.to_string()));
        }
        assert_eq!(relayed.theirs.len(), MAX_ADDRESSES);
        assert!(holds(&relayed.theirs, "203.0.113.10:200"));
    }
}
