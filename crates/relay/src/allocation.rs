//! One allocation: a client's relayed addresses, and what its peers may do (RFC 8656 §3).

use std::net::{IpAddr, SocketAddr};

use crate::address::Family;
use crate::channel_data::ChannelNumber;
use crate::client::Client;
use crate::credential::Key;
use crate::error_code::ErrorCode;
use crate::message::Transaction;
use crate::shares::ShareId;

/// How long a permission lasts (RFC 8656 §9).
pub(crate) const PERMISSION_MS: u64 = 300_000;

/// How long a channel lasts (RFC 8656 §12).
pub(crate) const CHANNEL_MS: u64 = 600_000;

/// A client's allocation, from the request on.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) client: Client,
    /// Who made it, and with which key: they count for its whole life, whatever becomes of the
    /// credential meanwhile.
    pub(crate) username: Box<[u8]>,
    pub(crate) key: Key,
    /// The request that made it, which may be repeated.
    pub(crate) request: Request,
    pub(crate) relays: Relays,
    /// When it ends; before it is ready, when the shell has had its time.
    pub(crate) ends_ms: u64,
    pub(crate) permissions: Permissions,
    pub(crate) channels: Channels,
    pub(crate) credential_share: ShareId,
    pub(crate) address_share: ShareId,
}

/// What is remembered of the Allocate request, to answer it later and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) transaction: Transaction,
    pub(crate) has_fingerprint: bool,
    pub(crate) lifetime_seconds: u32,
}

/// A relayed address of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relay {
    /// Nobody asked for it.
    Unwanted,
    /// The shell is asked to open it.
    Opening,
    /// It is there.
    Open(SocketAddr),
    /// It was asked for and cannot be had.
    Refused(ErrorCode),
    /// The client has given it back, or its socket broke.
    Closed,
}

/// The relayed addresses of both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relays {
    v4: Relay,
    v6: Relay,
}

impl Relays {
    pub(crate) fn new(choose: impl Fn(Family) -> Relay) -> Self {
        Self { v4: choose(Family::V4), v6: choose(Family::V6) }
    }

    pub(crate) fn get(&self, family: Family) -> Relay {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    pub(crate) fn set(&mut self, family: Family, relay: Relay) {
        match family {
            Family::V4 => self.v4 = relay,
            Family::V6 => self.v6 = relay,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Family, Relay)> + use<> {
        Family::ALL.into_iter().zip([self.v4, self.v6])
    }

    pub(crate) fn address(&self, family: Family) -> Option<SocketAddr> {
        match self.get(family) {
            Relay::Open(address) => Some(address),
            Relay::Unwanted | Relay::Opening | Relay::Refused(_) | Relay::Closed => None,
        }
    }

    pub(crate) fn are_opening(&self) -> bool {
        self.iter().any(|(_, relay)| relay == Relay::Opening)
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = (Family, SocketAddr)> + use<> {
        let relays = *self;
        Family::ALL.into_iter().filter_map(move |family| Some((family, relays.address(family)?)))
    }
}

/// The addresses that may send, and be sent to.
#[derive(Debug, Default)]
pub(crate) struct Permissions(Vec<Permission>);

#[derive(Clone, Copy, Debug)]
struct Permission {
    ip: IpAddr,
    /// It is an address of this machine, where the port matters, too.
    is_own: bool,
    ends_ms: u64,
}

impl Permissions {
    /// Whether there is one for this address; if so, whether it is an own address.
    pub(crate) fn find(&self, ip: IpAddr, now_ms: u64) -> Option<bool> {
        let permission = self.0.iter().find(|permission| permission.ip == ip)?;
        (now_ms < permission.ends_ms).then_some(permission.is_own)
    }

    /// Makes or renews a permission for each of the addresses, or for none if they would be more
    /// than `max` in all.
    pub(crate) fn grant(
        &mut self,
        addresses: &[(IpAddr, bool)],
        max: usize,
        now_ms: u64,
    ) -> Result<(), ErrorCode> {
        self.0.retain(|permission| now_ms < permission.ends_ms);
        let before = self.0.len();
        for (ip, is_own) in addresses {
            if !self.0.iter().any(|permission| permission.ip == *ip) {
                self.0.push(Permission { ip: *ip, is_own: *is_own, ends_ms: 0 });
            }
        }
        if self.0.len() > max {
            self.0.truncate(before);
            return Err(ErrorCode::InsufficientCapacity);
        }
        for permission in &mut self.0 {
            if addresses.iter().any(|(ip, _)| permission.ip == *ip) {
                permission.ends_ms = now_ms + PERMISSION_MS;
            }
        }
        Ok(())
    }
}

/// Peers with numbers.
#[derive(Debug, Default)]
pub(crate) struct Channels(Vec<Channel>);

/// A peer with a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) number: ChannelNumber,
    pub(crate) peer: SocketAddr,
    /// It is at an address of this machine.
    pub(crate) is_own: bool,
    ends_ms: u64,
}

impl Channels {
    /// The peer of a number.
    pub(crate) fn peer(&self, number: ChannelNumber, now_ms: u64) -> Option<&Channel> {
        self.0.iter().find(|channel| channel.number == number && now_ms < channel.ends_ms)
    }

    /// The number of a peer.
    pub(crate) fn number(&self, peer: SocketAddr, now_ms: u64) -> Option<ChannelNumber> {
        let channel =
            self.0.iter().find(|channel| channel.peer == peer && now_ms < channel.ends_ms)?;
        Some(channel.number)
    }

    /// Whether the peer can have the number: both are free, or bound to each other.
    pub(crate) fn check(
        &mut self,
        number: ChannelNumber,
        peer: SocketAddr,
        max: usize,
        now_ms: u64,
    ) -> Result<(), ErrorCode> {
        self.0.retain(|channel| now_ms < channel.ends_ms);
        let mut matching =
            self.0.iter().filter(|channel| channel.number == number || channel.peer == peer);
        match matching.next() {
            Some(channel) if channel.number == number && channel.peer == peer => Ok(()),
            Some(_) => Err(ErrorCode::BadRequest),
            None if self.0.len() < max => Ok(()),
            None => Err(ErrorCode::InsufficientCapacity),
        }
    }

    /// Binds or renews, after [`check`](Self::check).
    pub(crate) fn bind(
        &mut self,
        number: ChannelNumber,
        peer: SocketAddr,
        is_own: bool,
        now_ms: u64,
    ) {
        let ends_ms = now_ms + CHANNEL_MS;
        match self.0.iter_mut().find(|channel| channel.number == number) {
            Some(channel) => channel.ends_ms = ends_ms,
            None => self.0.push(Channel { number, peer, is_own, ends_ms }),
        }
    }
}
