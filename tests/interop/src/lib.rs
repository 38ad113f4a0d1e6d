//! Real brokers.

pub mod browser;
pub mod browser_link;
pub mod browser_signal;
pub mod mosquitto;
