//! People, states and messages in words, safe to print.

use tincan_engine::{
    BrokerState, BrokerView, ContactStatus, ContactView, Delivery, MessageView, Path, PeerState,
    PeerView, RequestView, Time,
};

use crate::clock_text::ClockText;
use crate::duration_text::show_duration;
use crate::screen_text::{indented, one_line};

/// How far a message of ours has come, in two columns.
pub(crate) const fn mark(state: Delivery) -> &'static str {
    match state {
        Delivery::Queued => "· ",
        Delivery::Sent => "› ",
        Delivery::Delivered => "✓ ",
        Delivery::Read => "✓✓",
        Delivery::Failed => "✗ ",
    }
}

/// How a contact is called, on one line.
pub(crate) fn title(contact: &ContactView) -> String {
    one_line(&contact.title())
}

/// How a requester is called, on one line.
pub(crate) fn requester(request: &RequestView) -> String {
    if request.name.as_str().is_empty() {
        request.id.short()
    } else {
        one_line(request.name.as_str())
    }
}

/// `✓  14:05 you: …`, or `   14:05 Bob: …`.
pub(crate) fn message_line(message: &MessageView, name: &str, clock: &ClockText) -> String {
    let (mark, who) = if message.outgoing { (mark(message.state), "you") } else { ("  ", name) };
    let time = clock.time(message.timestamp);
    format!("{mark} {time} {who}: {}", indented(&message.content, 9))
}

/// The same for a list of messages of several days and people.
pub(crate) fn history_line(message: &MessageView, name: &str, clock: &ClockText) -> String {
    let (mark, who) = if message.outgoing { (mark(message.state), "you") } else { ("  ", name) };
    let time = clock.full(message.timestamp);
    format!("{mark} {time} {who}: {}", indented(&message.content, 4))
}

/// A contact in one line of a list, with the whole id.
pub(crate) fn contact_line(contact: &ContactView, now: Time) -> String {
    format!("{}  {}", contact.id, picked_line(contact, now))
}

/// A contact in one line, by name only.
pub(crate) fn picked_line(contact: &ContactView, now: Time) -> String {
    let status = match contact.status {
        ContactStatus::Requested => "asked, no answer yet",
        ContactStatus::Accepted if contact.online => "online",
        ContactStatus::Accepted => "offline",
        ContactStatus::Declined => "declined",
        ContactStatus::Blocked => "blocked",
    };
    let mut line = format!("{}  {status}", title(contact));
    if contact.status == ContactStatus::Accepted {
        if let (false, Some(seen)) = (contact.online, contact.last_seen) {
            line.push_str(&format!(", seen {} ago", show_duration(now.since(seen))));
        }
        if contact.verified {
            line.push_str(", verified");
        }
        if contact.waiting > 0 {
            line.push_str(&format!(", {} waiting", contact.waiting));
        }
    }
    line
}

/// The state of the link to the broker, with its reason and the countdown to the next attempt.
pub(crate) fn broker_line(broker: &BrokerView, now: Time) -> String {
    let state = match broker.state {
        BrokerState::Disconnected => "disconnected",
        BrokerState::Connecting => "connecting",
        BrokerState::Connected => return "connected".to_owned(),
        BrokerState::Error => "not connected",
    };
    with_retry(state, broker.reason.as_deref(), broker.retry_at, now)
}

/// The state of the session with a contact, with its path or its reason.
pub(crate) fn peer_line(peer: &PeerView, now: Time) -> String {
    let state = match peer.state {
        PeerState::New => "waiting to connect",
        PeerState::Connecting => "connecting",
        PeerState::Verifying => "verifying",
        PeerState::Connected => {
            return match &peer.path {
                Some(path) => format!("connected {}", path_words(path)),
                None => "connected".to_owned(),
            };
        }
        PeerState::Disconnected => "connection lost, recovering",
        PeerState::Failed => "could not connect",
        PeerState::Closed => "not connected",
    };
    with_retry(state, peer.reason.as_deref(), peer.retry_at, now)
}

fn with_retry(state: &str, reason: Option<&str>, retry_at: Option<Time>, now: Time) -> String {
    let mut line = state.to_owned();
    if let Some(reason) = reason {
        line.push_str(&format!(": {}", one_line(reason)));
    }
    if let Some(at) = retry_at {
        line.push_str(&format!("; next attempt in {}", show_duration(at.since(now))));
    }
    line
}

/// `directly (host to host, 0.3 ms)` or `by relay over TLS (…)`, without addresses.
pub(crate) fn path_words(path: &Path) -> String {
    let mut words = if path.is_relayed() { "by relay" } else { "directly" }.to_owned();
    match path.relay_transport.as_deref() {
        Some("tcp") => words.push_str(" over TCP"),
        Some("tls") => words.push_str(" over TLS"),
        Some(_) | None => {}
    }
    words.push_str(&format!(" ({} to {}", one_line(&path.local), one_line(&path.remote)));
    if let Some(micros) = path.rtt_micros {
        words.push_str(&format!(", {}.{} ms", micros / 1_000, micros % 1_000 / 100));
    }
    words.push(')');
    words
}

/// What has passed over a session's path, how much of it was lost, and since when it is taken.
pub(crate) fn traffic_line(peer: &PeerView, now: Time) -> Option<String> {
    let path = peer.path.as_ref().filter(|_| peer.state == PeerState::Connected)?;
    let mut words =
        format!("{} sent, {} received", bytes(path.bytes_sent), bytes(path.bytes_received));
    if let Some(loss) = path.loss_permille {
        words.push_str(&format!(", {}.{} % lost", loss / 10, loss % 10));
    }
    if let Some(since) = peer.path_since {
        words.push_str(&format!(", on this path for {}", show_duration(now.since(since))));
    }
    Some(words)
}

/// How the session before ended, if this one has not told it already.
pub(crate) fn ending_line(peer: &PeerView, now: Time) -> Option<String> {
    let ended = peer.ended.as_ref().filter(|_| peer.reason.is_none())?;
    let ago = show_duration(now.since(ended.at));
    Some(format!("ended {ago} ago: {}", one_line(&ended.reason)))
}

fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} bytes"),
        1_000..1_000_000 => format!("{} KB", (count + 500) / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", (count + 500_000) / 1_000_000),
        _ => format!("{} GB", (count + 500_000_000) / 1_000_000_000),
    }
}

/// The moment by this machine's clock.
pub(crate) fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time::from_millis(since.map_or(0, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
}
