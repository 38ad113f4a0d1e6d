//! What a network and a machine were seen to do, and what that means for a chat.
//!
//! A shell measures, in whatever way it can, and fills in [`Measurements`]; [`diagnose`] says in
//! words what they mean and what to do. Nothing here opens a socket or reads a clock. All words
//! stand here, so that a terminal and a page say the same.
//!
//! A [`Text`] knows which parts of it must not be published: a [`report`](Diagnosis::report) names
//! no host, address, path or id, and can be given to anybody.

mod broker;
mod certificate;
mod check;
mod clock;
mod diagnosis;
mod direct;
mod fault;
mod finding;
mod hub;
mod ipv6;
mod mtu;
mod multicast;
mod nat;
mod place;
mod relay;
mod report;
mod running;
mod storage;
mod text;
mod udp;

pub use broker::{Broker, Reached};
pub use certificate::{Certificate, last_second};
pub use check::Check;
pub use diagnosis::{Diagnosis, Measurements, MeetingPlace, diagnose};
pub use fault::Fault;
pub use finding::{Finding, Verdict};
pub use hub::Hub;
pub use ipv6::Ipv6;
pub use mtu::{MTU_SIZES, Mtu, NEEDED_BYTES};
pub use multicast::Multicast;
pub use nat::{Filtering, Mapping, Nat};
pub use place::{Place, Way};
pub use relay::{Relay, Relayed};
pub use report::Style;
pub use running::Running;
pub use storage::{Database, Storage, StorageFault};
pub use text::Text;
pub use udp::{Stun, StunAnswer};
