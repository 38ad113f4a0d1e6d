//! A broker that means harm, and those who may help it.
//!
//! [`HostileBroker`] is a real hub with a man in the middle of every connection to it. Real nodes
//! ([`Person`]) meet there; [`Adversary`] is somebody with keys of their own who has the broker
//! deliver whatever they make, and [`LinkEnd`] is their end of a WebRTC connection.

mod adversary;
mod broker;
mod connection;
mod crashing;
mod letter;
mod link_end;
mod packet;
mod person;
mod sealing;

pub use adversary::Adversary;
pub use broker::{Fate, HostileBroker};
pub use crashing::CrashingNode;
pub use letter::{Letter, Posted};
pub use link_end::{LinkEnd, redescribed};
pub use person::{PATIENCE, Person, Watched};
pub use sealing::Tag;
