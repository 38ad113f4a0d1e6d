//! Real brokers, browsers and clients of relays.

pub mod browser;
pub mod browser_link;
pub mod browser_signal;
pub mod coturn;
pub mod mosquitto;
