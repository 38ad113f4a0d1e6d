//! Allocate requests (RFC 8656 §7).

use crate::address::Family;
use crate::allocation::{Allocation, Channels, Permissions, Relay, Relays, Request};
use crate::client::Client;
use crate::config::Families;
use crate::credential::Name;
use crate::error_code::ErrorCode;
use crate::message::attribute::{
    ADDITIONAL_ADDRESS_FAMILY, ADDRESS_ERROR_CODE, EVEN_PORT, LIFETIME, REQUESTED_ADDRESS_FAMILY,
    REQUESTED_TRANSPORT, RESERVATION_TOKEN, SOFTWARE, XOR_MAPPED_ADDRESS, XOR_RELAYED_ADDRESS,
};
use crate::message::{Builder, Message, Method};
use crate::now::Now;
use crate::output::Output;
use crate::server::authentication::Identity;
use crate::server::{SOFTWARE_NAME, Server, close_message, error, success};
use crate::shares::ShareId;
use crate::table::SlotId;

/// What a client gets that asks for less, or for nothing (RFC 8656 §3.2).
const DEFAULT_LIFETIME_SECONDS: u32 = 600;

/// What a client gets that asks for more.
const MAX_LIFETIME_SECONDS: u32 = 3_600;

/// How long the shell may take to open a socket, in milliseconds. Clients repeat a request for
/// some 40 s, but soon look for another relay.
const OPENING_MS: u64 = 5_000;

/// The bit of EVEN-PORT that asks for the next port, too (RFC 8656 §18.6).
const RESERVE: u8 = 0x80;

/// The protocol number of UDP.
const UDP: u8 = 17;

impl Server {
    /// Makes an allocation; the answer follows when the shell has opened its sockets.
    pub(super) fn allocate(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        identity: &Identity<'_>,
    ) -> Result<Option<Builder>, ErrorCode> {
        if let Some(id) = self.table.of_client(client) {
            return self.allocate_again(id, message, identity);
        }
        let (relays, even_port) = wanted(message, self.config.families)?;
        let request = Request {
            transaction: message.transaction(),
            has_fingerprint: message.has_fingerprint(),
            lifetime_seconds: lifetime_seconds(message)?,
        };
        let (credential_share, address_share) = self.enter(now, client, identity)?;
        let id = self.table.insert(Allocation {
            client: *client,
            username: identity.username.into(),
            key: identity.key.clone(),
            request,
            relays,
            ends_ms: now.ms + OPENING_MS,
            permissions: Permissions::default(),
            channels: Channels::default(),
            credential_share,
            address_share,
        });
        let id = id.ok_or(ErrorCode::InsufficientCapacity)?;
        for (family, _) in relays.iter().filter(|(_, relay)| *relay == Relay::Opening) {
            let relay = self.table.relay_id(id, family);
            self.outputs.push_back(Output::Open { relay, even_port });
        }
        Ok(None)
    }

    /// The same request once more gets the same answer, which may have been lost.
    fn allocate_again(
        &self,
        id: SlotId,
        message: &Message<'_>,
        identity: &Identity<'_>,
    ) -> Result<Option<Builder>, ErrorCode> {
        let allocation = self.table.get(id).ok_or(ErrorCode::AllocationMismatch)?;
        let is_same = allocation.request.transaction == message.transaction()
            && *allocation.username == *identity.username;
        if !is_same {
            return Err(ErrorCode::AllocationMismatch);
        }
        Ok((!allocation.relays.are_opening()).then(|| granted(allocation)))
    }

    /// Counts the allocation with its user and its address.
    fn enter(
        &mut self,
        now: Now,
        client: &Client,
        identity: &Identity<'_>,
    ) -> Result<(ShareId, ShareId), ErrorCode> {
        if self.table.is_full() {
            return Err(ErrorCode::InsufficientCapacity);
        }
        let name = Name::parse(identity.username).ok_or(ErrorCode::Unauthorized)?;
        let credential = self
            .credentials
            .enter(&name.random.into(), now.ms)
            .ok_or(ErrorCode::AllocationQuotaReached)?;
        let Some(address) = self.addresses.enter(&client.remote.ip().into(), now.ms) else {
            self.credentials.leave(credential, now.ms);
            return Err(ErrorCode::AllocationQuotaReached);
        };
        Ok((credential, address))
    }

    /// Answers the request once nothing is left to wait for.
    pub(super) fn finish_allocate(&mut self, now: Now, id: SlotId) {
        let Some(allocation) = self.table.get(id) else { return };
        if allocation.relays.are_opening() {
            return;
        }
        if allocation.relays.open().next().is_none() {
            return self.refuse_allocate(now, id);
        }
        let Request { has_fingerprint, lifetime_seconds, .. } = allocation.request;
        let answer = granted(allocation).attribute(SOFTWARE, SOFTWARE_NAME);
        let client = allocation.client;
        let message = close_message(answer, Some(&allocation.key), has_fingerprint);
        self.table.set_end(id, now.ms + u64::from(lifetime_seconds) * 1000);
        self.counters.allocated += 1;
        self.send(&client, message);
    }

    /// Gives up on an allocation whose sockets the shell could not open.
    pub(super) fn refuse_allocate(&mut self, now: Now, id: SlotId) {
        let Some(allocation) = self.table.get(id) else { return };
        let Request { transaction, has_fingerprint, .. } = allocation.request;
        let answer = error(Method::Allocate, transaction, ErrorCode::InsufficientCapacity);
        let message = close_message(answer, Some(&allocation.key), has_fingerprint);
        let client = allocation.client;
        self.counters.refused += 1;
        self.end(now, id);
        self.send(&client, message);
    }
}

/// The answer to the request that made an allocation.
fn granted(allocation: &Allocation) -> Builder {
    let mut answer = success(Method::Allocate, allocation.request.transaction);
    for (family, relay) in allocation.relays.iter() {
        answer = match relay {
            Relay::Open(address) => answer.xor_address(XOR_RELAYED_ADDRESS, address),
            Relay::Refused(code) => {
                let [_, class] = (code.code() / 100).to_be_bytes();
                let [_, number] = (code.code() % 100).to_be_bytes();
                answer.attribute(ADDRESS_ERROR_CODE, &[family.code(), 0, class, number])
            }
            Relay::Unwanted | Relay::Opening | Relay::Closed => answer,
        };
    }
    answer
        .number(LIFETIME, allocation.request.lifetime_seconds)
        .xor_address(XOR_MAPPED_ADDRESS, allocation.client.remote)
}

/// Which relayed addresses a request asks for, as far as they can be had, and whether their ports
/// must be even.
fn wanted(message: &Message<'_>, families: Families) -> Result<(Relays, bool), ErrorCode> {
    match message.find(REQUESTED_TRANSPORT) {
        Some([UDP, _, _, _]) => {}
        Some([_, _, _, _]) => return Err(ErrorCode::UnsupportedTransport),
        Some(_) | None => return Err(ErrorCode::BadRequest),
    }
    let requested = message.find(REQUESTED_ADDRESS_FAMILY);
    let additional = message.find(ADDITIONAL_ADDRESS_FAMILY);
    let even_port = even_port(message, requested.is_some() || additional.is_some())?;
    let relays = match (requested, additional) {
        (Some(_), Some(_)) => Err(ErrorCode::BadRequest),
        (None, Some(value)) => both(value, families),
        (Some(value), None) => one(family(value)?, families),
        (None, None) => one(Family::V4, families),
    };
    Ok((relays?, even_port))
}

/// Whether ports must be even. The next one beside it is never kept for later, so that there are
/// no reservations to take up either: both are answered with 508 (RFC 8656 §7.2).
fn even_port(message: &Message<'_>, has_family: bool) -> Result<bool, ErrorCode> {
    match (message.find(EVEN_PORT), message.find(RESERVATION_TOKEN)) {
        (None, None) => Ok(false),
        (Some([wish]), None) if wish & RESERVE == 0 => Ok(true),
        (Some([_]), None) => Err(ErrorCode::InsufficientCapacity),
        (None, Some([_, _, _, _, _, _, _, _])) if !has_family => {
            Err(ErrorCode::InsufficientCapacity)
        }
        (Some(_), _) | (_, Some(_)) => Err(ErrorCode::BadRequest),
    }
}

/// Reads the value of REQUESTED-ADDRESS-FAMILY.
pub(super) fn family(value: &[u8]) -> Result<Family, ErrorCode> {
    match value {
        [code, _, _, _] => Family::from_code(*code).ok_or(ErrorCode::AddressFamilyNotSupported),
        _ => Err(ErrorCode::BadRequest),
    }
}

fn one(family: Family, families: Families) -> Result<Relays, ErrorCode> {
    if !families.has(family) {
        return Err(ErrorCode::AddressFamilyNotSupported);
    }
    let choose = |other| if other == family { Relay::Opening } else { Relay::Unwanted };
    Ok(Relays::new(choose))
}

fn both(value: &[u8], families: Families) -> Result<Relays, ErrorCode> {
    if !matches!(family(value), Ok(Family::V6)) {
        return Err(ErrorCode::BadRequest);
    }
    if !families.v4 && !families.v6 {
        return Err(ErrorCode::AddressFamilyNotSupported);
    }
    let choose = |family| match families.has(family) {
        true => Relay::Opening,
        false => Relay::Refused(ErrorCode::AddressFamilyNotSupported),
    };
    Ok(Relays::new(choose))
}

/// For how long an allocation or its renewal lasts (RFC 8656 §7.2).
pub(super) fn lifetime_seconds(message: &Message<'_>) -> Result<u32, ErrorCode> {
    let wanted = message.number(LIFETIME).map_err(|_| ErrorCode::BadRequest)?;
    Ok(wanted.unwrap_or(0).clamp(DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS))
}
