//! The NAT laboratory: two hosts behind two chosen routers, and a public network with a server,
//! made of network name spaces, virtual cables and nftables; and the product in them.
//!
//! ```text
//! a --- ra ---+                      203.0.113.0/24, 2001:db8:113::/64
//! (host) (NAT) |--- br0 in `pub` --- server (.10 and .11, ::10 and ::11; `hub.test` is .10)
//! b --- rb ---+
//!             (behind a carrier: ra and rb hang on one router `cgn`, 100.64.0.0/24)
//! ```
//!
//! [`Enclosure`] takes the program into name spaces of its own, [`Lab`] builds the networks,
//! [`probe`] proves what the routers do, [`Meeting`] lets two nodes meet in it, [`Trial`] judges
//! one pair, and the scenes worsen the network under them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod binary;
mod control;
mod doctor;
mod enclosure;
mod flow;
mod hosting;
mod hub;
mod ice;
mod impairment;
mod kind;
mod lab;
mod machine;
mod matrix;
mod meeting;
mod node;
mod pair;
mod path;
mod picture;
mod plan;
pub mod probe;
mod rebinding;
mod record;
mod rules;
mod scene;
mod service;
mod talk;
mod trial;
mod visit;
mod visitor;
mod visits;
mod wire;

pub use binary::binary;
pub use control::{Control, Events};
pub use doctor::doctor;
pub use enclosure::Enclosure;
pub use flow::{Flow, FlowCounter};
pub use hosting::{Hosting, is_installed};
pub use hub::Hub;
pub use impairment::{Cut, Loss};
pub use kind::{Filtering, Kind, Mapping, Nat};
pub use lab::{Lab, Layout};
pub use machine::Machine;
pub use matrix::{Matrix, Row};
pub use meeting::{Apart, Meeting, Opened};
pub use node::Node;
pub use pair::{Expect, Pair, pairs};
pub use path::{Reported, Taken, Way};
pub use picture::svg;
pub use plan::{Side, is_server};
pub use record::Record;
pub use scene::{Condition, Figure, Scene};
pub use service::Service;
pub use trial::{Outcome, Trial};
pub use visit::{Opener, Visit};
pub use visitor::{Browser, Visitor};
pub use visits::Visits;
pub use wire::Wire;
