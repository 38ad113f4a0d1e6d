//! The page: everything a person sees of Tincan in a browser.
//!
//! It talks to the shell through `tincan_web::Client` only. The modules that are compiled
//! everywhere hold what needs no browser: they are tested natively.

#![cfg_attr(
    target_arch = "wasm32",
    expect(unreachable_pub, reason = "leptos makes the properties of every component public")
)]

pub mod connection;
pub mod days;
pub mod gallop;
pub mod links;
pub mod marks;
pub mod on_the_way;
pub mod snippet;
pub mod timeline;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod add_dialog;
#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod attention;
#[cfg(target_arch = "wasm32")]
mod avatar;
#[cfg(target_arch = "wasm32")]
mod backup;
#[cfg(target_arch = "wasm32")]
mod badge;
#[cfg(target_arch = "wasm32")]
mod banner;
#[cfg(target_arch = "wasm32")]
mod composer;
#[cfg(target_arch = "wasm32")]
mod contact_dialog;
#[cfg(target_arch = "wasm32")]
mod contacts;
#[cfg(target_arch = "wasm32")]
mod conversation;
#[cfg(target_arch = "wasm32")]
mod copy;
#[cfg(target_arch = "wasm32")]
mod dates;
#[cfg(target_arch = "wasm32")]
mod dialog;
#[cfg(target_arch = "wasm32")]
mod doctor;
#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(target_arch = "wasm32")]
mod history;
#[cfg(target_arch = "wasm32")]
mod icons;
#[cfg(target_arch = "wasm32")]
mod invite_dialog;
#[cfg(target_arch = "wasm32")]
mod later;
mod letters;
#[cfg(target_arch = "wasm32")]
mod loading;
#[cfg(target_arch = "wasm32")]
mod message_dialog;
#[cfg(target_arch = "wasm32")]
mod message_list;
#[cfg(target_arch = "wasm32")]
mod message_row;
#[cfg(target_arch = "wasm32")]
mod message_window;
#[cfg(target_arch = "wasm32")]
mod model;
#[cfg(target_arch = "wasm32")]
mod notices;
#[cfg(target_arch = "wasm32")]
mod notify;
#[cfg(target_arch = "wasm32")]
mod prefs;
#[cfg(target_arch = "wasm32")]
mod qr;
#[cfg(target_arch = "wasm32")]
mod requests;
#[cfg(target_arch = "wasm32")]
mod route;
#[cfg(target_arch = "wasm32")]
mod scanner;
#[cfg(target_arch = "wasm32")]
mod search;
#[cfg(target_arch = "wasm32")]
mod settings;
#[cfg(target_arch = "wasm32")]
mod start;
#[cfg(target_arch = "wasm32")]
mod verify;
#[cfg(target_arch = "wasm32")]
mod watch;
#[cfg(target_arch = "wasm32")]
mod welcome;
