//! What was relayed, and what was dropped and why.

/// Datagrams of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub packets: u64,
    /// Their contents, in bytes.
    pub bytes: u64,
}

impl Traffic {
    pub(crate) fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// Why something that came in went nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dropped {
    /// Neither STUN nor ChannelData, or a broken one.
    Malformed,
    /// A STUN message that a server has no answer to, or a Binding request with attributes that
    /// it does not understand.
    Unanswerable,
    /// An answer that an address without a credential has had too many of.
    AnswerRate,
    /// Data of a client without an allocation, or for one that has ended.
    NoAllocation,
    /// ChannelData for a channel that is not bound.
    NoChannel,
    /// Data to or from an address without a permission.
    NoPermission,
    /// Data to or from an address of this machine that is no relayed address.
    OwnAddress,
    /// More bytes than the user may have relayed.
    CredentialRate,
    /// More bytes than the address may have relayed.
    AddressRate,
    /// A datagram that does not fit into the message around it.
    TooLong,
}

impl Dropped {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::Unanswerable,
        Self::AnswerRate,
        Self::NoAllocation,
        Self::NoChannel,
        Self::NoPermission,
        Self::OwnAddress,
        Self::CredentialRate,
        Self::AddressRate,
        Self::TooLong,
    ];
}

/// Counts since the server began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// From clients to peers.
    pub to_peers: Traffic,
    /// From peers to clients.
    pub to_clients: Traffic,
    /// Allocations that were made.
    pub allocated: u64,
    /// Requests that were answered with an error, those for a nonce included.
    pub refused: u64,
    dropped: [u64; Dropped::ALL.len()],
}

impl Counters {
    /// How many messages were dropped for this reason.
    #[must_use]
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.dropped.get(reason as usize).copied().unwrap_or(0)
    }

    pub(crate) fn drop_one(&mut self, reason: Dropped) {
        if let Some(count) = self.dropped.get_mut(reason as usize) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_counter() {
        let mut counters = Counters::default();
        for (reason, times) in Dropped::ALL.into_iter().zip(1..) {
            (0..times).for_each(|_| counters.drop_one(reason));
        }
        let counts = Dropped::ALL.map(|reason| counters.dropped(reason));
        assert!(counts.into_iter().eq(1..=10));
    }
}
