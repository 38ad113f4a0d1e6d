//! What leaves the engine.

use std::time::Duration;

use tincan_wire::{Candidate, SessionId, UserId};

use crate::command::{CommandError, Reply};
use crate::event::Event;
use crate::store::{Op, TransactionId};

/// One thing to be done outside.
#[derive(Clone, Debug)]
pub enum Output {
    /// For the link to the broker.
    Broker(BrokerOutput),
    /// For the WebRTC connection of a session.
    Peer {
        /// Which session.
        sid: SessionId,
        /// With whom, for the shell's log span.
        contact: UserId,
        /// What.
        output: PeerOutput,
    },
    /// Make these changes durable, all or none; answered by `Input::Stored`.
    Store {
        /// For the answer.
        id: TransactionId,
        /// The changes, in order.
        ops: Vec<Op>,
    },
    /// Load from the outbox; answered by `Input::Outbox`.
    LoadOutbox {
        /// For whom.
        contact: UserId,
        /// Positions above this one.
        after: u64,
        /// At most so many messages.
        limit: usize,
        /// Stop once their contents reach so many bytes.
        limit_bytes: usize,
    },
    /// Tell every screen.
    Event(Event),
    /// The answer to `Input::Command`.
    Reply {
        /// The shell's number.
        id: u64,
        /// The answer.
        result: Result<Reply, CommandError>,
    },
    /// The answer to `Input::Challenge`.
    Token {
        /// The shell's number.
        id: u64,
        /// The MQTT client id.
        client_id: String,
        /// The MQTT user name: our user id.
        username: String,
        /// The access token.
        token: String,
    },
}

/// For the link to the broker.
#[derive(Clone, Debug)]
pub enum BrokerOutput {
    /// Open a link: get a challenge and a token where the hub wants one, CONNECT, SUBSCRIBE to
    /// `filter` with QoS 1; then say `Connected`, or `Refused`.
    Connect {
        /// The MQTT client id.
        client_id: String,
        /// Our user id.
        username: String,
        /// The one filter.
        filter: String,
    },
    /// Publish.
    Publish {
        /// The topic.
        topic: String,
        /// The sealed envelope.
        payload: Vec<u8>,
        /// QoS 1 if set, else 0.
        at_least_once: bool,
        /// MQTT 5 message expiry.
        expiry: Duration,
    },
    /// Close the link, whatever its state.
    Disconnect,
}

/// For the WebRTC connection of a session.
#[derive(Clone, Debug)]
pub enum PeerOutput {
    /// Make a connection and its offer; say `OfferReady`, then trickle.
    Offer {
        /// Whether the connection tells of no address of ours, and sends to none of theirs, but
        /// through relays.
        relay_only: bool,
    },
    /// Take their offer: make the connection if there is none under this sid, else restart its
    /// ICE; say `AnswerReady`, then trickle.
    Answer {
        /// Their SDP, its fingerprint checked.
        sdp: String,
        /// As for `Offer`; of no meaning where the connection is there.
        relay_only: bool,
    },
    /// Take their answer to our last offer.
    AcceptAnswer {
        /// Their SDP, its fingerprint checked.
        sdp: String,
    },
    /// Take a candidate of theirs.
    AddCandidate(Candidate),
    /// Write a frame to the channel `chat`.
    Send(String),
    /// Restart ICE; say `OfferReady` with the new offer, then trickle.
    RestartIce,
    /// Stop reading from the connection (`false`), or go on (`true`): the disk is behind, and
    /// the other end is to feel it through SCTP's receive window.
    Receive(bool),
    /// Close and forget the connection once what was sent is out, or after 1 s.
    Close,
}
