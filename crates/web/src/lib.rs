//! The browser shell: it moves bytes between the engine and what a browser has.
#![cfg(target_arch = "wasm32")]

mod backup;
mod broker;
mod browser;
mod channel;
mod client;
mod clock;
mod doctor;
mod hub;
mod later;
mod loading;
mod lock;
mod origin;
mod peers;
mod shell;
mod standing;
mod store;
mod tab;
mod timer;
mod words;

pub use client::{Client, Imported, Notice, RequestError, StartError};
pub use doctor::examine;
pub use loading::{NotLoaded, load_later};
pub use standing::{Role, Settings, Standing, Storage};
