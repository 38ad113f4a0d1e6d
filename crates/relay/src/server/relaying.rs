//! Data, both ways (RFC 8656 §11 and §12). Nothing here allocates or copies.

use std::net::SocketAddr;

use crate::address::Family;
use crate::channel_data;
use crate::client::{Client, Transport};
use crate::counters::Dropped;
use crate::message::attribute::{DATA, XOR_PEER_ADDRESS, is_understood};
use crate::message::{Message, Transaction};
use crate::now::Now;
use crate::output::{Prefix, RelayId, ToClient, ToPeer};
use crate::server::Server;
use crate::table::SlotId;

/// What the headers of IPv4 and UDP add to each datagram, so that many small ones are not free.
const HEADERS_BYTES: u64 = 28;

/// The most that a UDP datagram can hold.
const MAX_DATAGRAM_BYTES: usize = 65_507;

/// Where data of a client goes.
struct Target {
    peer: SocketAddr,
    /// It is at an address of this machine.
    is_own: bool,
}

impl Server {
    pub(super) fn relay_channel_data<'a>(
        &mut self,
        now: Now,
        client: &Client,
        bytes: &'a [u8],
    ) -> Option<ToPeer<'a>> {
        let parsed = channel_data::parse(bytes, client.transport);
        let relayed = parsed.ok_or(Dropped::Malformed).and_then(|(number, data)| {
            let id = self.table.of_client(client).ok_or(Dropped::NoAllocation)?;
            let allocation = self.table.get(id).ok_or(Dropped::NoAllocation)?;
            let channel = allocation.channels.peer(number, now.ms).ok_or(Dropped::NoChannel)?;
            let target = Target { peer: channel.peer, is_own: channel.is_own };
            self.relay_to_peer(now, id, target, data)
        });
        self.counted(relayed)
    }

    pub(super) fn relay_send<'a>(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'a>,
    ) -> Option<ToPeer<'a>> {
        let relayed = self.send_target(now, client, message).and_then(|(id, target)| {
            let data = message.find(DATA).ok_or(Dropped::Malformed)?;
            self.relay_to_peer(now, id, target, data)
        });
        self.counted(relayed)
    }

    /// Where a Send indication goes, if it may (RFC 8656 §11.2).
    fn send_target(
        &self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
    ) -> Result<(SlotId, Target), Dropped> {
        if message.attributes().any(|(kind, _)| !is_understood(kind)) {
            return Err(Dropped::Unanswerable);
        }
        let peer = message.address(XOR_PEER_ADDRESS).ok().flatten().ok_or(Dropped::Malformed)?;
        let id = self.table.of_client(client).ok_or(Dropped::NoAllocation)?;
        let allocation = self.table.get(id).ok_or(Dropped::NoAllocation)?;
        let is_own = allocation.permissions.find(peer.ip(), now.ms).ok_or(Dropped::NoPermission)?;
        Ok((id, Target { peer, is_own }))
    }

    fn relay_to_peer<'a>(
        &mut self,
        now: Now,
        id: SlotId,
        target: Target,
        data: &'a [u8],
    ) -> Result<ToPeer<'a>, Dropped> {
        let Target { peer, is_own } = target;
        let family = Family::of(peer.ip());
        let allocation = self.table.get(id).ok_or(Dropped::NoAllocation)?;
        let from = allocation.relays.address(family).ok_or(Dropped::NoAllocation)?;
        let mut own = None;
        if is_own {
            if !self.own_is_open(peer) {
                return Err(Dropped::OwnAddress);
            }
            own = self.table.relay_at(peer).map(|relay| (relay, from));
        }
        self.charge(now, id, data.len())?;
        self.counters.to_peers.count(data.len());
        Ok(ToPeer { relay: self.table.relay_id(id, family), peer, own, data })
    }

    pub(super) fn relay_to_client(
        &mut self,
        now: Now,
        relay: RelayId,
        peer: SocketAddr,
        data_len: usize,
    ) -> Option<ToClient> {
        let relayed = self.framed_for_client(now, relay, peer, data_len);
        self.counted(relayed)
    }

    fn framed_for_client(
        &mut self,
        now: Now,
        relay: RelayId,
        peer: SocketAddr,
        data_len: usize,
    ) -> Result<ToClient, Dropped> {
        let id = self.table.of_relay(relay).ok_or(Dropped::NoAllocation)?;
        let allocation = self.table.get(id).ok_or(Dropped::NoAllocation)?;
        let is_own = allocation.permissions.find(peer.ip(), now.ms).ok_or(Dropped::NoPermission)?;
        if is_own && !self.own_is_open(peer) {
            return Err(Dropped::OwnAddress);
        }
        let client = allocation.client;
        let to_padding = data_len.next_multiple_of(4) - data_len;
        let (prefix, padding) = match allocation.channels.number(peer, now.ms) {
            Some(number) => {
                let padding = if client.transport.is_stream() { to_padding } else { 0 };
                (Prefix::channel_data(number, data_len), padding)
            }
            None => {
                let transaction = self.next_indication();
                (Prefix::indication(transaction, peer, data_len), to_padding)
            }
        };
        let prefix = prefix.ok_or(Dropped::TooLong)?;
        let len = prefix.as_bytes().len() + data_len + padding;
        if client.transport == Transport::Udp && len > MAX_DATAGRAM_BYTES {
            return Err(Dropped::TooLong);
        }
        self.charge(now, id, data_len)?;
        self.counters.to_clients.count(data_len);
        Ok(ToClient { client, prefix, padding })
    }

    /// Takes the bytes from what user and address may have relayed.
    fn charge(&mut self, now: Now, id: SlotId, data_len: usize) -> Result<(), Dropped> {
        let allocation = self.table.get(id).ok_or(Dropped::NoAllocation)?;
        let (credential, address) = (allocation.credential_share, allocation.address_share);
        let bytes = data_len as u64 + HEADERS_BYTES;
        if !self.credentials.has(credential, bytes, now.ms) {
            return Err(Dropped::CredentialRate);
        }
        if !self.addresses.has(address, bytes, now.ms) {
            return Err(Dropped::AddressRate);
        }
        self.credentials.spend(credential, bytes);
        self.addresses.spend(address, bytes);
        Ok(())
    }

    /// An id that no other indication of this server has. Nothing answers it, so it need not be
    /// hard to guess.
    fn next_indication(&mut self) -> Transaction {
        self.indications = self.indications.wrapping_add(1);
        let mut id = *b"data........";
        id[4..].copy_from_slice(&self.indications.to_be_bytes());
        Transaction(id)
    }

    fn counted<T>(&mut self, relayed: Result<T, Dropped>) -> Option<T> {
        relayed.map_err(|reason| self.counters.drop_one(reason)).ok()
    }
}
