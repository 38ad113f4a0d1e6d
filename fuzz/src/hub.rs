//! What a hub reads before it knows who speaks.

use std::sync::LazyLock;

use tincan_hub::fuzzing::{Entrance, Site, may_publish, may_subscribe};
use tincan_wire::{Identity, UserId};

use crate::pieces::pieces;

/// What a piece of the input does.
pub mod piece {
    /// A client of the broker sends its bytes.
    pub const MQTT: u8 = 0;
    /// A client of the site sends them.
    pub const HTTP: u8 = 1;
    /// They are an access token.
    pub const TOKEN: u8 = 2;
    /// They are a filter to subscribe to.
    pub const FILTER: u8 = 3;
    /// They are a topic to publish to.
    pub const TOPIC: u8 = 4;
    /// Ten times as many seconds pass as it has bytes.
    pub const WAIT: u8 = 5;
}

/// The name of the hub.
pub const NAME: &str = "tincan";

/// Its secret.
pub const SECRET: [u8; 32] = [9; 32];

/// The site keeps nothing from one request to another.
static SITE: LazyLock<Site> = LazyLock::new(|| Site::new(NAME, SECRET).expect("room for a site"));

/// A hub to which anybody says anything: who is let in has a token and a client id of the right
/// form, nobody reads another's topics, and nobody gets STUN servers without a token.
pub fn hub(data: &[u8]) {
    let entrance = Entrance::new(NAME, SECRET);
    let own = Identity::from_seed([1; 32]).user_id();
    let mut now_ms = 0;
    for (kind, bytes) in pieces(data) {
        let text = std::str::from_utf8(bytes);
        match (kind, text) {
            (piece::MQTT, _) => admitted(entrance.connect(now_ms, bytes)),
            (piece::HTTP, _) => site(bytes),
            (piece::TOKEN, Ok(token)) => admitted(entrance.verify(now_ms, token)),
            (piece::FILTER, Ok(filter)) => subscribed(&own, filter),
            (piece::TOPIC, Ok(topic)) => {
                assert_eq!(may_publish(topic, true), None);
                if let Some(parsed) = may_publish(topic, false) {
                    assert_eq!(parsed.to_string(), topic);
                }
            }
            (piece::WAIT, _) => now_ms += 10_000 * u64::try_from(bytes.len()).unwrap_or(0),
            _ => {}
        }
    }
}

/// Only a token of the seeds can be good: to make another, somebody's key is needed.
fn admitted(pass: Option<(UserId, String)>) {
    let Some((user, client_id)) = pass else { return };
    assert_eq!(user, Identity::from_seed([1; 32]).user_id());
    assert!(client_id.len() == 19 && client_id.starts_with("tin"), "{client_id}");
}

fn subscribed(own: &UserId, filter: &str) {
    if may_subscribe(own, filter) {
        let leaf = filter.strip_prefix(&format!("user/{own}/")).expect("it is one's own");
        assert!(leaf == "+" || leaf.bytes().all(|byte| byte.is_ascii_alphabetic()), "{filter}");
    }
}

fn site(bytes: &[u8]) {
    let answer = SITE.answer(bytes);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."));
    let has = |haystack: &[u8], needle: &[u8]| {
        haystack.windows(needle.len()).any(|window| window == needle)
    };
    // Only the broker, to which nobody is at home here, may be busy.
    assert!(!has(&answer, b"HTTP/1.1 500"), "it fails");
    assert!(!has(&answer, b"iceServers") || has(bytes, b"tin1p."), "it needs a token");
}
