//! What a node waits for, and since when: each wait has its bound (invariant 4).

use std::collections::BTreeMap;
use std::time::Duration;

use tincan_engine::{BrokerState, PeerState, Time};
use tincan_wire::{SessionId, UserId};

use super::World;
use crate::invariant::Invariant;

/// From CONNECT to an answer (protocol §8).
const CONNECTING: Duration = Duration::from_secs(10);
/// From the start of a session to its hello: 15 s for the channel, 10 s for hello.
const UNVERIFIED: Duration = Duration::from_secs(25);
/// From *disconnected* to the end.
const DISCONNECTED: Duration = Duration::from_secs(5 * 60);

/// The waits of one process, each with its beginning in the process's own time.
#[derive(Debug, Default)]
pub(super) struct Waits {
    connecting: Option<Time>,
    unverified: BTreeMap<SessionId, Time>,
    disconnected: BTreeMap<UserId, Time>,
}

impl Waits {
    pub(super) fn link(&mut self, state: BrokerState, now: Time) {
        self.connecting = (state == BrokerState::Connecting).then_some(now);
    }

    pub(super) fn session_begins(&mut self, sid: SessionId, now: Time) {
        self.unverified.entry(sid).or_insert(now);
    }

    pub(super) fn session_settles(&mut self, sid: SessionId) {
        self.unverified.remove(&sid);
    }

    pub(super) fn session(&mut self, contact: UserId, state: PeerState, now: Time) {
        if state == PeerState::Disconnected {
            self.disconnected.entry(contact).or_insert(now);
        } else {
            self.disconnected.remove(&contact);
        }
    }

    /// The process got no time, or its clock leapt: what waits is not late because of that.
    pub(super) fn begin_anew(&mut self, now: Time) {
        let waits = self.unverified.values_mut().chain(self.disconnected.values_mut());
        waits.chain(self.connecting.as_mut()).for_each(|since| *since = now);
    }

    fn overdue(&self, now: Time) -> Option<String> {
        let late = |since: &Time, bound: Duration| now.since(*since) > bound;
        if self.connecting.is_some_and(|since| late(&since, CONNECTING)) {
            return Some("the broker's answer".into());
        }
        if self.unverified.values().any(|since| late(since, UNVERIFIED)) {
            return Some("a session's hello".into());
        }
        let lost = self.disconnected.values().any(|since| late(since, DISCONNECTED));
        lost.then(|| "a path that is lost".into())
    }
}

impl World {
    /// Nobody waits for longer than the protocol says. A process that has not been given its time
    /// yet is not asked.
    pub(super) fn check_waits(&mut self) {
        for node in 0..self.nodes.len() {
            let slot = &self.nodes[node];
            let Some(engine) = &slot.engine else { continue };
            let local = slot.local(self.now);
            let Some(deadline) = engine.deadline() else {
                return self.broken(Invariant::NothingWaits, format!("{node} has no deadline"));
            };
            if deadline <= local || slot.asleep_until > self.now {
                continue;
            }
            if let Some(what) = slot.waits.overdue(local) {
                return self.broken(Invariant::NothingWaits, format!("{node} waits for {what}"));
            }
        }
    }
}
