//! MQTT topics: `user/{userId}/{leaf}` (protocol §2).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::serde_text::serde_as_text;
use crate::user_id::{UserId, UserIdError};

/// What a signaling message is for; the last level of its topic and the body's `t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leaf {
    /// A WebRTC offer.
    Offer,
    /// A WebRTC answer.
    Answer,
    /// ICE candidates.
    IceCandidate,
    /// A request to become a contact.
    ContactRequest,
    /// The answer to such a request.
    ContactResponse,
    /// A chat was opened or closed.
    ChatPresence,
    /// A sign of life.
    Heartbeat,
}

impl Leaf {
    /// Every leaf.
    pub const ALL: [Self; 7] = [
        Self::Offer,
        Self::Answer,
        Self::IceCandidate,
        Self::ContactRequest,
        Self::ContactResponse,
        Self::ChatPresence,
        Self::Heartbeat,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::IceCandidate => "iceCandidate",
            Self::ContactRequest => "contactRequest",
            Self::ContactResponse => "contactResponse",
            Self::ChatPresence => "chatPresence",
            Self::Heartbeat => "heartbeat",
        }
    }

    /// The MQTT quality of service to publish with: 1, but 0 for heartbeats.
    pub fn qos(self) -> u8 {
        match self {
            Self::Heartbeat => 0,
            _ => 1,
        }
    }

    /// The MQTT 5 message expiry in seconds: 14 days for the contact leaves, else 30 s.
    pub fn expiry_secs(self) -> u32 {
        match self {
            Self::ContactRequest | Self::ContactResponse => 14 * 24 * 60 * 60,
            Self::Offer
            | Self::Answer
            | Self::IceCandidate
            | Self::ChatPresence
            | Self::Heartbeat => 30,
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Leaf {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        Self::ALL.into_iter().find(|leaf| leaf.as_str() == text).ok_or(TopicError::UnknownLeaf)
    }
}

/// Where a signaling message for `user` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// The recipient.
    pub user: UserId,
    /// What the message is for.
    pub leaf: Leaf,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user/{}/{}", self.user, self.leaf)
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let rest = text.strip_prefix("user/").ok_or(TopicError::NotAUserTopic)?;
        let (user, leaf) = rest.split_once('/').ok_or(TopicError::NotAUserTopic)?;
        Ok(Self { user: user.parse()?, leaf: leaf.parse()? })
    }
}

serde_as_text!(Leaf);
serde_as_text!(Topic);

/// The one filter a client subscribes to: `user/{own id}/+`.
pub fn own_filter(user: &UserId) -> String {
    format!("user/{user}/+")
}

/// Why a text is no topic of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TopicError {
    /// Not of the form `user/{userId}/{leaf}`.
    #[error("a topic has the form user/<user id>/<leaf>")]
    NotAUserTopic,
    /// The middle level is no user id.
    #[error("the topic's user id is wrong: {0}")]
    User(#[from] UserIdError),
    /// The last level is no leaf of this version.
    #[error("the topic's last level is unknown; the sender may be newer than this program")]
    UnknownLeaf,
}

impl TopicError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAUserTopic => "topic_form",
            Self::User(_) => "topic_user",
            Self::UnknownLeaf => "topic_leaf",
        }
    }
}
