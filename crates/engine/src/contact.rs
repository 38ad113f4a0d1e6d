//! Someone we know, or asked to know, or don't want to hear of (protocol §7).

use std::fmt;

use serde::{Deserialize, Serialize};
use tincan_wire::{DisplayName, InviteToken, PrekeyPublic, UserId};

use crate::time::Time;

/// How far we are with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactStatus {
    /// We asked and wait for their answer.
    Requested,
    /// Both want to talk.
    Accepted,
    /// They declined.
    Declined,
    /// We blocked them.
    Blocked,
}

impl fmt::Display for ContactStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Blocked => "blocked",
        })
    }
}

/// Someone we know, as the disk keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    pub id: UserId,
    /// How far we are with each other.
    pub status: ContactStatus,
    /// What they call themselves.
    pub name: DisplayName,
    /// What we call them.
    pub nickname: Option<DisplayName>,
    /// Whether the safety numbers were compared and are equal.
    pub verified: bool,
    /// The prekey they sent last, and when it came.
    pub prekey: Option<(PrekeyPublic, Time)>,
    /// The token of the invite by which we ask, until they answer.
    pub token: Option<InviteToken>,
    /// When we last asked, while `Requested`.
    pub asked: Option<Time>,
    /// Whether to send read receipts; `None` follows the config.
    pub read_receipts: Option<bool>,
    /// Whether our addresses are hidden from them; `None` follows the config.
    pub relay_only: Option<bool>,
    /// When they were added.
    pub added: Time,
}

impl Contact {
    /// Someone of whom nothing else is known yet.
    #[must_use]
    pub fn new(id: UserId, status: ContactStatus, added: Time) -> Self {
        Self {
            id,
            status,
            name: DisplayName::default(),
            nickname: None,
            verified: false,
            prekey: None,
            token: None,
            asked: None,
            read_receipts: None,
            relay_only: None,
            added,
        }
    }
}
