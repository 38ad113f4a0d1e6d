//! What a caller publishes.

use std::time::Duration;

/// The delivery guarantee of a publish or a subscription. QoS 2 is not used by the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qos {
    /// QoS 0: sent once if a connection is up, else dropped.
    AtMostOnce,
    /// QoS 1: kept until the broker acknowledges it.
    AtLeastOnce,
}

/// A message for a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The topic, without wildcards.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The guarantee asked for.
    pub qos: Qos,
    /// How long it is worth anything, counted from [`Session::publish`](crate::Session::publish).
    /// With MQTT 5 the broker is told (message expiry interval, in whole seconds, rounded up); in
    /// both versions it is not sent after that.
    pub expiry: Option<Duration>,
    /// The caller's own number, handed back in `Acked` and `Dropped`.
    pub token: u64,
}

/// As many QoS 1 publishes wait as [`Config::max_queued`](crate::Config::max_queued) allows.
///
/// The publish was not taken; try again after an `Acked` or `Dropped` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{queued} publishes wait for the broker; try again when some are acknowledged")]
pub struct QueueFull {
    /// How many wait.
    pub queued: usize,
}
