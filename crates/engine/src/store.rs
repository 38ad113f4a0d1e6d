//! What the disk holds, and the transactions that change it.
//!
//! Storage is a command with an answer: [`Output::Store`](crate::Output::Store) comes back as
//! [`Input::Stored`](crate::Input::Stored). All operations of one transaction become durable
//! together or not at all; transactions become durable in the order in which they were given,
//! and a shell may commit several at once.

use serde::{Deserialize, Serialize};
use tincan_wire::{
    DeviceId, DisplayName, InviteToken, Leaf, LogId, MessageId, PrekeyId, PrekeyPublic, Ranges,
    UserId,
};

use crate::contact::Contact;
use crate::event::MessageView;
use crate::time::Time;

/// Names a transaction until its answer; unique within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionId(pub u64);

/// One change. Each is idempotent: doing it twice is doing it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The run's `ep`: never lower than before (protocol §3).
    SaveEpoch(u64),
    /// Our display name.
    SaveName(DisplayName),
    /// Insert or replace a contact.
    SaveContact(Contact),
    /// Insert or replace a stranger's request.
    SaveRequest(Request),
    /// The request is answered or has expired.
    RemoveRequest(UserId),
    /// Insert or replace an invite of ours.
    SaveInvite(IssuedInvite),
    /// The invite is spent or has expired.
    RemoveInvite(InviteToken),
    /// A prekey of ours.
    SavePrekey(StoredPrekey),
    /// The prekey is too old: forget it beyond recovery.
    RemovePrekey(PrekeyId),
    /// The last accepted (`ep`, `seq`) of a peer's device and leaf (protocol §3).
    SaveReplay(Replay),
    /// Of this sender all positions of runs up to this `ep` go.
    RemoveReplays {
        /// Whose.
        from: UserId,
        /// The last run that goes.
        upto: u64,
    },
    /// Put a message into the history, ours or theirs. Where a message of the same direction,
    /// contact and id is there already, nothing is written and the answer says so.
    Append(MessageView),
    /// Add positions to what we hold of a contact's log.
    AddHave {
        /// Whose log.
        contact: UserId,
        /// Which log.
        lg: LogId,
        /// The positions.
        s: Ranges,
    },
    /// Add positions of our log that the contact holds: these messages are delivered.
    AddAcked {
        /// To whom.
        contact: UserId,
        /// The positions.
        s: Ranges,
    },
    /// The contact has read our log up to here; never goes back.
    SavePeerRead {
        /// Who.
        contact: UserId,
        /// The last position read.
        to: u64,
    },
    /// We have shown the contact's log up to here; never goes back.
    SaveRead {
        /// Whose log.
        contact: UserId,
        /// Which log.
        lg: LogId,
        /// The last position shown.
        to: u64,
    },
    /// Messages of ours that have failed: they are no longer in the outbox. The engine names none
    /// that the contact is known to hold, so a store need not look. A failed message stays failed, even when
    /// its position is acknowledged later: the position is then a hole, not a message.
    Fail {
        /// To whom.
        contact: UserId,
        /// Which.
        ids: Vec<MessageId>,
    },
}

impl Op {
    /// Whether nobody waits for it and a crash only means to hear it again: what the contact has
    /// told of our log. A store may hold it back for a few milliseconds, to make it durable
    /// together with what comes next.
    #[must_use]
    pub fn may_linger(&self) -> bool {
        matches!(self, Self::AddAcked { .. } | Self::SavePeerRead { .. })
    }
}

/// What a transaction that became durable reports back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Appends that were not written because the id was there already.
    pub present: Vec<Present>,
}

/// An append that was not written because the id was there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The conversation.
    pub contact: UserId,
    /// The id.
    pub id: MessageId,
    /// Whether content and kind are equal, too: then it is a harmless repetition.
    pub same: bool,
}

/// What is loaded from the outbox: the answer to
/// [`Output::LoadOutbox`](crate::Output::LoadOutbox).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxPage {
    /// To whom.
    pub contact: UserId,
    /// The `after` of the question.
    pub after: u64,
    /// Messages of our log with `s` above `after`, ascending, neither acknowledged nor failed.
    pub messages: Vec<MessageView>,
    /// The highest position that the page has looked at: all positions in `after + 1 ..= upto`
    /// that are not in `messages` are acknowledged, failed or were never written.
    pub upto: u64,
}

/// A stranger's request, or the memory of one that was declined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub from: UserId,
    /// What they call themselves.
    pub name: DisplayName,
    /// The prekey they sent.
    pub pk: PrekeyPublic,
    /// When it came.
    pub at: Time,
    /// Declined by us: kept so that its repetition stays quiet.
    pub declined: bool,
}

/// An invite of ours that may still be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedInvite {
    /// Its token.
    pub token: InviteToken,
    /// How many may still use it.
    pub uses: u32,
    /// Until when.
    pub expiry: Time,
}

/// A prekey of ours with its secret: 36 bytes as `PrekeySecret::to_bytes` gives them.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPrekey {
    /// Its id.
    pub id: PrekeyId,
    /// Id and secret.
    pub bytes: [u8; 36],
    /// When it was made.
    pub made: Time,
}

impl std::fmt::Debug for StoredPrekey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredPrekey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The last accepted position of a peer's device and leaf. Under [`Replay::FLOOR`] instead of a
/// device: the last run of the peer that counts as old whichever device it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Who.
    pub from: UserId,
    /// Which of their devices.
    pub dev: DeviceId,
    /// Which leaf.
    pub leaf: Leaf,
    /// The run.
    pub ep: u64,
    /// The count within it.
    pub seq: u64,
}

impl Replay {
    /// No device has this id: nothing is taken that says it is from there.
    pub const FLOOR: DeviceId = DeviceId([0xff; 8]);

    /// Of this peer all runs up to `ep` are old.
    #[must_use]
    pub fn floor(from: UserId, ep: u64) -> Self {
        Self { from, dev: Self::FLOOR, leaf: Leaf::Offer, ep, seq: 0 }
    }
}

/// All that the engine needs to know of the disk at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The seed of our identity key.
    pub seed: [u8; 32],
    /// This installation.
    pub dev: DeviceId,
    /// The log that this installation writes.
    pub lg: LogId,
    /// The last run's `ep`; 0 at the first start.
    pub epoch: u64,
    /// Our display name.
    pub name: DisplayName,
    /// Everyone we know.
    pub contacts: Vec<Contact>,
    /// How far each conversation is.
    pub conversations: Vec<Conversation>,
    /// Requests that wait or were declined.
    pub requests: Vec<Request>,
    /// Invites that may still be used.
    pub invites: Vec<IssuedInvite>,
    /// Our prekeys.
    pub prekeys: Vec<StoredPrekey>,
    /// Replay positions.
    pub replays: Vec<Replay>,
}

impl Snapshot {
    /// The snapshot of a new installation that knows nobody.
    #[must_use]
    pub fn new(seed: [u8; 32], dev: DeviceId, lg: LogId) -> Self {
        Self {
            seed,
            dev,
            lg,
            epoch: 0,
            name: DisplayName::default(),
            contacts: Vec::new(),
            conversations: Vec::new(),
            requests: Vec::new(),
            invites: Vec::new(),
            prekeys: Vec::new(),
            replays: Vec::new(),
        }
    }
}

/// How far one conversation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// With whom.
    pub contact: UserId,
    /// The highest position ever written to our log for this contact; 0 for none.
    pub written: u64,
    /// Positions of our log that the contact holds.
    pub acked: Ranges,
    /// How far the contact has read our log.
    pub peer_read: u64,
    /// The highest `h` of any message of the conversation; 0 for none.
    pub last_h: u64,
    /// For each log of the contact: what we hold and how far we have shown it.
    pub logs: Vec<PeerLog>,
}

/// What we hold of one log of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerLog {
    /// Which log.
    pub lg: LogId,
    /// The positions that we hold.
    pub have: Ranges,
    /// The last position shown to a person.
    pub read: u64,
}
