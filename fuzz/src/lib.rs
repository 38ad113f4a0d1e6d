//! The bodies of the fuzz targets: each reads arbitrary bytes with one parser, or feeds them to one
//! state machine, and panics if what comes of it breaks a rule.
//!
//! With nightly: `cargo fuzz run frame`. On stable, `cargo test` here replays the corpus and
//! damaged copies of it; `cargo xtask test` does.

mod backup;
mod config;
pub mod control;
pub mod engine;
pub mod hub;
pub mod link;
mod messages;
pub mod mqtt;
mod pieces;
pub mod relay;

pub use backup::backup;
pub use config::config;
pub use control::control;
pub use engine::engine;
pub use hub::hub;
pub use link::{link, link_open, stun};
pub use messages::{
    access_token, display_name, envelope, frame, ids, invite, json, ranges, sdp, signal, topic,
    user_id,
};
pub use mqtt::mqtt;
pub use pieces::sequence;
pub use relay::relay;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 22] = [
    ("access_token", access_token),
    ("backup", backup),
    ("config", config),
    ("control", control),
    ("display_name", display_name),
    ("engine", engine),
    ("envelope", envelope),
    ("frame", frame),
    ("hub", hub),
    ("ids", ids),
    ("invite", invite),
    ("json", json),
    ("link", link),
    ("link_open", link_open),
    ("mqtt", mqtt),
    ("ranges", ranges),
    ("relay", relay),
    ("sdp", sdp),
    ("signal", signal),
    ("stun", stun),
    ("topic", topic),
    ("user_id", user_id),
];
