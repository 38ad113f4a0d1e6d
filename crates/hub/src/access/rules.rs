//! Which topics a user may use (protocol §9): nothing but one's own to read, and anyone's leaves
//! to write.

use tincan_wire::{DeviceId, Leaf, Topic, TopicError, UserId, own_filter};

/// `user/{self}/+`, or one of its leaves.
pub(crate) fn may_subscribe(user: &UserId, filter: &str) -> bool {
    filter == own_filter(user) || filter.parse::<Topic>().is_ok_and(|topic| topic.user == *user)
}

/// `user/{anyone}/{leaf}`, never retained.
pub(crate) fn may_publish(topic: &str, retain: bool) -> Result<Topic, PublishDenied> {
    if retain {
        return Err(PublishDenied::Retained);
    }
    Ok(topic.parse()?)
}

/// `tin` and 16 hex digits, as [`tincan_wire::client_id`] writes them.
pub(super) fn is_client_id(text: &str) -> bool {
    let device = text.strip_prefix("tin").map(str::parse::<DeviceId>);
    device.is_some_and(|device| device.is_ok_and(|id| tincan_wire::client_id(&id) == text))
}

/// Why a publish goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublishDenied {
    Topic(TopicError),
    Retained,
    /// The user or the address has sent its contact requests for this hour (protocol §7).
    ContactRequests,
    /// It comes faster than even slowing down allows.
    Rate,
}

impl PublishDenied {
    /// A short stable name, for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Topic(error) => error.reason(),
            Self::Retained => "publish_retained",
            Self::ContactRequests => "publish_contact_requests",
            Self::Rate => "publish_rate",
        }
    }
}

impl From<TopicError> for PublishDenied {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
}

/// Whether the hourly limits on strangers count this.
pub(crate) fn is_contact_request(topic: &Topic) -> bool {
    topic.leaf == Leaf::ContactRequest
}
