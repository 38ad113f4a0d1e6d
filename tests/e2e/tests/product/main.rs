//! The whole product, as real processes on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod bad_surroundings;
mod chat;
mod clock;
mod conversation;
mod ends;
mod full_disk;
mod mesh;
mod refused_token;
mod requests;
mod second_command;
mod terminal;
