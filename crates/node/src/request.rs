//! What handles ask of the shell, and what it answers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tincan_engine::{Command, CommandError, Reply};
use tokio::sync::oneshot;

use crate::store::QueryError;

/// One question to the shell, with the place for its answer.
#[derive(Debug)]
pub(crate) enum Request {
    /// For the engine.
    Command { command: Command, answer: Answering<Reply> },
    /// Meet people there from now on.
    SetHub { origin: String, answer: Answering<()> },
    /// How the shell stands.
    Status { answer: Answering<ShellStatus> },
    /// End the node.
    Stop,
}

/// Where an answer goes; whoever asked may be gone by then.
pub(crate) type Answering<T> = oneshot::Sender<Result<T, RequestError>>;

/// How the shell of a node stands: what the engine does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellStatus {
    /// The process.
    pub pid: u32,
    /// The version of this program.
    pub version: String,
    /// The home directory.
    pub home: PathBuf,
    /// Seconds since the node was started.
    pub uptime_secs: u64,
    /// The hub in use, if there is one.
    pub hub: Option<String>,
    /// The configured brokers, without passwords.
    pub brokers: Vec<String>,
    /// The addresses and ports offered to peers.
    pub addresses: Vec<String>,
    /// WebRTC connections, in whatever state.
    pub connections: u64,
    /// What the network sent that fits nowhere, since the start, by reason. The engine counts
    /// what it dropped itself in its own `Status`.
    #[serde(default)]
    pub dropped: BTreeMap<String, u64>,
    /// By how many milliseconds this machine's clock is behind the hub's, once asked; negative
    /// if it is ahead. Nothing fails because of it, but messages carry the wrong time.
    #[serde(default)]
    pub clock_behind_ms: Option<i64>,
    /// Why relays could not be used the last time, of each that has not worked since.
    #[serde(default)]
    pub relay_failures: Vec<RelayFailure>,
}

/// A relay that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayFailure {
    /// Which one (RFC 7065).
    pub url: String,
    /// Why, in a sentence without an end.
    pub reason: String,
    /// Seconds since then.
    pub secs_ago: u64,
}

/// Why a request was not done. The message says what the person can do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The engine says no.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The store says no.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The shell says no.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// The node has ended, or the connection to it has.
    #[error("the node is not running any more; start it again")]
    Closed,
}

/// Why the shell did not do something.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum ShellError {
    /// The invite's people meet elsewhere than we do.
    #[error(
        "this invite is for {theirs}, and this node uses {ours}; \
         use another home directory for it, or move this one with --hub {theirs}"
    )]
    OtherMeetingPlace {
        /// Where we meet people.
        ours: String,
        /// Where they do.
        theirs: String,
    },
    /// The hub's origin, or a broker's address in an invite, is none.
    #[error("{reason}")]
    BadAddress {
        /// In words that say what to write instead.
        reason: String,
    },
    /// What was decided could not be saved.
    #[error("not saved: {reason}")]
    NotSaved {
        /// In the store's words.
        reason: String,
    },
    /// A line on the control socket that means nothing.
    #[error("{reason}; see docs/control-socket.md")]
    BadRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// Too many requests of one connection wait for their answers.
    #[error("too many requests wait; send the next one after an answer")]
    Busy,
}
