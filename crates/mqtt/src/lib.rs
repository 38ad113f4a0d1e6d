//! One MQTT client session, without input or output of its own.
//!
//! [`Session`] speaks MQTT 5 and, where a broker does not, MQTT 3.1.1, with QoS 0 and 1. It lives
//! across transport connections: it keeps what has not been acknowledged, the subscriptions and
//! the version the broker speaks. It opens no socket and reads no clock; time arrives as
//! milliseconds of any monotonic clock, bytes and events leave through [`Session::poll`].
//!
//! The owner decides when to connect, over which transport (TCP, TLS or a WebSocket with the
//! subprotocol `mqtt`) and with which credentials. Packets are parsed and printed by
//! `mqtt-protocol-core`; the state is kept here, because that crate's own connection type can be
//! made to panic by what a broker sends.
//!
//! ```
//! use tincan_mqtt::{Config, Credentials, Output, Qos, Session};
//!
//! let mut session = Session::new(Config::default());
//! session.subscribe("user/me/+", Qos::AtLeastOnce);
//! session.transport_connected(0, Credentials::anonymous("tin0011223344556677"));
//! while let Some(output) = session.poll() {
//!     match output {
//!         Output::Transmit(bytes) => assert_eq!(bytes[0] >> 4, 1, "write it: a CONNECT"),
//!         Output::CloseTransport => { /* close the socket */ }
//!         Output::Event(event) => { /* tell the engine */ drop(event) }
//!     }
//! }
//! ```

mod config;
mod event;
mod incoming;
mod keepalive;
mod outbox;
mod outgoing;
mod publish;
mod session;
mod subscriptions;
mod version;

pub use config::{Config, Credentials};
pub use event::{CloseReason, DropReason, Event, Output, Refusal};
pub use incoming::ProtocolError;
pub use publish::{Publish, Qos, QueueFull};
pub use session::Session;
pub use version::Version;
