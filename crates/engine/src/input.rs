//! What comes into the engine.

use tincan_wire::{Candidate, Fingerprint, SessionId};

use crate::command::Command;
use crate::event::Path;
use crate::store::{OutboxPage, Stored, TransactionId};

/// One thing that happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// A person wants something; answered by one `Output::Reply` of the same `id`.
    Command {
        /// The shell's number for the answer.
        id: u64,
        /// What.
        command: Command,
    },
    /// From the link to the broker.
    Broker(BrokerInput),
    /// From the WebRTC connection of a session. Those of unknown sessions are ignored.
    Peer {
        /// Which session.
        sid: SessionId,
        /// What.
        input: PeerInput,
    },
    /// The answer to `Output::Store`.
    Stored {
        /// Which transaction.
        id: TransactionId,
        /// Durable, or why not; then nothing of it is.
        result: Result<Stored, StoreFailure>,
    },
    /// The answer to `Output::LoadOutbox`; an `Err` is asked again later.
    Outbox {
        /// For whom the question was.
        contact: tincan_wire::UserId,
        /// The page, or why not.
        result: Result<OutboxPage, StoreFailure>,
    },
    /// The hub gave a challenge; answered by `Output::Token` of the same `id` (protocol §9).
    Challenge {
        /// The shell's number for the answer.
        id: u64,
        /// The hub's name.
        aud: String,
        /// Its nonce.
        nonce: String,
    },
    /// An address that was in use is gone, another way leads out, a tab woke or a laptop resumed:
    /// restart at once (protocol §4, recovery).
    NetworkChanged,
    /// The shell is about to end: say goodbye to peers and broker. Nothing else comes after,
    /// but the outputs of this one are still to be drained.
    Shutdown,
}

/// Why the store refused, in words that say what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFailure(pub String);

/// From the link to the broker.
#[derive(Clone, Debug)]
pub enum BrokerInput {
    /// CONNACK and SUBACK have come.
    Connected,
    /// The attempt failed.
    Refused {
        /// Whether it was because of who we say we are.
        credentials: bool,
        /// In words.
        reason: String,
    },
    /// An established link is gone.
    Closed {
        /// In words.
        reason: String,
    },
    /// A message arrived.
    Message {
        /// Its topic, unparsed.
        topic: String,
        /// Its payload.
        payload: Vec<u8>,
        /// Whether the retain flag was set.
        retain: bool,
    },
    /// Something came that cannot be read, and was dropped. How the attempt or the link ended by
    /// it is said besides.
    Unreadable(Unreadable),
}

/// What could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Bytes of the broker that are no MQTT, or a packet that has no place where it came.
    Packet,
    /// An answer of the hub to a question over HTTP.
    HubAnswer,
}

/// From the WebRTC connection of a session.
#[derive(Clone, Debug)]
pub enum PeerInput {
    /// The offer asked for by `PeerOutput::Offer` or `RestartIce`.
    OfferReady {
        /// The SDP.
        sdp: String,
        /// Our DTLS fingerprint.
        fingerprint: Fingerprint,
    },
    /// The answer asked for by `PeerOutput::Answer`.
    AnswerReady {
        /// The SDP.
        sdp: String,
        /// Our DTLS fingerprint.
        fingerprint: Fingerprint,
    },
    /// A local candidate was found.
    Candidate(Candidate),
    /// There will be no more local candidates.
    CandidatesDone,
    /// DTLS and SCTP are up: the channels can be written.
    Opened,
    /// A frame of the channel `chat`.
    Frame(Vec<u8>),
    /// So many bytes of the channel `chat` are now unsent or unacknowledged.
    Buffered(usize),
    /// ICE has lost the path.
    Disconnected,
    /// ICE has a path again.
    Reconnected,
    /// The path is known or has changed.
    Path(Path),
    /// Whoever answered has another certificate than the description announced.
    OtherCertificate,
    /// The connection can't be made or kept.
    Failed {
        /// Why, in words.
        reason: String,
    },
    /// The other end closed the connection.
    Closed,
}
