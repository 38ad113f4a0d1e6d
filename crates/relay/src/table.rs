//! All allocations, found by client, by socket, by relayed address and by time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use foldhash::fast::FixedState;

use crate::address::Family;
use crate::allocation::{Allocation, Relay};
use crate::client::Client;
use crate::output::RelayId;

/// The allocations, at most `max` of them. Nothing iterates over the hash map, whose order
/// depends on its seed.
#[derive(Debug)]
pub(crate) struct Table {
    max: usize,
    slots: Vec<Slot>,
    free: Vec<SlotId>,
    by_client: HashMap<Client, SlotId, FixedState>,
    by_relay: BTreeMap<SocketAddr, RelayId>,
    by_end: BTreeSet<(u64, SlotId)>,
}

/// A place for an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotId(u32);

impl SlotId {
    /// The place that a socket's allocation has or had.
    pub(crate) fn of(relay: RelayId) -> Self {
        Self(relay.slot)
    }
}

#[derive(Debug)]
struct Slot {
    /// Counts the allocations that had this place.
    generation: u32,
    allocation: Option<Box<Allocation>>,
}

impl Table {
    pub(crate) fn new(max: usize, seed: u64) -> Self {
        Self {
            max,
            slots: Vec::new(),
            free: Vec::new(),
            by_client: HashMap::with_hasher(FixedState::with_seed(seed)),
            by_relay: BTreeMap::new(),
            by_end: BTreeSet::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_client.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max
    }

    /// `None` if the table is full; the client must not have an allocation.
    pub(crate) fn insert(&mut self, allocation: Allocation) -> Option<SlotId> {
        if self.is_full() {
            return None;
        }
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                let id = SlotId(u32::try_from(self.slots.len()).ok()?);
                self.slots.push(Slot { generation: 0, allocation: None });
                id
            }
        };
        let slot = self.slots.get_mut(id.0 as usize)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.by_client.insert(allocation.client, id);
        self.by_end.insert((allocation.ends_ms, id));
        slot.allocation = Some(Box::new(allocation));
        Some(id)
    }

    pub(crate) fn of_client(&self, client: &Client) -> Option<SlotId> {
        self.by_client.get(client).copied()
    }

    pub(crate) fn get(&self, id: SlotId) -> Option<&Allocation> {
        self.slots.get(id.0 as usize)?.allocation.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: SlotId) -> Option<&mut Allocation> {
        self.slots.get_mut(id.0 as usize)?.allocation.as_deref_mut()
    }

    /// The allocation that a socket belongs to, if it is still there.
    pub(crate) fn of_relay(&self, relay: RelayId) -> Option<SlotId> {
        let slot = self.slots.get(relay.slot())?;
        let is_alive = slot.generation == relay.generation && slot.allocation.is_some();
        is_alive.then_some(SlotId(relay.slot))
    }

    /// The name of an allocation's socket.
    pub(crate) fn relay_id(&self, id: SlotId, family: Family) -> RelayId {
        let generation = self.slots.get(id.0 as usize).map_or(0, |slot| slot.generation);
        RelayId { slot: id.0, generation, family }
    }

    /// Whose relayed address it is.
    pub(crate) fn relay_at(&self, address: SocketAddr) -> Option<RelayId> {
        self.by_relay.get(&address).copied()
    }

    /// Notes the address of a socket; `false` if the address is of another family or taken.
    pub(crate) fn open(&mut self, relay: RelayId, address: SocketAddr) -> bool {
        let is_wrong = Family::of(address.ip()) != relay.family;
        if is_wrong || self.by_relay.contains_key(&address) {
            return false;
        }
        self.by_relay.insert(address, relay);
        if let Some(allocation) = self.get_mut(SlotId(relay.slot)) {
            allocation.relays.set(relay.family, Relay::Open(address));
        }
        true
    }

    /// Takes the address of a socket away; `true` if it was open.
    pub(crate) fn close(&mut self, relay: RelayId, state: Relay) -> bool {
        let Some(allocation) = self.get_mut(SlotId(relay.slot)) else { return false };
        let address = allocation.relays.address(relay.family);
        allocation.relays.set(relay.family, state);
        address.is_some_and(|address| self.by_relay.remove(&address).is_some())
    }

    /// Lets an allocation end at another time.
    pub(crate) fn set_end(&mut self, id: SlotId, ends_ms: u64) {
        let Some(allocation) = self.get_mut(id) else { return };
        let before_ms = std::mem::replace(&mut allocation.ends_ms, ends_ms);
        self.by_end.remove(&(before_ms, id));
        self.by_end.insert((ends_ms, id));
    }

    /// When the first one ends.
    pub(crate) fn next_end_ms(&self) -> Option<u64> {
        self.by_end.first().map(|(ends_ms, _)| *ends_ms)
    }

    /// The first one whose time is over.
    pub(crate) fn ended(&self, now_ms: u64) -> Option<SlotId> {
        self.by_end.first().filter(|(ends_ms, _)| *ends_ms <= now_ms).map(|(_, id)| *id)
    }

    /// Takes an allocation out, after [`close`](Self::close) for each of its sockets.
    pub(crate) fn remove(&mut self, id: SlotId) -> Option<Box<Allocation>> {
        let allocation = self.slots.get_mut(id.0 as usize)?.allocation.take()?;
        self.by_client.remove(&allocation.client);
        self.by_end.remove(&(allocation.ends_ms, id));
        self.free.push(id);
        Some(allocation)
    }
}
