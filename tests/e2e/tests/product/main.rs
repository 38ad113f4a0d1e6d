//! The whole product, as real processes on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod bad_surroundings;
mod chat;
mod conversation;
mod ends;
mod mesh;
mod second_command;
mod terminal;
