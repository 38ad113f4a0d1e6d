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
    let (kind, mut words) = match path.is_relayed() {
        true => (Kind::Relayed, "Through a relay".to_owned()),
        false => (Kind::Direct, "Direct".to_owned()),
    };
    if let Some(rtt) = path.rtt_micros {
        words.push_str(" · ");
        words.push_str(&round_trip(rtt));
    }
    (kind, words)
}

/// Which way the packets take, through which kinds of candidates: "between your address as routers
/// show it and theirs".
#[must_use]
pub fn ends(path: &Path) -> String {
    let end = |kind: &str| match kind {
        "host" => "own address",
        "srflx" | "prflx" => "router's address",
        "relay" => "relay's address",
        _ => "address",
    };
    let through = match path.relay_transport.as_deref() {
        Some("udp") => " over UDP",
        Some("tcp") => " over TCP",
        Some("tls") => " over TLS",
        _ => "",
    };
    ["Your ", end(&path.local), through, " ↔ their ", end(&path.remote)].concat()
}

/// What has passed over a path, and how it is.
#[must_use]
pub fn traffic(path: &Path) -> String {
    let mut words =
        [bytes(path.bytes_sent).as_str(), " sent, ", &bytes(path.bytes_received), " received"]
            .concat();
    if let Some(loss) = path.loss_permille {
        let percent = [(loss / 10).to_string().as_str(), ".", &(loss % 10).to_string()].concat();
        words = [words.as_str(), ", ", &percent, " % lost"].concat();
    }
    words
}

fn bytes(count: u64) -> String {
    match count {
        0..1_000 => [count.to_string().as_str(), " bytes"].concat(),
        1_000..1_000_000 => [((count + 500) / 1_000).to_string().as_str(), " KB"].concat(),
        _ => [((count + 500_000) / 1_000_000).to_string().as_str(), " MB"].concat(),
    }
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
            path_since: None,
            reason: None,
            ended: None,
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
            relay_only: None,
        }
    }

    fn path(local: &str, remote: &str, rtt_micros: Option<u64>) -> Option<Path> {
        Some(Path {
            local: local.to_owned(),
            remote: remote.to_owned(),
            local_address: String::new(),
            remote_address: String::new(),
            relay_transport: None,
            rtt_micros,
            loss_permille: None,
            bytes_sent: 0,
            bytes_received: 0,
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
    fn the_ends_and_the_traffic_of_a_path_are_told_in_words() {
        let mut it = path("relay", "srflx", None).unwrap();
        it.relay_transport = Some("tls".to_owned());
        assert_eq!(ends(&it), "Your relay's address over TLS ↔ their router's address");
        (it.bytes_sent, it.bytes_received) = (999, 1_499_999);
        assert_eq!(traffic(&it), "999 bytes sent, 1 MB received");
        it.loss_permille = Some(12);
        assert_eq!(traffic(&it), "999 bytes sent, 1 MB received, 1.2 % lost");
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
