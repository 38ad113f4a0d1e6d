//! What travels through a broker.

use tincan_wire::{Leaf, Topic, UserId};

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Any text: a broker may write what it likes.
    pub topic: String,
    /// Most often an envelope.
    pub payload: Vec<u8>,
    /// The retain flag.
    pub retain: bool,
}

impl Letter {
    /// A letter as honest clients send it.
    pub fn new(topic: &Topic, payload: impl Into<Vec<u8>>) -> Self {
        Self { topic: topic.to_string(), payload: payload.into(), retain: false }
    }

    /// The same payload on another topic.
    #[must_use]
    pub fn moved_to(&self, user: UserId, leaf: Leaf) -> Self {
        Self::new(&Topic { user, leaf }, self.payload.clone())
    }

    /// To whom it is and about what, if the topic is one.
    pub fn address(&self) -> Option<Topic> {
        self.topic.parse().ok()
    }
}

/// A letter that a client has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Whose connection it came on.
    pub from: UserId,
    /// It.
    pub letter: Letter,
}

impl Posted {
    /// Whether it goes from one user to another, on this leaf.
    pub fn is(&self, from: UserId, to: UserId, leaf: Leaf) -> bool {
        self.from == from && self.letter.address() == Some(Topic { user: to, leaf })
    }

    /// Whether it goes from one user to another.
    pub fn is_between(&self, from: UserId, to: UserId) -> bool {
        self.from == from && self.letter.address().is_some_and(|topic| topic.user == to)
    }
}
