//! Two nodes that become contacts, connect and talk, in a laboratory.

use std::time::{Duration, Instant};

use crate::hub::Hub;
use crate::lab::Lab;
use crate::node::Node;
use crate::plan::Side;

/// A hub and two nodes that are contacts and have no session yet.
#[derive(Debug)]
pub struct Meeting {
    a: Node,
    b: Node,
    hub: Hub,
}

/// A session was opened by the first host's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// From the message's being written to the session's being verified at both ends.
    pub verified: Duration,
    /// From then to the message's being on the other's disk, as its writer learns.
    pub delivered: Duration,
}

/// They did not come together: both ends' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart(pub String);

impl From<String> for Apart {
    fn from(words: String) -> Self {
        Self(words)
    }
}

impl Meeting {
    /// Starts all three and makes the nodes contacts.
    ///
    /// # Errors
    /// When one does not start, reach the hub or get to know the other.
    pub fn arrange(lab: &Lab) -> Result<Self, Apart> {
        Self::at(Hub::start(lab)?, lab)
    }

    /// The same at a hub that is there.
    ///
    /// # Errors
    /// The same.
    pub fn at(hub: Hub, lab: &Lab) -> Result<Self, Apart> {
        Self::with(hub, lab, |_| &[])
    }

    /// The same with further flags for each side's node.
    ///
    /// # Errors
    /// The same.
    pub fn with<'a>(
        hub: Hub,
        lab: &Lab,
        flags: impl Fn(Side) -> &'a [&'a str],
    ) -> Result<Self, Apart> {
        let mut a = Node::start_with(lab, Side::A, hub.place(), flags(Side::A))?;
        let mut b = Node::start_with(lab, Side::B, hub.place(), flags(Side::B))?;
        a.befriend(&mut b)?;
        Ok(Self { a, b, hub })
    }

    /// A side's node.
    pub fn node(&self, side: Side) -> &Node {
        if side == Side::B { &self.b } else { &self.a }
    }

    /// The hub at which they meet.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The first host's first message.
    ///
    /// # Errors
    /// When it is not delivered in `patience`.
    pub fn open(&mut self, patience: Duration) -> Result<Opened, Apart> {
        let start = Instant::now();
        let end = start + patience;
        let id = self.a.say("Hello")?;
        let apart = |it: &Self| Apart(it.words());
        let at_a = self.a.until_verified(end).ok_or_else(|| apart(self))?;
        let at_b = self.b.until_verified(end).ok_or_else(|| apart(self))?;
        let delivered = self.a.until_delivered(&id, end).ok_or_else(|| apart(self))?;
        Ok(Opened { verified: at_a.max(at_b) - start, delivered: delivered - start })
    }

    /// One message each way, at the same time: how long until both are delivered.
    ///
    /// # Errors
    /// When one is not in `patience`.
    pub fn exchange(&mut self, text: &str, patience: Duration) -> Result<Duration, Apart> {
        let start = Instant::now();
        let ids = [self.a.say(text)?, self.b.say(text)?];
        let end = start + patience;
        let at_a = self.a.until_delivered(&ids[0], end);
        let at_b = self.b.until_delivered(&ids[1], end);
        match (at_a, at_b) {
            (Some(one), Some(other)) => Ok(one.max(other) - start),
            _ => Err(Apart(self.words())),
        }
    }

    /// How both see things.
    pub fn words(&self) -> String {
        format!("A: {}; B: {}", self.a.words(), self.b.words())
    }
}
