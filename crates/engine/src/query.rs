//! What a screen reads from the disk. A shell answers these from its store, past the engine:
//! they change nothing.

use serde::{Deserialize, Serialize};
use tincan_wire::{MessageId, UserId};

use crate::event::MessageView;

/// The most messages that one answer holds: a page of history, and what a screen can take in.
pub const MAX_PAGE: usize = 1_000;

/// A question to the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum Query {
    /// The last `limit` messages of a conversation before `before`, oldest first.
    History {
        /// With whom.
        contact: UserId,
        /// Only what is displayed before this place; `None` means the end.
        #[serde(default)]
        before: Option<Cursor>,
        /// At most so many, 1 to [`MAX_PAGE`].
        limit: usize,
    },
    /// Messages whose words match, newest first.
    Search {
        /// The words; all must occur, the last may be a beginning.
        text: String,
        /// Only in this conversation.
        #[serde(default)]
        contact: Option<UserId>,
        /// At most so many, 1 to [`MAX_PAGE`].
        limit: usize,
    },
    /// Unread count and last message of each conversation.
    Summaries,
    /// One message of a conversation.
    Message {
        /// With whom.
        contact: UserId,
        /// Which; `message` in JSON, since the control socket numbers its requests by `id`.
        #[serde(rename = "message")]
        id: MessageId,
    },
}

/// A place in a conversation: the display orders by (`h`, sender, id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The message's `h`.
    pub h: u64,
    /// Whether it is ours.
    pub outgoing: bool,
    /// Its id.
    pub id: MessageId,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// For `History`, `Search` and `Message`.
    Messages {
        /// They, in the order that the question says.
        messages: Vec<MessageView>,
        /// Whether there are more beyond the page.
        more: bool,
    },
    /// For `Summaries`, in the order of the contacts' ids.
    Summaries {
        /// They.
        summaries: Vec<Summary>,
    },
}

/// A conversation in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// With whom.
    pub contact: UserId,
    /// Messages of theirs that were not shown yet.
    pub unread: u64,
    /// The last message, if there is one.
    pub last: Option<MessageView>,
}
