//! The six invariants of the architecture, and how a breach of one is told.

use std::fmt;

use tincan_engine::Time;

/// What must hold at every moment of every run (`ARCHITECTURE.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Nothing a broker does can put a word into a conversation, read one, or move a connection
    /// to another fingerprint.
    Sealed,
    /// What the sender saw as *delivered* is on the receiver's disk.
    Delivered,
    /// History holds each message once, in its sender's order.
    OnceInOrder,
    /// Every state has a deadline or an exit; nothing waits for ever.
    NothingWaits,
    /// Every buffer that another party can fill has a bound.
    Bounded,
    /// A run of the engine replays bit for bit from its seed and inputs.
    Replays,
    /// Besides: nothing panics, whatever comes.
    NoPanic,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sealed => "1, no word, no reading, no other fingerprint",
            Self::Delivered => "2, delivered means on the other disk",
            Self::OnceInOrder => "3, each message once and in order",
            Self::NothingWaits => "4, nothing waits for ever",
            Self::Bounded => "5, every buffer has a bound",
            Self::Replays => "6, a run replays",
            Self::NoPanic => "nothing panics",
        })
    }
}

/// An invariant did not hold.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Which.
    pub invariant: Invariant,
    /// When, in the world's time.
    pub at: Time,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.at.as_millis().saturating_sub(crate::world::START.as_millis());
        write!(f, "invariant {} at {millis} ms: {}", self.invariant, self.what)
    }
}
