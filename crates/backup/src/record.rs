//! What a backup holds, one record after the other.

use std::fmt;

use tincan_engine::store::{IssuedInvite, Replay, Request, StoredPrekey};
use tincan_engine::{Contact, Delivery, MessageView, Time};
use tincan_wire::{DisplayName, LogId, Ranges, UserId};

/// One thing of a backup. The file begins with the [`Installation`], and each [`Log`] comes before
/// the messages in it; by custom the others come between the two, as they stand here, and the
/// messages in the order in which they were written to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Who we are.
    Installation(Installation),
    /// Someone we know.
    Contact(Contact),
    /// A stranger's request that waits, or was declined.
    Request(Request),
    /// An invite of ours that may still be used.
    Invite(IssuedInvite),
    /// A prekey of ours with its secret: what contacts sealed to it lately can still be opened.
    Prekey(StoredPrekey),
    /// The last accepted position of a peer's device and leaf.
    Replay(Replay),
    /// A log of a conversation.
    Log(Log),
    /// A message; its `state` follows from its log, except for `Failed`.
    Message(MessageView),
}

/// Who we are, and when this was said.
#[derive(Clone, PartialEq, Eq)]
pub struct Installation {
    /// The seed of our identity key.
    pub seed: [u8; 32],
    /// Our display name.
    pub name: DisplayName,
    /// The last run's `ep`.
    pub epoch: u64,
    /// When the backup was made.
    pub made: Time,
    /// The hub where our contacts meet us, if it is known.
    pub hub: Option<String>,
    /// Brokers without a hub, or beside it; at most 4.
    pub brokers: Vec<String>,
}

impl fmt::Debug for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installation").field("made", &self.made).finish_non_exhaustive()
    }
}

/// How far a log of a conversation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// With whom the conversation is.
    pub contact: UserId,
    /// Whether we wrote it; else the contact did.
    pub own: bool,
    /// Which.
    pub lg: LogId,
    /// The positions that the other side of the writer holds.
    pub held: Ranges,
    /// The last position shown to a person there.
    pub read: u64,
}

impl Log {
    /// How far the message at a position of this log has come. *Sent* is nothing that outlives a
    /// session.
    #[must_use]
    pub fn delivery(&self, s: u64, failed: bool) -> Delivery {
        match (self.own, failed) {
            (true, true) => Delivery::Failed,
            (true, false) if !self.held.contains(s) => Delivery::Queued,
            _ if s <= self.read => Delivery::Read,
            _ => Delivery::Delivered,
        }
    }
}
