//! What changed: told to every screen, bot and control socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tincan_wire::{DisplayName, LogId, MessageId, SessionId, UserId};

use crate::contact::ContactStatus;
use crate::time::Time;

/// Something that changed and that a screen may want to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), serde(tag = "event", rename_all = "snake_case"))]
pub enum Event {
    /// The link to the broker changed its state.
    Broker(BrokerView),
    /// A contact was added or changed.
    Contact {
        /// As it now stands.
        contact: ContactView,
    },
    /// Someone asks to be a contact and waits for an answer.
    Request {
        /// Who.
        request: RequestView,
    },
    /// A request was answered or has expired.
    RequestGone {
        /// Whose.
        contact: UserId,
    },
    /// The session with a contact changed its state or its path.
    Peer(PeerView),
    /// A contact came, went, opened or closed the chat with us.
    Presence {
        /// Who.
        contact: UserId,
        /// Whether they have been heard within 2.5 of their heartbeats.
        online: bool,
        /// Whether our chat is on their screen.
        chat_open: bool,
    },
    /// A message is in the history now: ours or theirs, durable.
    Message {
        /// It.
        message: MessageView,
    },
    /// Messages of ours moved to another state of delivery. The receiver's disk has them by
    /// then; ours notes it in the same moment, so a query right after may say the state before.
    Delivery {
        /// To whom they were.
        contact: UserId,
        /// Which.
        ids: Vec<MessageId>,
        /// The state they are in now.
        state: Delivery,
    },
    /// The contact has read our log up to a position: each delivered message of ours up to it
    /// is now `Read`.
    Read {
        /// Who.
        contact: UserId,
        /// The last position read.
        to: u64,
    },
    /// Somebody here has seen all that has come from a contact so far, on this screen or another.
    ReadHere {
        /// From whom.
        contact: UserId,
    },
    /// A contact is typing, or has stopped.
    Typing {
        /// Who.
        contact: UserId,
        /// Whether they still are.
        on: bool,
    },
    /// Something is wrong that a person must know.
    Alarm {
        /// About whom, if about someone.
        contact: Option<UserId>,
        /// What.
        alarm: Alarm,
    },
    /// Something outside sent what does not parse or verify. Told once per reason and minute.
    Dropped {
        /// The name under which it is counted.
        reason: String,
        /// How many so far.
        count: u64,
    },
}

/// Something wrong that a person must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), serde(tag = "alarm", rename_all = "snake_case"))]
pub enum Alarm {
    /// The other end of the connection could not prove that it is this contact: somebody is
    /// between us. The connection was closed before a word was said.
    HelloFailed {
        /// What did not fit.
        reason: String,
    },
    /// A message came under an id that another message has; it was kept out.
    MessageIdReused {
        /// Which.
        id: MessageId,
    },
    /// The store refused to write; what came was not acknowledged and will come again.
    StorageFailed {
        /// Why, in the store's words.
        reason: String,
    },
    /// The broker refused our credentials three times: waiting for `Connect`.
    CredentialsRefused {
        /// What the broker said.
        reason: String,
    },
}

/// The link to the broker (protocol §8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerView {
    /// Its state.
    pub state: BrokerState,
    /// Why it is not connected, in words, if it is not.
    pub reason: Option<String>,
    /// When the next attempt begins, if one is waiting.
    pub retry_at: Option<Time>,
    /// Failed attempts since the last success.
    pub attempts: u32,
}

/// The states of the MQTT link (seed §4, protocol §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerState {
    /// Not connected and not trying, or waiting for the backoff after a loss.
    Disconnected,
    /// CONNECT is on its way, or SUBSCRIBE is.
    Connecting,
    /// CONNACK and SUBACK have come.
    Connected,
    /// The last attempt failed; the backoff runs, or a person must act.
    Error,
}

/// A contact, as a screen shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactView {
    /// Who.
    pub id: UserId,
    /// What they call themselves.
    pub name: DisplayName,
    /// What we call them; it wins over `name`.
    pub nickname: Option<DisplayName>,
    /// How far we are with each other.
    pub status: ContactStatus,
    /// Whether the safety numbers were compared.
    pub verified: bool,
    /// Whether they have been heard of lately.
    pub online: bool,
    /// Whether our chat is on their screen.
    pub chat_open: bool,
    /// When they were last heard.
    pub last_seen: Option<Time>,
    /// The session with them.
    pub peer: PeerView,
    /// Messages of ours that are not delivered yet.
    pub waiting: u64,
    /// Whether they are told when their messages were read; `None`: as the general setting says.
    pub read_receipts: Option<bool>,
    /// Whether our addresses are hidden from them; `None`: as the general setting says.
    pub relay_only: Option<bool>,
}

impl ContactView {
    /// The nickname, else their own name, else the short form of their id.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.nickname {
            Some(nickname) if !nickname.as_str().is_empty() => nickname.to_string(),
            _ if !self.name.as_str().is_empty() => self.name.to_string(),
            _ => self.id.short(),
        }
    }
}

/// A request that waits, as a screen shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// Who asks.
    pub id: UserId,
    /// What they call themselves.
    pub name: DisplayName,
    /// When it came.
    pub at: Time,
}

/// The session with a contact, as a screen shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    /// With whom.
    pub contact: UserId,
    /// Its state.
    pub state: PeerState,
    /// The session's id while there is one.
    pub sid: Option<SessionId>,
    /// Since when it has been in this state.
    pub since: Time,
    /// The way the packets take, once known.
    pub path: Option<Path>,
    /// Since when they take it.
    pub path_since: Option<Time>,
    /// Why the last attempt or session ended, in words.
    pub reason: Option<String>,
    /// How the last session or attempt ended, although there may be another by now.
    pub ended: Option<Ending>,
    /// Attempts since the last success.
    pub attempts: u32,
    /// When the next attempt begins, if one is waiting.
    pub retry_at: Option<Time>,
}

/// An end of a session or of an attempt at one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// The states of a peer session (seed §4, protocol §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// Wanted, and nothing sent yet: waiting for the broker or for the backoff.
    New,
    /// An offer or an answer is out.
    Connecting,
    /// The data channel is up and `hello` is being exchanged.
    Verifying,
    /// Verified: messages flow.
    Connected,
    /// ICE has lost the path; recovery is under way.
    Disconnected,
    /// Six attempts came to nothing.
    Failed,
    /// There is no session, and none is wanted for now.
    Closed,
}

/// The way that packets of a session take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// Our end: `host`, `srflx`, `prflx` or `relay` (RFC 8445 §5.1.1).
    pub local: String,
    /// Their end.
    pub remote: String,
    /// Our address, for a person who asks; redacted in logs.
    pub local_address: String,
    /// Their address.
    pub remote_address: String,
    /// How our relay is spoken to, where our end is on one: `udp`, `tcp` or `tls`.
    pub relay_transport: Option<String>,
    /// Smoothed round-trip time in microseconds, once measured.
    pub rtt_micros: Option<u64>,
    /// How many of a thousand packets of ours had to be sent again since the session began; of
    /// checks of the path in a browser, which tells no more. `None` until there were enough.
    pub loss_permille: Option<u32>,
    /// Bytes of the session so far, headers below UDP not counted.
    pub bytes_sent: u64,
    /// The same of what came.
    pub bytes_received: u64,
}

impl Path {
    /// Whether both lead the same way, whatever passes over them.
    #[must_use]
    pub fn leads_as(&self, other: &Self) -> bool {
        self.local == other.local
            && self.remote == other.remote
            && self.local_address == other.local_address
            && self.remote_address == other.remote_address
            && self.relay_transport == other.relay_transport
    }

    /// Whether a screen should know: it leads another way, or it is markedly better or worse than
    /// `before`, or much has passed over it.
    #[must_use]
    pub fn is_news_after(&self, before: &Self) -> bool {
        let rtt = |path: &Self| path.rtt_micros.unwrap_or_default();
        let loss = |path: &Self| path.loss_permille.unwrap_or_default();
        let bytes = |path: &Self| path.bytes_sent.saturating_add(path.bytes_received);
        let moved = rtt(self).abs_diff(rtt(before));
        !self.leads_as(before)
            || self.rtt_micros.is_some() != before.rtt_micros.is_some()
            || (moved > 5_000 && moved > rtt(before) / 4)
            || loss(self).abs_diff(loss(before)) >= 10
            || bytes(self).abs_diff(bytes(before)) >= 64 * 1024
    }

    /// Whether a relay is on it.
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        self.local == "relay" || self.remote == "relay"
    }
}

/// How far a message of ours has come (protocol §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// On our disk.
    Queued,
    /// Written to a channel.
    Sent,
    /// On the receiver's disk.
    Delivered,
    /// Shown to a person there.
    Read,
    /// Cancelled, or 30 days without an acknowledgement.
    Failed,
}

/// What a message is to the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), serde(tag = "kind", rename_all = "snake_case"))]
pub enum MessageKind {
    /// Words, perhaps in reply to others.
    Text {
        /// The message replied to.
        #[cfg_attr(
            not(target_arch = "wasm32"),
            serde(skip_serializing_if = "Option::is_none", default)
        )]
        reply: Option<MessageId>,
    },
    /// New words in place of an earlier message's.
    Edit {
        /// The earlier message.
        target: MessageId,
    },
    /// An earlier message is taken back.
    Delete {
        /// The earlier message.
        target: MessageId,
    },
    /// A reaction to an earlier message.
    React {
        /// The earlier message.
        target: MessageId,
    },
}

/// A message as the history holds it, complete: what is shown, stored and searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// With whom the conversation is.
    pub contact: UserId,
    /// Whether it is ours.
    pub outgoing: bool,
    /// Its id.
    pub id: MessageId,
    /// The sender's log.
    pub lg: LogId,
    /// Its position in that log, from 1.
    pub s: u64,
    /// Its place in the conversation: the display orders by (h, sender, id).
    pub h: u64,
    /// The sender's clock, in milliseconds since the epoch.
    pub timestamp: u64,
    /// What it is.
    #[cfg_attr(not(target_arch = "wasm32"), serde(flatten))]
    pub kind: MessageKind,
    /// The words.
    pub content: String,
    /// For ours, how far it has come; theirs are always `Delivered`, or `Read`.
    pub state: Delivery,
}

/// How things stand, for `tincan status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Who we are.
    pub id: UserId,
    /// What we are called.
    pub name: DisplayName,
    /// The link to the broker.
    pub broker: BrokerView,
    /// Every contact with its session.
    pub contacts: Vec<ContactView>,
    /// Requests that wait for an answer.
    pub requests: u64,
    /// What was dropped since the start, by reason.
    pub dropped: BTreeMap<String, u64>,
}
