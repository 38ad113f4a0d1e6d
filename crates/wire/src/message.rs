//! Chat messages: the seed's six fields and the position `x` (protocol §5).

use thiserror::Error;

use crate::ids::LogId;
use crate::json::MAX_INTEGER;
use crate::json_writer::escaped_len;
use crate::message_id::MessageId;

/// Longest `content` in bytes of UTF-8: 16 KiB.
pub const MAX_CONTENT_BYTES: usize = 16 * 1024;

/// Highest `h`: 2^53 − 2^32, so that counting up from it never leaves the exact integers.
pub const MAX_HYBRID_TIME: u64 = MAX_INTEGER - (1 << 32);

/// Timestamps below this are seconds; at or above it, milliseconds (from March 1973 on).
pub const FIRST_MILLISECOND_TIMESTAMP: u64 = 100_000_000_000;

/// What the JSON of a message takes besides its content, at most: every id, number, name and
/// bracket at its longest.
const ENVELOPE_BYTES: usize = 400;

/// One event of a conversation. Sender and recipient are those of the channel it travels on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// Its id, the same on every retry.
    pub id: MessageId,
    /// The text; the emoji of a reaction; empty for a deletion. At most [`MAX_CONTENT_BYTES`].
    pub content: String,
    /// When it was written by the sender's clock, in milliseconds. A value on the wire below
    /// [`FIRST_MILLISECOND_TIMESTAMP`] is read as seconds, so clocks before March 1973 do not
    /// survive the trip.
    pub timestamp: u64,
    /// What it does.
    pub kind: Kind,
    /// Its place in the sender's log. A plain client of the seed's format sends none.
    pub position: Option<Position>,
}

/// What a message does. `type` on the wire; the target is `x.ref`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Says something, perhaps in reply to a message.
    Text {
        /// The message replied to.
        reply: Option<MessageId>,
    },
    /// Replaces the content of an earlier message of the same sender.
    Edit {
        /// That message.
        target: MessageId,
    },
    /// Takes back an earlier message of the same sender.
    Delete {
        /// That message.
        target: MessageId,
    },
    /// Reacts to a message with an emoji; empty content takes the reaction back.
    React {
        /// That message.
        target: MessageId,
    },
}

impl Kind {
    /// The name on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Edit { .. } => "edit",
            Self::Delete { .. } => "delete",
            Self::React { .. } => "react",
        }
    }

    /// The message that this one refers to.
    pub fn reference(&self) -> Option<MessageId> {
        match self {
            Self::Text { reply } => *reply,
            Self::Edit { target } | Self::Delete { target } | Self::React { target } => {
                Some(*target)
            }
        }
    }
}

/// The place of a message in its sender's log and in the conversation's order: `x` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The sender's log.
    pub lg: LogId,
    /// The number in that log, from 1, without gaps per conversation.
    pub s: u64,
    /// The hybrid time that orders the display by (h, from, id); at most [`MAX_HYBRID_TIME`].
    pub h: u64,
}

impl Message {
    /// Checks the bounds that the wire has.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn check(&self) -> Result<(), MessageError> {
        if self.content.len() > MAX_CONTENT_BYTES {
            return Err(MessageError::ContentTooLong);
        }
        if self.timestamp > MAX_INTEGER {
            return Err(MessageError::BadTimestamp);
        }
        match self.position {
            Some(position) if position.s == 0 || position.s > MAX_INTEGER => {
                Err(MessageError::BadPosition)
            }
            Some(position) if position.h > MAX_HYBRID_TIME => Err(MessageError::BadHybridTime),
            _ => Ok(()),
        }
    }
}

/// An upper bound of the bytes that a message of this content takes in a frame, for the batcher.
/// It is exact in the content and at most a few hundred bytes too high in the rest.
///
/// Content made of control characters grows sixfold: a message whose estimate exceeds
/// [`crate::MAX_FRAME_BYTES`] cannot be sent and is best refused when it is typed.
pub fn encoded_len_of(content: &str) -> usize {
    ENVELOPE_BYTES + content.bytes().map(escaped_len).sum::<usize>()
}

/// Which bound a message breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The content is too long.
    #[error("a message holds at most {MAX_CONTENT_BYTES} bytes of text; split it")]
    ContentTooLong,
    /// The timestamp is no exact integer.
    #[error("the message's time is out of range; check this machine's clock")]
    BadTimestamp,
    /// `s` is 0 or too high.
    #[error("the message's position in its log is out of range")]
    BadPosition,
    /// `h` is above 2^53 − 2^32.
    #[error("the message's place in the conversation is out of range")]
    BadHybridTime,
}

impl MessageError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ContentTooLong => "message_content_too_long",
            Self::BadTimestamp => "message_timestamp",
            Self::BadPosition => "message_position",
            Self::BadHybridTime => "message_hybrid_time",
        }
    }
}
