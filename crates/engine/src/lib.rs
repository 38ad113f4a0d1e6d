//! What happens: the protocol core of Tincan, sans-IO and deterministic.
//!
//! [`Engine`] takes one [`Input`] after the other and gives [`Output`]s; shells move the bytes.
//! Screens see [`Command`]s, [`Event`]s and [`Query`]s only.

mod backoff;
mod batch;
mod book;
mod broker;
mod candidates;
pub mod command;
mod config;
pub mod contact;
mod delivery;
mod engine;
pub mod event;
mod farewell;
mod held_frames;
mod id_time;
mod inbox;
pub mod input;
mod offer;
mod outbox;
pub mod output;
mod peer;
mod pool;
mod prekeys;
mod presence;
pub mod query;
mod receive;
mod recovery;
mod rejects;
mod relay_only;
mod relayed;
mod replays;
mod requests;
mod session;
mod signaling;
mod silence;
pub mod store;
pub mod time;
mod timer;
mod transactions;
mod verify;
pub mod words;

pub use command::{Command, CommandError, Reply, Target};
pub use config::Config;
pub use contact::{Contact, ContactStatus};
pub use engine::Engine;
pub use event::{
    Alarm, BrokerState, BrokerView, ContactView, Delivery, Ending, Event, MessageKind, MessageView,
    Path, PeerState, PeerView, RequestView, Status,
};
pub use held_frames::{HeldFrames, MAX_HELD_BYTES, TooMuchHeld};
pub use input::{BrokerInput, Input, PeerInput, StoreFailure, Unreadable};
pub use output::{BrokerOutput, Output, PeerOutput};
pub use query::{Answer, Cursor, Query, Summary};
pub use time::Time;
