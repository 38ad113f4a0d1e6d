//! Signals: the signed bodies inside envelopes (protocol §§3, 4).

use thiserror::Error;

use crate::ids::DeviceId;
use crate::json::{JsonError, MAX_INTEGER};
use crate::signal_body::Body;
use crate::user_id::UserId;

/// What one user tells another through a broker.
///
/// [`crate::seal`] signs and seals it, [`crate::Envelope::open`] gives it back verified. Whether
/// (`ep`, `seq`) rises per sender, device and leaf is for the receiver to check (protocol §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The sender, whose signature the envelope holds.
    pub from: UserId,
    /// The recipient.
    pub to: UserId,
    /// The sender's installation.
    pub dev: DeviceId,
    /// The run of that installation: a time in milliseconds that rises with every start; at most
    /// 2^53.
    pub ep: u64,
    /// Counts within `ep`; at most 2^53.
    pub seq: u64,
    /// What it says.
    pub body: Body,
}

impl Signal {
    /// Checks the bounds that the wire has.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn check(&self) -> Result<(), SignalError> {
        for (name, number) in [("ep", self.ep), ("seq", self.seq)] {
            if number > MAX_INTEGER {
                return Err(SignalError::OutOfBounds(name));
            }
        }
        self.body.check()
    }
}

/// Why a signal is not read or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignalError {
    /// Not the JSON that this leaf has.
    #[error("the signal cannot be read: {0}")]
    Json(#[from] JsonError),
    /// Of another protocol version.
    #[error("the signal is of protocol version {0}; update the older side")]
    WrongVersion(u64),
    /// A leaf that this version does not know: drop and count.
    #[error("the signal's kind is unknown; the sender may be newer than this program")]
    UnknownLeaf,
    /// Sender and recipient are the same.
    #[error("the signal is from its own recipient; it was dropped")]
    FromSelf,
    /// Only offer, answer and iceCandidate travel over a live channel.
    #[error("this kind of signal does not travel over a channel; send it through the broker")]
    NotForChannel,
    /// A number, text or list breaks its bound.
    #[error("the signal's field `{0}` is out of bounds")]
    OutOfBounds(&'static str),
}

impl SignalError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Json(error) => error.reason(),
            Self::WrongVersion(_) => "signal_version",
            Self::UnknownLeaf => "signal_unknown_leaf",
            Self::FromSelf => "signal_from_self",
            Self::NotForChannel => "signal_not_for_channel",
            Self::OutOfBounds(_) => "signal_out_of_bounds",
        }
    }
}
