//! Refresh requests (RFC 8656 §8).

use crate::address::Family;
use crate::allocation::Relay;
use crate::client::Client;
use crate::error_code::ErrorCode;
use crate::message::attribute::{LIFETIME, REQUESTED_ADDRESS_FAMILY};
use crate::message::{Builder, Message, Method};
use crate::now::Now;
use crate::output::Output;
use crate::server::allocate::{family, lifetime_seconds};
use crate::server::{Server, success};
use crate::table::SlotId;

impl Server {
    /// Prolongs an allocation, or ends it with a lifetime of zero; with a family, only that
    /// relayed address ends.
    pub(super) fn refresh(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
    ) -> Result<Builder, ErrorCode> {
        let id = self.ready_allocation(client)?;
        let relays = self.table.get(id).ok_or(ErrorCode::AllocationMismatch)?.relays;
        let only = message.find(REQUESTED_ADDRESS_FAMILY).map(family).transpose();
        let only = only.map_err(|code| match code {
            ErrorCode::AddressFamilyNotSupported => ErrorCode::PeerAddressFamilyMismatch,
            other => other,
        })?;
        if only.is_some_and(|family| relays.address(family).is_none()) {
            return Err(ErrorCode::PeerAddressFamilyMismatch);
        }
        let is_end = message.number(LIFETIME).map_err(|_| ErrorCode::BadRequest)? == Some(0);
        let lifetime_seconds = if is_end { 0 } else { lifetime_seconds(message)? };
        match (is_end, only) {
            (true, Some(family)) => self.end_family(now, id, family),
            (true, None) => self.end(now, id),
            (false, _) => self.table.set_end(id, now.ms + u64::from(lifetime_seconds) * 1000),
        }
        let answer = success(Method::Refresh, message.transaction());
        Ok(answer.number(LIFETIME, lifetime_seconds))
    }

    fn end_family(&mut self, now: Now, id: SlotId, family: Family) {
        let relay = self.table.relay_id(id, family);
        if self.table.close(relay, Relay::Closed) {
            self.outputs.push_back(Output::Close(relay));
        }
        self.end_without_relays(now, id);
    }

    /// The client's allocation, once it has been answered.
    pub(super) fn ready_allocation(&self, client: &Client) -> Result<SlotId, ErrorCode> {
        let id = self.table.of_client(client).ok_or(ErrorCode::AllocationMismatch)?;
        let is_ready =
            self.table.get(id).is_some_and(|allocation| !allocation.relays.are_opening());
        if is_ready { Ok(id) } else { Err(ErrorCode::AllocationMismatch) }
    }
}
