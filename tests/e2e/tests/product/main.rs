//! The whole product, as real processes on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod bad_surroundings;
mod chat;
mod clock;
mod conversation;
mod doctor;
mod echo_bot;
mod ends;
mod full_disk;
mod hub_certificate;
mod json_chat;
mod json_output;
mod killed;
mod mesh;
mod nonsense_hub;
mod own_hub;
mod path_in_view;
mod refused_token;
mod requests;
mod second_command;
mod secure_hub;
mod terminal;
mod two_terminals;
