//! A session against a broker that a test scripts byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod connecting;
mod publishing;
mod receiving;
mod rig;
