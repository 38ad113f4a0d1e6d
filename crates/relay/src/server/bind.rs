//! CreatePermission and ChannelBind requests (RFC 8656 §10 and §12).

use std::net::{IpAddr, SocketAddr};

use crate::address::Family;
use crate::channel_data::ChannelNumber;
use crate::client::Client;
use crate::error_code::ErrorCode;
use crate::message::attribute::{CHANNEL_NUMBER, XOR_PEER_ADDRESS};
use crate::message::{Builder, Message, Method};
use crate::now::Now;
use crate::peers::Verdict;
use crate::server::{Server, success};
use crate::table::SlotId;

impl Server {
    /// Lets peers send: all that the request names, or none.
    pub(super) fn create_permission(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
    ) -> Result<Builder, ErrorCode> {
        let id = self.ready_allocation(client)?;
        let mut addresses: Vec<(IpAddr, bool)> = Vec::new();
        for address in message.addresses(XOR_PEER_ADDRESS) {
            let peer = address.map_err(|_| ErrorCode::BadRequest)?;
            addresses.push((peer.ip(), self.check_peer(id, peer)?));
        }
        if addresses.is_empty() {
            return Err(ErrorCode::BadRequest);
        }
        let max = self.config.permissions;
        if addresses.len() > max {
            return Err(ErrorCode::InsufficientCapacity);
        }
        let allocation = self.table.get_mut(id).ok_or(ErrorCode::AllocationMismatch)?;
        allocation.permissions.grant(&addresses, max, now.ms)?;
        Ok(success(Method::CreatePermission, message.transaction()))
    }

    /// Gives a peer a number, and a permission.
    pub(super) fn bind_channel(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
    ) -> Result<Builder, ErrorCode> {
        let id = self.ready_allocation(client)?;
        let number = channel_number(message)?;
        let peer = message.address(XOR_PEER_ADDRESS).map_err(|_| ErrorCode::BadRequest)?;
        let peer = peer.ok_or(ErrorCode::BadRequest)?;
        let is_own = self.check_peer(id, peer)?;
        let (permissions, channels) = (self.config.permissions, self.config.channels);
        let allocation = self.table.get_mut(id).ok_or(ErrorCode::AllocationMismatch)?;
        allocation.channels.check(number, peer, channels, now.ms)?;
        allocation.permissions.grant(&[(peer.ip(), is_own)], permissions, now.ms)?;
        allocation.channels.bind(number, peer, is_own, now.ms);
        Ok(success(Method::ChannelBind, message.transaction()))
    }

    /// Whether an own address may be reached at this port now.
    pub(super) fn own_is_open(&self, peer: SocketAddr) -> bool {
        self.peers.own_port_is_open(peer, self.table.relay_at(peer).is_some())
    }

    /// Whether the allocation can reach this peer; if so, whether it is at this machine. The port
    /// matters only there.
    fn check_peer(&self, id: SlotId, peer: SocketAddr) -> Result<bool, ErrorCode> {
        let allocation = self.table.get(id).ok_or(ErrorCode::AllocationMismatch)?;
        if allocation.relays.address(Family::of(peer.ip())).is_none() {
            return Err(ErrorCode::PeerAddressFamilyMismatch);
        }
        match self.peers.judge(peer.ip()) {
            Verdict::Allowed => Ok(false),
            Verdict::Own if self.own_is_open(peer) => Ok(true),
            Verdict::Own | Verdict::Forbidden => Err(ErrorCode::Forbidden),
        }
    }
}

fn channel_number(message: &Message<'_>) -> Result<ChannelNumber, ErrorCode> {
    match message.find(CHANNEL_NUMBER) {
        Some([high, low, _, _]) => ChannelNumber::new(u16::from_be_bytes([*high, *low])),
        Some(_) | None => None,
    }
    .ok_or(ErrorCode::BadRequest)
}
