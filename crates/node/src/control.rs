//! The control socket: JSON lines on a Unix socket in the home directory, so that a second
//! process uses the node that runs instead of fighting it for the broker. Documented in
//! `docs/control-socket.md`.

mod client;
mod connection;
mod line;
mod server;

use std::path::PathBuf;

use thiserror::Error;

pub(crate) use client::{Client, Heard, Screen, Update};
pub(crate) use connection::read_line;
pub(crate) use line::{Ask, answer, parse, request};
pub(crate) use server::ControlServer;

/// Why the control socket cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// Nobody listens there.
    #[error("no node runs on {}; start one first", home.display())]
    NotRunning {
        /// The home directory.
        home: PathBuf,
    },
    /// The path does not fit into a socket's address, which holds about 100 bytes.
    #[error(
        "the path {} is too long for a socket; use a home directory with a shorter path",
        path.display()
    )]
    PathTooLong {
        /// The socket.
        path: PathBuf,
    },
    /// Something else; the reason is the system's.
    #[error("the control socket {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The socket.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
