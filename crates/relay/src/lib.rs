//! A STUN and TURN server (RFC 8489, RFC 8656), sans-IO.
//!
//! [`Server`] is the whole of it: it opens no socket, reads no clock and draws no random numbers.
//! Datagrams and stream frames go in, values that say what to send where come out. [`Frames`]
//! cuts a TCP or TLS stream into such frames. [`message`] and [`request`] are the two sides'
//! messages, which a client can use as well.

mod address;
mod allocation;
mod answers;
mod bucket;
mod channel_data;
mod client;
mod config;
mod counters;
mod credential;
mod error_code;
mod frames;
mod mac;
pub mod message;
mod nonce;
mod now;
mod output;
mod peers;
mod probe;
pub mod request;
mod server;
mod shares;
mod table;
pub mod turn_client;

pub use address::{AddressKey, Family};
pub use bucket::Rate;
pub use channel_data::ChannelNumber;
pub use client::{Client, Transport};
pub use config::{Config, Families};
pub use counters::{Counters, Dropped, Traffic};
pub use credential::{Credential, Key, MAX_USERNAME_BYTES, Secret, Secrets};
pub use error_code::ErrorCode;
pub use frames::{Frames, FramingError, MAX_FRAME_BYTES, MAX_STRANGER_FRAME_BYTES};
pub use now::Now;
pub use output::{MAX_PREFIX_BYTES, Output, Prefix, RelayId, ToClient, ToPeer};
pub use probe::{AnswerFrom, wants_change};
pub use server::Server;
