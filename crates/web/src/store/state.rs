//! What the writer knows of the database: who we are, and how far each conversation is. It is
//! read once, changed in memory, and read again where a commit has failed.

use tincan_engine::store::{Replay, Snapshot};
use tincan_wire::{DeviceId, SortedMap, UserId};

use super::book::{Book, Installation};
use super::conversation::Conversation;
use super::fault::Fault;

/// Names a replay position.
pub(super) type ReplayKey = (UserId, DeviceId, &'static str);

/// The writer's knowledge.
pub(super) struct State {
    pub(super) me: UserId,
    pub(super) installation: Installation,
    pub(super) replays: SortedMap<ReplayKey, Replay>,
    pub(super) conversations: SortedMap<UserId, Conversation>,
    pub(super) settings: SortedMap<String, String>,
    /// The number of the next commit that writes messages.
    pub(super) next_commit: u64,
}

impl State {
    /// Of a book that has an installation; also what the engine must know.
    pub(super) fn new(
        mut book: Book,
        installation: Installation,
        next_commit: u64,
    ) -> Result<(Self, Snapshot), Fault> {
        let snapshot = book.snapshot(&installation);
        let replays = book.replays.iter();
        let replays = replays.map(|replay| (replay_key(replay), *replay)).collect();
        let conversations = std::mem::take(&mut book.conversations).into_iter();
        let conversations =
            conversations.map(|conversation| (conversation.contact, conversation)).collect();
        let me = installation.me();
        let settings = book.settings;
        Ok((Self { me, installation, replays, conversations, settings, next_commit }, snapshot))
    }

    /// The conversation with a contact, made where there is none.
    pub(super) fn conversation(&mut self, contact: UserId) -> Result<&mut Conversation, Fault> {
        // Conversations are never removed.
        let number = u32::try_from(self.conversations.len() + 1)
            .map_err(|_| Fault::OutOfRange("the number of conversations"))?;
        Ok(self.conversations.or_insert_with(contact, || Conversation::new(number, contact)))
    }
}

/// What names a replay position.
pub(super) fn replay_key(replay: &Replay) -> ReplayKey {
    (replay.from, replay.dev, replay.leaf.as_str())
}
