//! The server as a whole, under a clock of the tests' own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod addresses;
mod allocate;
mod authentication;
mod binding;
mod channels;
mod families;
mod garbage;
mod lifetimes;
mod permissions;
mod probe;
mod quotas;
mod rates;
mod relayed_to_relayed;
mod streams;
mod turn_client;
mod world;
