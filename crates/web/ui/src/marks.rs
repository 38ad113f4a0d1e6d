//! Delivery marks: how far a message of ours has come, as a sign and in words.

use tincan_engine::Delivery;

/// The stable name of a state, for styles and tests.
#[must_use]
pub fn name(state: Delivery) -> &'static str {
    match state {
        Delivery::Queued => "queued",
        Delivery::Sent => "sent",
        Delivery::Delivered => "delivered",
        Delivery::Read => "read",
        Delivery::Failed => "failed",
    }
}

/// The word that stands for the sign.
#[must_use]
pub fn word(state: Delivery) -> &'static str {
    match state {
        Delivery::Queued => "Waiting",
        Delivery::Sent => "Sent",
        Delivery::Delivered => "Delivered",
        Delivery::Read => "Read",
        Delivery::Failed => "Not delivered",
    }
}

/// What the state means, in a sentence.
#[must_use]
pub fn sentence(state: Delivery) -> &'static str {
    match state {
        Delivery::Queued => "Waits on this device and goes out as soon as there is a way.",
        Delivery::Sent => "On its way; their device has not confirmed it yet.",
        Delivery::Delivered => "Saved on their device.",
        Delivery::Read => "Shown to them.",
        Delivery::Failed => "Cancelled, or not delivered within 30 days.",
    }
}

/// The lines of the sign in a box of 16: a clock, one tick, two ticks, an exclamation mark.
#[must_use]
pub fn path(state: Delivery) -> &'static str {
    match state {
        Delivery::Queued => "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.2l2 1.3",
        Delivery::Sent => "M3 8.5l3.2 3.2L13 5",
        Delivery::Delivered | Delivery::Read => "M.8 8.5l3.2 3.2L10.6 5M7.6 11.2l.6.5L15 5",
        Delivery::Failed => "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.6M8 10.8v.2",
    }
}
