//! What the connection badge says: the path to a contact, in words.

use tincan_engine::{BrokerState, ContactStatus, ContactView, Path, PeerState};

/// How it stands with a contact, for a colour and a shape beside the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Verified, and packets go from machine to machine.
    Direct,
    /// Verified, and packets go through a relay.
    Relayed,
    /// Under way.
    Connecting,
    /// They are there; no connection is needed just now.
    Idle,
    /// Nothing can come through now.
    Away,
}

impl Kind {
    /// The stable name, for styles and tests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relay",
            Self::Connecting => "connecting",
            Self::Idle => "idle",
            Self::Away => "away",
        }
    }
}

/// The badge of a contact.
#[must_use]
pub fn badge(contact: &ContactView, broker: BrokerState, online: bool) -> (Kind, String) {
    let say = |kind, words: &str| (kind, words.to_owned());
    let reachable = online && broker == BrokerState::Connected;
    match contact.status {
        ContactStatus::Requested => return say(Kind::Away, "Waiting for their answer"),
        ContactStatus::Declined => return say(Kind::Away, "Declined"),
        ContactStatus::Blocked => return say(Kind::Away, "Blocked"),
        ContactStatus::Accepted => {}
    }
    match contact.peer.state {
        PeerState::Connected => connected(contact.peer.path.as_ref()),
        PeerState::Verifying => say(Kind::Connecting, "Connecting: checking who it is"),
        PeerState::Disconnected => say(Kind::Connecting, "Connection lost, finding it again"),
        PeerState::New | PeerState::Connecting if !online => say(Kind::Away, "You are offline"),
        PeerState::New | PeerState::Connecting if !reachable => {
            say(Kind::Connecting, "Waiting for the hub")
        }
        PeerState::New | PeerState::Connecting if !contact.online => say(Kind::Away, "Offline"),
        PeerState::New | PeerState::Connecting => say(Kind::Connecting, "Connecting"),
        PeerState::Failed => say(Kind::Away, "No way found to them"),
        PeerState::Closed if !online => say(Kind::Away, "You are offline"),
        PeerState::Closed if contact.online => say(Kind::Idle, "Online"),
        PeerState::Closed => say(Kind::Away, "Offline"),
    }
}

fn connected(path: Option<&Path>) -> (Kind, String) {
    let Some(path) = path else { return (Kind::Direct, "Connected".to_owned()) };
    let (kind, mut words) = match is_relayed(path) {
        true => (Kind::Relayed, "Through a relay".to_owned()),
        false => (Kind::Direct, "Direct".to_owned()),
    };
    if let Some(rtt) = path.rtt_micros {
        words.push_str(" · ");
        words.push_str(&round_trip(rtt));
    }
    (kind, words)
}

/// Whether one of the two ends is a relay's.
#[must_use]
pub fn is_relayed(path: &Path) -> bool {
    path.local == "relay" || path.remote == "relay"
}

/// A round-trip time as a person reads it.
#[must_use]
pub fn round_trip(micros: u64) -> String {
    match micros {
        0..1_000 => "under 1 ms".to_owned(),
        _ => [((micros + 500) / 1_000).to_string().as_str(), " ms"].concat(),
    }
}

#[cfg(test)]
mod tests {
    use tincan_engine::{PeerView, Time};
    use tincan_wire::{DisplayName, Identity};

    use super::*;

    fn contact(state: PeerState, online: bool) -> ContactView {
        let id = Identity::from_seed([1; 32]).user_id();
        let since = Time::from_millis(0);
        let peer = PeerView {
            contact: id,
            state,
            sid: None,
            since,
            path: None,
            reason: None,
            attempts: 0,
            retry_at: None,
        };
        ContactView {
            id,
            name: DisplayName::clean("Ada"),
            nickname: None,
            status: ContactStatus::Accepted,
            verified: false,
            online,
            chat_open: false,
            last_seen: None,
            peer,
            waiting: 0,
            read_receipts: None,
        }
    }

    fn path(local: &str, remote: &str, rtt_micros: Option<u64>) -> Option<Path> {
        Some(Path {
            local: local.to_owned(),
            remote: remote.to_owned(),
            local_address: String::new(),
            remote_address: String::new(),
            rtt_micros,
        })
    }

    #[test]
    fn a_path_is_told_with_its_round_trip() {
        let mut view = contact(PeerState::Connected, true);
        let mut check = |path, kind: Kind, words: &str| {
            view.peer.path = path;
            assert_eq!(badge(&view, BrokerState::Connected, true), (kind, words.to_owned()));
        };
        check(None, Kind::Direct, "Connected");
        check(path("host", "host", Some(300)), Kind::Direct, "Direct · under 1 ms");
        check(path("srflx", "prflx", Some(12_600)), Kind::Direct, "Direct · 13 ms");
        check(path("relay", "host", None), Kind::Relayed, "Through a relay");
        check(path("host", "relay", Some(48_000)), Kind::Relayed, "Through a relay · 48 ms");
    }

    #[test]
    fn a_live_connection_outlives_the_hub() {
        let view = contact(PeerState::Connected, true);
        assert_eq!(badge(&view, BrokerState::Error, false).0, Kind::Direct);
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |state, peer_online, broker, online, words: &str| {
            let told = badge(&contact(state, peer_online), broker, online).1;
            assert_eq!(told, words);
        };
        check(PeerState::New, true, BrokerState::Error, true, "Waiting for the hub");
        check(PeerState::New, true, BrokerState::Connected, false, "You are offline");
        check(PeerState::Connecting, true, BrokerState::Connected, true, "Connecting");
        check(PeerState::New, false, BrokerState::Connected, true, "Offline");
        check(PeerState::Closed, true, BrokerState::Connected, true, "Online");
        check(PeerState::Closed, false, BrokerState::Connected, true, "Offline");
    }

    #[test]
    fn who_has_not_answered_is_not_called_offline() {
        let mut view = contact(PeerState::Closed, false);
        view.status = ContactStatus::Requested;
        assert_eq!(badge(&view, BrokerState::Connected, true).1, "Waiting for their answer");
    }
}
