//! Everything that `tincan-wire` reads.

use tincan_wire::json::Value;
use tincan_wire::message::FIRST_MILLISECOND_TIMESTAMP;
use tincan_wire::{
    AccessToken, Body, DeviceId, DisplayName, Envelope, Fingerprint, Frame, FrameCodec, FrameError,
    Identity, Invite, Leaf, LogId, MessageId, PairSecret, PrekeyId, Ranges, SessionId, Signal,
    Topic, UserId, sdp as session_description,
};

fn text(data: &[u8], read: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text);
    }
}

/// Texts of one canonical form: what parses prints as it was.
fn canonical<T: std::str::FromStr + ToString>(data: &[u8]) {
    text(data, |text| {
        if let Ok(value) = text.parse::<T>() {
            assert_eq!(value.to_string(), text);
        }
    });
}

/// Access tokens: nothing that is not signed verifies.
pub fn access_token(data: &[u8]) {
    text(data, |text| {
        if let Ok(claims) = AccessToken::verify(text) {
            assert!(claims.exp - claims.iat <= 300);
        }
    });
}

/// Display names stay within their bounds, and cleaning twice changes nothing.
pub fn display_name(data: &[u8]) {
    text(data, |text| {
        let name = DisplayName::clean(text);
        assert!(name.as_str().len() <= 64);
        assert!(!name.as_str().chars().any(char::is_control));
        assert_eq!(DisplayName::clean(name.as_str()), name);
    });
}

/// Envelopes, opened on every leaf.
pub fn envelope(data: &[u8]) {
    let Ok(envelope) = Envelope::parse(data) else { return };
    let own = Identity::from_seed([2; 32]);
    let peer = Identity::from_seed([1; 32]);
    envelope.tag_matches(&PairSecret::derive(&own, &peer.user_id()));
    for leaf in Leaf::ALL {
        let topic = Topic { user: own.user_id(), leaf };
        if let Ok(signal) = envelope.open(&topic, &own, None) {
            assert_eq!((signal.to, signal.body.leaf()), (own.user_id(), leaf));
        }
    }
}

/// Frames that user 1 sends to user 2.
pub fn frame(data: &[u8]) {
    let [from, to] = [1, 2].map(|seed| Identity::from_seed([seed; 32]).user_id());
    let (sender, receiver) = (FrameCodec::new(from, to), FrameCodec::new(to, from));
    let Ok(frame) = receiver.decode(data) else { return };
    if has_ancient_time(&frame) {
        return;
    }
    match sender.encode(&frame) {
        Ok(text) => assert_eq!(receiver.decode(text.as_bytes()), Ok(frame)),
        Err(error) => assert_eq!(error, FrameError::TooLong),
    }
}

/// Whether some time, written in milliseconds, would be read as seconds.
fn has_ancient_time(frame: &Frame) -> bool {
    match frame {
        Frame::Message(message) => message.timestamp < FIRST_MILLISECOND_TIMESTAMP,
        Frame::Batch(messages) => {
            messages.iter().any(|message| message.timestamp < FIRST_MILLISECOND_TIMESTAMP)
        }
        _ => false,
    }
}

/// The short ids and fingerprints.
pub fn ids(data: &[u8]) {
    canonical::<DeviceId>(data);
    canonical::<SessionId>(data);
    canonical::<LogId>(data);
    canonical::<MessageId>(data);
    canonical::<PrekeyId>(data);
    text(data, |text| {
        if let Ok(fingerprint) = text.parse::<Fingerprint>() {
            assert!(fingerprint.to_string().eq_ignore_ascii_case(text));
        }
    });
}

/// Invites.
pub fn invite(data: &[u8]) {
    text(data, |text| {
        if let Ok(invite) = text.parse::<Invite>() {
            assert_eq!(invite.to_string().parse(), Ok(invite));
        }
    });
}

/// The strict JSON reader.
pub fn json(data: &[u8]) {
    let _ = Value::parse(data);
}

/// Position sets: inserting the pairs of bytes keeps the ranges sorted and apart.
pub fn ranges(data: &[u8]) {
    let mut ranges = Ranges::new();
    for pair in data.chunks_exact(2) {
        ranges.insert_range(u64::from(pair[0]), u64::from(pair[1]));
    }
    let list: Vec<(u64, u64)> = ranges.iter().collect();
    assert!(list.iter().all(|range| 1 <= range.0 && range.0 <= range.1));
    assert!(list.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
    let mut whole = ranges.clone();
    whole.insert_all(&ranges.missing_up_to(300));
    assert_eq!(whole, Ranges::from_range(1, 300));
}

/// Session descriptions and candidates.
pub fn sdp(data: &[u8]) {
    text(data, |text| {
        if session_description::fingerprint(text).is_ok() {
            assert_eq!(text.lines().filter(|line| is_fingerprint(line)).count(), 1);
        }
        if session_description::check_candidate(text).is_ok() {
            assert!(!text.contains('\n'));
        }
    });
}

/// Whether this line of a description may be read as a fingerprint: neither white space around
/// the attribute's name nor its case hides one.
fn is_fingerprint(line: &str) -> bool {
    let Some((kind, attribute)) = line.split_once('=') else { return false };
    let name = attribute.split(':').next().unwrap_or_default();
    kind.trim() == "a" && name.trim().eq_ignore_ascii_case("fingerprint")
}

/// Signals and bare bodies.
pub fn signal(data: &[u8]) {
    if let Ok(signal) = Signal::parse(data) {
        assert_eq!(Signal::parse(signal.to_json().as_bytes()), Ok(signal));
    }
    if let Ok(body) = Body::parse(data) {
        assert_eq!(Body::parse(body.to_json().as_bytes()), Ok(body));
    }
}

/// Topics.
pub fn topic(data: &[u8]) {
    canonical::<Topic>(data);
}

/// User ids.
pub fn user_id(data: &[u8]) {
    canonical::<UserId>(data);
}
