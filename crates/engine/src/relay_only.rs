//! "Relay only": a contact from whom our addresses are hidden is spoken to through relays, and
//! told of no address but theirs (protocol §8).
//!
//! The shell is told with each offer and answer, and gathers nothing else. What it makes is looked
//! at here all the same, before it leaves.

use tincan_wire::UserId;

use crate::engine::Engine;
use crate::time::Time;

/// Why a session is made anew.
const CHANGED: &str = "whether our addresses are shown was changed";

impl Engine {
    /// Whether our addresses are hidden from this contact.
    pub(crate) fn hides_from(&self, id: UserId) -> bool {
        let own = self.peers.get(&id).and_then(|peer| peer.contact.relay_only);
        own.unwrap_or(self.config.relay_only)
    }

    /// The setting may be another now: a session that was made under the other one ends, since its
    /// path is the one that is not wanted any more.
    pub(crate) fn follow_relay_only(&mut self, id: UserId, now: Time) {
        let hides = self.hides_from(id);
        if self.session(id).is_some_and(|session| session.relay_only != hides) {
            self.renew_session(id, CHANGED, now);
        }
    }

    /// The same of all contacts.
    pub(crate) fn follow_default_relay_only(&mut self, now: Time) {
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            self.follow_relay_only(id, now);
        }
    }
}

/// Whether a `candidate:` line (RFC 8839 §5.1) tells of no address of ours: it is a relay's, and
/// what it is related to is nothing or itself.
pub(crate) fn hides_us(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    let is_nothing = |address: &str| matches!(address, "0.0.0.0" | "::");
    let address = words.get(4).copied();
    after("typ") == Some("relay")
        && after("raddr").is_none_or(|related| is_nothing(related) || Some(related) == address)
}

/// The same of all candidates in a description.
pub(crate) fn description_hides_us(sdp: &str) -> bool {
    sdp.lines().filter_map(|line| line.strip_prefix("a=candidate:")).all(hides_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELAY: &str = "candidate:1 1 udp 2 203.0.113.10 5 typ relay";

    #[test]
    fn a_relays_address_alone_tells_nothing_of_us() {
        assert!(hides_us(RELAY));
        assert!(hides_us(&format!("{RELAY} raddr 0.0.0.0 rport 0")));
        assert!(hides_us(&format!("{RELAY} raddr :: rport 0")));
        assert!(hides_us(&format!("{RELAY} raddr 203.0.113.10 rport 5")));
    }

    #[test]
    fn other_candidates_tell_of_us() {
        assert!(!hides_us(&format!("{RELAY} raddr 192.168.1.10 rport 7")));
        assert!(!hides_us("candidate:1 1 udp 2 192.168.1.10 5 typ host"));
        assert!(!hides_us("candidate:1 1 udp 2 198.51.100.2 5 typ srflx raddr 0.0.0.0 rport 0"));
        assert!(!hides_us(""));
    }

    #[test]
    fn one_address_in_a_description_is_too_many() {
        let sdp = format!("v=0\r\na={RELAY}\r\n");
        assert!(description_hides_us(&sdp));
        let host = "a=candidate:1 1 udp 2 192.168.1.10 5 typ host\r\n";
        assert!(!description_hides_us(&format!("{sdp}{host}")));
    }
}
