//! The native shell of Tincan and its Rust SDK: an engine with sockets, a disk and a clock.
//!
//! A [`Node`] runs on a thread of its own over a home directory. Everything is asked of it, and
//! heard from it, through a [`Handle`]: here, or in another process of the same user.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = tincan_node::Config::new("/home/anna/.local/share/tincan");
//! config.hub = Some("https://chat.example.org".to_owned());
//! let node = tincan_node::Node::start(config).await?;
//! let handle = node.handle();
//! let mut events = handle.events().await;
//! while let Some(event) = events.next().await {
//!     println!("{event:?}");
//! }
//! # Ok(())
//! # }
//! ```

mod backup;
mod broker;
mod changes;
mod clock;
mod config;
mod control;
mod default_routes;
mod dial;
pub mod doctor;
mod drop_log;
mod events;
mod feed;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod home;
mod hub_client;
mod ice_servers;
mod network;
mod node;
mod peers;
mod relays;
mod request;
mod shell;
pub mod store;
mod udp;
mod whereabouts;

pub use backup::{ExportError, Exported, ImportError, Imported, export, import};
pub use broker::{AddressError, BrokerAddress, MeetingPlaceError, Scheme};
pub use config::Config;
pub use control::ControlError;
pub use events::Events;
pub use handle::Handle;
pub use home::{Home, HomeError};
pub use hub_client::{Origin, OriginError};
pub use node::{Node, NodeError};
pub use request::{RelayFailure, RequestError, ShellError, ShellStatus};
pub use store::{QueryError, StoreError};
pub use tincan_backup::{Passphrase, PassphraseError, ReadError, WriteError};
pub use tincan_engine as engine;
pub use tincan_wire as wire;
