//! People and messages.

use tincan_engine::{Delivery, MessageKind, MessageView};
use tincan_wire::{Identity, LogId, MessageId, Ranges, UserId};

/// Logs of others.
pub(crate) const THEIR_LOG: &str = "theirlog";
/// Another one.
pub(crate) const OTHER_LOG: &str = "otherlog";

pub(crate) fn user(seed: u8) -> UserId {
    Identity::from_seed([seed; 32]).user_id()
}

#[expect(clippy::expect_used, reason = "the logs of the suite are legal")]
pub(crate) fn lg(text: &str) -> LogId {
    text.parse().expect("a log of the suite")
}

/// A message of theirs.
pub(crate) fn theirs(contact: UserId, s: u64) -> MessageView {
    message(contact, false, lg(THEIR_LOG), s)
}

pub(crate) fn message(contact: UserId, outgoing: bool, lg: LogId, s: u64) -> MessageView {
    MessageView {
        contact,
        outgoing,
        id: id(s),
        lg,
        s,
        h: 1_000 + s,
        timestamp: 2_000 + s,
        kind: MessageKind::Text { reply: None },
        content: format!("message {s}"),
        state: if outgoing { Delivery::Queued } else { Delivery::Delivered },
    }
}

pub(crate) fn id(number: u64) -> MessageId {
    MessageId::new(number, [7; 10])
}

pub(crate) fn ranges(list: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::new();
    list.iter().for_each(|(first, last)| ranges.insert_range(*first, *last));
    ranges
}
