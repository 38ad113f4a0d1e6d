//! What travels on the `chat` data channel (protocol §5). [`crate::FrameCodec`] reads and writes
//! it.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::hello::Hello;
use crate::ids::LogId;
use crate::json::JsonError;
use crate::message::{Message, MessageError};
use crate::ranges::Ranges;
use crate::signal::SignalError;
use crate::signal_body::Body;

/// Largest frame in bytes: 64 KiB, what every WebRTC stack sends and takes in one message.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Most selectively acknowledged positions in one `ack`: as many as a receiver holds out of order.
pub const MAX_SELECTIVE_ACKS: usize = 256;

/// Most logs in one `sync`: one per installation or restore of a user, with room to spare.
pub const MAX_SYNC_LOGS: usize = 256;

/// Longest reason of a `bye` in bytes.
pub const MAX_BYE_BYTES: usize = 32;

/// One text frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The first frame each way: binds the channel to both identities.
    Hello(Hello),
    /// After hello: what I hold of yours, and what I have sent.
    Sync {
        /// Per log of the receiver of this frame, the positions that its sender holds. More than
        /// [`crate::ranges::MAX_RANGES`] ranges are cut when encoding: claiming less is safe.
        have: BTreeMap<LogId, Ranges>,
        /// Per log of the sender, the highest position it has assigned.
        sent: BTreeMap<LogId, u64>,
    },
    /// One message.
    Message(Message),
    /// Several messages; at least one.
    Batch(Vec<Message>),
    /// Durable at the receiver: everything up to `to`, and each of `sel`.
    Ack {
        /// The log of the receiver of this frame.
        lg: LogId,
        /// Cumulative position, 0 for none.
        to: u64,
        /// Positions above `to`; at most [`MAX_SELECTIVE_ACKS`].
        sel: Vec<u64>,
    },
    /// Shown to a person, up to `to`.
    Read {
        /// The log of the receiver of this frame.
        lg: LogId,
        /// Cumulative position.
        to: u64,
    },
    /// Someone is typing, or stopped.
    Typing {
        /// Whether they are.
        on: bool,
    },
    /// Are you there? Answered at once by [`Frame::Pong`].
    Ping,
    /// I am here: the answer to [`Frame::Ping`].
    Pong,
    /// Positions of the sender's log that will never carry anything, because their messages were
    /// cancelled or expired. The receiver counts them as received.
    Gone {
        /// The log of the sender of this frame.
        lg: LogId,
        /// Those positions; at most [`crate::ranges::MAX_RANGES`] ranges.
        s: Ranges,
    },
    /// An ICE restart over the live channel: only offer, answer and iceCandidate.
    Signal(Body),
    /// The sender closes the session on purpose.
    Bye {
        /// Why, for counters; at most [`MAX_BYE_BYTES`] bytes without control characters.
        why: String,
    },
}

/// Why a frame is not read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Larger than [`MAX_FRAME_BYTES`].
    #[error("a frame holds at most {MAX_FRAME_BYTES} bytes; send less at once")]
    TooLong,
    /// Not the JSON that this type of frame has.
    #[error("the frame cannot be read: {0}")]
    Json(#[from] JsonError),
    /// A type that this version does not know: ignore and count.
    #[error("the frame's type is unknown; the peer may be newer than this program")]
    UnknownType,
    /// A hello of another protocol version.
    #[error("the peer speaks protocol version {0}; update the older side")]
    WrongVersion(u64),
    /// `from` is not the peer of the channel.
    #[error("the message names another sender than the peer; it was dropped")]
    WrongSender,
    /// `to` is not us.
    #[error("the message is for someone else; it was dropped")]
    WrongRecipient,
    /// A message breaks a bound.
    #[error("{0}")]
    Message(#[from] MessageError),
    /// The body of a `signal` frame is wrong.
    #[error("the frame's signal cannot be used: {0}")]
    Signal(#[from] SignalError),
    /// A list or text breaks its bound, or a batch is empty.
    #[error("the frame's field `{0}` is out of bounds")]
    OutOfBounds(&'static str),
}

impl FrameError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "frame_too_long",
            Self::Json(error) => error.reason(),
            Self::UnknownType => "frame_unknown_type",
            Self::WrongVersion(_) => "frame_version",
            Self::WrongSender => "frame_wrong_sender",
            Self::WrongRecipient => "frame_wrong_recipient",
            Self::Message(error) => error.reason(),
            Self::Signal(error) => error.reason(),
            Self::OutOfBounds(_) => "frame_out_of_bounds",
        }
    }
}
