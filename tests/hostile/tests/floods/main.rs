//! 100 MB of whatever somebody else can send, to real processes: none may take more memory than
//! its bound, and each must still do its work afterwards. `docs/bounds.md` lists the bounds.
//!
//! Each test prints what the process held before, at most and after.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod broker_bytes;
mod control;
mod frames;
mod gauge;
mod hub;
mod hub_clients;
mod letters;
mod scene;
mod tls;
mod udp;
