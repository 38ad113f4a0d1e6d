//! The engine against itself: two and more users in one virtual time, one file per concept.
//!
//! One binary for all of them, so that the world is compiled and linked once.

#![allow(unreachable_pub, dead_code, reason = "each file uses its part of the world")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod attempts;
mod batching;
mod broker_link;
mod cancel;
mod contacts;
mod duplicates;
mod farewell;
mod first_words;
mod garbage;
mod glare;
mod hello;
mod mesh;
mod outbox;
mod pool;
mod presence;
mod receipts;
mod recovery;
mod relay_only;
mod restart;
mod restore;
mod signaling;
mod silence;
mod strangers;
mod trickle;
mod world;
