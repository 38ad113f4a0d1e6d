//! A hub: what a group of Tincan users needs to find each other, in one process.
//!
//! It holds an MQTT broker that only lets users talk to each other's topics, a web site with what
//! clients must know before they connect, and a STUN and TURN relay. It sees user ids, topics, sizes
//! and times, and never what people say: that is sealed (protocol §3) and goes past it.
//!
//! [`Hub::start`] opens everything, [`Hub::addresses`] says where, [`Hub::shutdown`] ends it.
//! `tincan hub` runs one by itself; `tincan chat` embeds one.
//!
//! Logs go through `tracing`. Neither ids nor addresses are in them unless
//! [`Config::log_ids`] says so; the broker library inside logs both, so give the subscriber a
//! filter that ends in [`LOG_DIRECTIVES`].

mod access;
mod authority;
mod broker;
mod clock;
mod config;
#[doc(hidden)]
pub mod fuzzing;
mod hub;
mod limits;
mod log;
mod relay;
mod site;
mod stream;
mod tasks;
mod tls;

pub use broker::StorageError;
pub use config::{Config, Limits, Ports, RelayAddress, RelayConfig, TlsConfig};
pub use hub::{Addresses, Hub, HubError, Stats};
pub use tls::{CertificateError, CertificateWarning};

/// Directives for a `tracing` filter that silence libraries which log ids and addresses.
pub const LOG_DIRECTIVES: &str = "mqtt5=off,mqtt5_protocol=off";
