//! What a signal says: one body per leaf (protocol §4).

use crate::capabilities;
use crate::display_name::DisplayName;
use crate::fingerprint::Fingerprint;
use crate::ids::SessionId;
use crate::invite_proof::InviteProof;
use crate::json::MAX_INTEGER;
use crate::prekey::PrekeyPublic;
use crate::signal::SignalError;
use crate::stamp::Stamp;
use crate::topic::Leaf;

/// Largest session description in bytes: a data-only one takes under 1 KiB, with all candidates
/// under 4.
pub const MAX_SDP_BYTES: usize = 8 * 1024;

/// Most candidates in one body, and as many as a receiver holds for an offer to come.
pub const MAX_CANDIDATES: usize = 32;

/// Longest candidate line in bytes.
pub const MAX_CANDIDATE_BYTES: usize = 512;

/// Longest media section name in bytes; ours is `0` or `data`.
pub const MAX_SDP_MID_BYTES: usize = 32;

/// One body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Opens a session, or restarts its ICE with a higher generation.
    Offer {
        /// The session.
        session: SessionRef,
        /// The offered description.
        description: Description,
    },
    /// Answers an offer.
    Answer {
        /// The session of the offer, with its generation.
        session: SessionRef,
        /// The answered description.
        description: Description,
    },
    /// ICE candidates of a session.
    IceCandidate {
        /// The session.
        session: SessionRef,
        /// The candidates; at most [`MAX_CANDIDATES`].
        candidates: Vec<Candidate>,
        /// Whether no more will come.
        eoc: bool,
    },
    /// Asks to become a contact.
    ContactRequest {
        /// The requester's name.
        name: DisplayName,
        /// Shows that the requester holds an invite.
        proof: Option<InviteProof>,
        /// A stranger's stamp.
        stamp: Option<Stamp>,
        /// The requester's prekey.
        pk: PrekeyPublic,
    },
    /// Answers such a request.
    ContactResponse {
        /// Whether the requester is a contact now.
        accepted: bool,
        /// The answerer's name.
        name: DisplayName,
        /// The answerer's prekey; absent when declined.
        pk: Option<PrekeyPublic>,
    },
    /// This chat is on the sender's screen, or no longer.
    ChatPresence {
        /// Which of the two.
        status: ChatStatus,
    },
    /// A sign of life.
    Heartbeat {
        /// Counts the sender's heartbeats to this contact; at most 2^53.
        n: u64,
        /// Whether it answers a heartbeat, and so wants no answer.
        re: bool,
    },
}

impl Body {
    /// The leaf this body travels on.
    pub fn leaf(&self) -> Leaf {
        match self {
            Self::Offer { .. } => Leaf::Offer,
            Self::Answer { .. } => Leaf::Answer,
            Self::IceCandidate { .. } => Leaf::IceCandidate,
            Self::ContactRequest { .. } => Leaf::ContactRequest,
            Self::ContactResponse { .. } => Leaf::ContactResponse,
            Self::ChatPresence { .. } => Leaf::ChatPresence,
            Self::Heartbeat { .. } => Leaf::Heartbeat,
        }
    }

    /// The session it belongs to, if it is session traffic.
    pub fn session(&self) -> Option<SessionRef> {
        match self {
            Self::Offer { session, .. }
            | Self::Answer { session, .. }
            | Self::IceCandidate { session, .. } => Some(*session),
            Self::ContactRequest { .. }
            | Self::ContactResponse { .. }
            | Self::ChatPresence { .. }
            | Self::Heartbeat { .. } => None,
        }
    }

    /// Checks the bounds that the wire has.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn check(&self) -> Result<(), SignalError> {
        match self {
            Self::Offer { description, .. } | Self::Answer { description, .. } => {
                description.check()
            }
            Self::IceCandidate { candidates, .. } if candidates.len() > MAX_CANDIDATES => {
                Err(SignalError::OutOfBounds("c"))
            }
            Self::IceCandidate { candidates, .. } => {
                candidates.iter().try_for_each(Candidate::check)
            }
            Self::ContactRequest { stamp: Some(stamp), .. } if stamp.0 > MAX_INTEGER => {
                Err(SignalError::OutOfBounds("stamp"))
            }
            Self::Heartbeat { n, .. } if *n > MAX_INTEGER => Err(SignalError::OutOfBounds("n")),
            Self::ContactRequest { .. }
            | Self::ContactResponse { .. }
            | Self::ChatPresence { .. }
            | Self::Heartbeat { .. } => Ok(()),
        }
    }
}

/// Which attempt, and which ICE generation of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionRef {
    /// The attempt.
    pub sid: SessionId,
    /// Rises by one per ICE restart; `gen` on the wire.
    pub generation: u32,
}

/// A session description and what is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The SDP text; at most [`MAX_SDP_BYTES`]. Check it with [`crate::sdp::check`] before any
    /// WebRTC engine sees it.
    pub sdp: String,
    /// The fingerprint of the sender's DTLS certificate.
    pub fp: Fingerprint,
    /// Extensions the sender knows; at most 16 of 32 bytes.
    pub caps: Vec<String>,
    /// The sender's current prekey.
    pub pk: Option<PrekeyPublic>,
}

impl Description {
    fn check(&self) -> Result<(), SignalError> {
        if self.sdp.len() > MAX_SDP_BYTES {
            return Err(SignalError::OutOfBounds("sdp"));
        }
        if !capabilities::are_legal(&self.caps) {
            return Err(SignalError::OutOfBounds("caps"));
        }
        Ok(())
    }
}

/// One ICE candidate, as `RTCIceCandidate.toJSON()` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// `candidate:…` (RFC 8839 §5.1); at most [`MAX_CANDIDATE_BYTES`], no control characters.
    pub candidate: String,
    /// The media section's name; at most [`MAX_SDP_MID_BYTES`], no control characters.
    pub sdp_mid: Option<String>,
    /// The media section's index.
    pub sdp_mline_index: Option<u16>,
}

impl Candidate {
    fn check(&self) -> Result<(), SignalError> {
        if !is_line(&self.candidate, MAX_CANDIDATE_BYTES) {
            return Err(SignalError::OutOfBounds("candidate"));
        }
        if self.sdp_mid.as_ref().is_some_and(|mid| !is_line(mid, MAX_SDP_MID_BYTES)) {
            return Err(SignalError::OutOfBounds("sdpMid"));
        }
        Ok(())
    }
}

fn is_line(text: &str, max_bytes: usize) -> bool {
    text.len() <= max_bytes && !text.chars().any(char::is_control)
}

/// Whether a chat is on its sender's screen, and whether the sender is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatStatus {
    /// It is.
    Opened,
    /// It is no longer.
    Closed,
    /// The sender's program ends.
    Left,
}

impl ChatStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Left => "left",
        }
    }
}
