//! `hello`: binds a data channel to two identities, both certificates and both descriptions
//! (protocol §§4, 5).

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::fingerprint::Fingerprint;
use crate::identity::{self, Identity};
use crate::ids::SessionId;
use crate::user_id::UserId;

/// Which side of a session signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side whose offer began the session; role byte 0.
    Offerer,
    /// The side that answered; role byte 1.
    Answerer,
}

impl Role {
    /// The other side.
    pub fn other(self) -> Self {
        match self {
            Self::Offerer => Self::Answerer,
            Self::Answerer => Self::Offerer,
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Offerer => 0,
            Self::Answerer => 1,
        }
    }
}

/// The first frame each way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The session that the channel belongs to.
    pub sid: SessionId,
    /// The sender's signature over the transcript, in the sender's role.
    pub sig: [u8; 64],
    /// Extensions the sender knows; at most 16 of 32 bytes.
    pub caps: Vec<String>,
    /// Largest frame in bytes that the sender takes.
    pub max: u32,
}

/// What both sides saw of a session's first offer and answer. An ICE restart does not change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloTranscript {
    /// The session.
    pub sid: SessionId,
    /// Who offered.
    pub offerer: UserId,
    /// Who answered.
    pub answerer: UserId,
    /// The fingerprint in the offer.
    pub offerer_fp: Fingerprint,
    /// The fingerprint in the answer.
    pub answerer_fp: Fingerprint,
    /// [`HelloTranscript::hash_sdp`] of the offer.
    pub offer: [u8; 32],
    /// [`HelloTranscript::hash_sdp`] of the answer.
    pub answer: [u8; 32],
}

impl HelloTranscript {
    /// SHA-256 of the exact `sdp` text of a body.
    pub fn hash_sdp(sdp: &str) -> [u8; 32] {
        Sha256::digest(sdp.as_bytes()).into()
    }

    /// Signs the transcript as `role`.
    pub fn sign(&self, own: &Identity, role: Role) -> [u8; 64] {
        own.sign(&self.signed_bytes(role))
    }

    /// Checks the peer's hello: its session, and its signature as `signer` in `role`.
    ///
    /// # Errors
    /// Which of the two is wrong. Either raises an alarm to the user and closes (protocol §4).
    pub fn verify(&self, hello: &Hello, signer: &UserId, role: Role) -> Result<(), HelloError> {
        if hello.sid != self.sid {
            return Err(HelloError::WrongSession);
        }
        self.verify_signature(&hello.sig, signer, role)
    }

    /// Checks a signature over the transcript by `signer` in `role`.
    ///
    /// # Errors
    /// The signer is not that side of the session, or did not sign this transcript.
    pub fn verify_signature(
        &self,
        signature: &[u8; 64],
        signer: &UserId,
        role: Role,
    ) -> Result<(), HelloError> {
        let expected = match role {
            Role::Offerer => &self.offerer,
            Role::Answerer => &self.answerer,
        };
        if signer == expected && identity::verify(signer, &self.signed_bytes(role), signature) {
            Ok(())
        } else {
            Err(HelloError::BadSignature)
        }
    }

    /// `"tincan/1/hello"` ‖ sid ‖ role byte ‖ both keys ‖ both fingerprints ‖ both hashes, the
    /// offerer's always before the answerer's: 223 bytes.
    pub fn signed_bytes(&self, role: Role) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(223);
        bytes.extend_from_slice(b"tincan/1/hello");
        bytes.extend_from_slice(self.sid.as_bytes());
        bytes.push(role.byte());
        bytes.extend_from_slice(self.offerer.as_bytes());
        bytes.extend_from_slice(self.answerer.as_bytes());
        bytes.extend_from_slice(self.offerer_fp.as_bytes());
        bytes.extend_from_slice(self.answerer_fp.as_bytes());
        bytes.extend_from_slice(&self.offer);
        bytes.extend_from_slice(&self.answer);
        bytes
    }
}

/// Why a hello proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HelloError {
    /// It belongs to another session.
    #[error("the peer's greeting belongs to another session; the connection was closed")]
    WrongSession,
    /// The signature does not cover what we saw.
    #[error(
        "the other side could not prove who it is; the connection was closed, compare safety numbers"
    )]
    BadSignature,
}

impl HelloError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongSession => "hello_wrong_session",
            Self::BadSignature => "hello_bad_signature",
        }
    }
}
