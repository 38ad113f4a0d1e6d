//! Why a request is refused.

/// An error code of RFC 8489 §14.8 or RFC 8656 §19.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorCode {
    /// 400: malformed, or its parts contradict each other or an earlier request.
    BadRequest,
    /// 401: no credential, or none that is good now.
    Unauthorized,
    /// 403: a peer that may not be reached.
    Forbidden,
    /// 420: an attribute that must be understood and is not.
    UnknownAttribute,
    /// 437: there is an allocation already, or none.
    AllocationMismatch,
    /// 438: the nonce is too old; the answer holds a new one.
    StaleNonce,
    /// 440: the relay has no addresses of this family.
    AddressFamilyNotSupported,
    /// 441: the allocation is another user's.
    WrongCredentials,
    /// 442: only UDP is relayed.
    UnsupportedTransport,
    /// 443: the peer's family is not that of the relayed address.
    PeerAddressFamilyMismatch,
    /// 486: this user or address has as many allocations as allowed.
    AllocationQuotaReached,
    /// 508: the server has no more to give.
    InsufficientCapacity,
}

impl ErrorCode {
    /// Its number.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::UnknownAttribute => 420,
            Self::AllocationMismatch => 437,
            Self::StaleNonce => 438,
            Self::AddressFamilyNotSupported => 440,
            Self::WrongCredentials => 441,
            Self::UnsupportedTransport => 442,
            Self::PeerAddressFamilyMismatch => 443,
            Self::AllocationQuotaReached => 486,
            Self::InsufficientCapacity => 508,
        }
    }

    /// Its words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::UnknownAttribute => "Unknown Attribute",
            Self::AllocationMismatch => "Allocation Mismatch",
            Self::StaleNonce => "Stale Nonce",
            Self::AddressFamilyNotSupported => "Address Family not Supported",
            Self::WrongCredentials => "Wrong Credentials",
            Self::UnsupportedTransport => "Unsupported Transport Protocol",
            Self::PeerAddressFamilyMismatch => "Peer Address Family Mismatch",
            Self::AllocationQuotaReached => "Allocation Quota Reached",
            Self::InsufficientCapacity => "Insufficient Capacity",
        }
    }
}
