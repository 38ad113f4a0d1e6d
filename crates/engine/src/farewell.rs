//! A program that ends, and says so (protocol §4, "Heartbeat").
//!
//! A broker keeps no order between topics, and a data channel none with a broker: what a run has
//! said before its farewell may be read after it, and is no sign of life any more.

use tincan_wire::{Body, ChatStatus, DeviceId, Leaf, UserId};

use crate::engine::Engine;
use crate::peer::Peer;
use crate::signaling::Origin;
use crate::time::Time;

/// Why such a body is dropped.
pub(crate) const RUN_HAS_ENDED: &str = "of a run that has ended";

impl Engine {
    /// We end: who is connected hears our bye, and who is online without that hears it from the
    /// broker.
    pub(crate) fn take_leave(&mut self, id: UserId, now: Time) {
        let hears_no_bye = |peer: &Peer| !peer.is_connected() && peer.online;
        if self.peers.get(&id).is_some_and(hears_no_bye) {
            self.publish_chat_presence(id, ChatStatus::Left, now);
        }
        self.say_bye(id, "shutdown", now);
    }

    /// The contact's run says by the broker that it ends.
    pub(crate) fn handle_left(&mut self, from: UserId, run: (DeviceId, u64)) {
        self.run_ended(from, run);
        // Unless they live on at another place, or have come back: the channel is proof.
        self.contact_offline(from);
    }

    /// Nothing comes of this run of theirs any more.
    pub(crate) fn run_ended(&mut self, id: UserId, run: (DeviceId, u64)) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.ended_run = Some(run);
        }
    }

    /// Whether the run has said that it ends.
    pub(crate) fn has_ended(&self, from: UserId, origin: Origin) -> bool {
        let ended = self.peers.get(&from).and_then(|peer| peer.ended_run);
        ended.is_some_and(|(dev, ep)| origin.dev == dev && origin.ep <= ep)
    }
}

/// Whether a body means something even though its sender has gone.
pub(crate) fn outlives_its_sender(body: &Body) -> bool {
    matches!(body.leaf(), Leaf::ContactRequest | Leaf::ContactResponse)
}
