//! What leaves a session: bytes, the wish to close, and events.

use crate::{ProtocolError, Qos, Version};

/// One thing to do, from [`Session::poll`](crate::Session::poll). Handle them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes to the transport. They may hold several packets.
    Transmit(Vec<u8>),
    /// Close the transport, after what was transmitted before has been written.
    CloseTransport,
    /// Something the owner wants to know.
    Event(Event),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// CONNACK and the SUBACKs of all filters are in. Messages a broker kept for this session may
    /// arrive before this.
    Connected {
        /// Whether the broker still had the session; if not, what it kept is lost.
        session_present: bool,
        /// The version in use.
        version: Version,
    },
    /// The broker refused the connection, which is over; `CloseTransport` came before.
    Refused {
        /// Why, as far as a program cares.
        reason: Refusal,
        /// Why, for a person: the broker's own words or a sentence of ours. At most 200
        /// characters, without control characters.
        text: String,
    },
    /// The broker does not speak the version that was tried. The session has switched to
    /// `version`: open a new transport at once, this is no failure. It comes at most twice in a
    /// row.
    Retry {
        /// What the next connection will speak.
        version: Version,
    },
    /// The broker sent what cannot be read or has no place here; it was dropped. `Closed` or
    /// `Retry` follows.
    Unreadable {
        /// What was wrong with it.
        error: ProtocolError,
    },
    /// A message arrived. With QoS 1 it is acknowledged already, and it may arrive twice.
    Message {
        /// Its topic.
        topic: String,
        /// Its payload, at most [`Config::max_packet_bytes`](crate::Config::max_packet_bytes).
        payload: Vec<u8>,
        /// Whether it was a retained message; the protocol drops those.
        retain: bool,
        /// The QoS it came with.
        qos: Qos,
    },
    /// The broker acknowledged this QoS 1 publish. This is said once for each, and proves neither
    /// permission nor delivery (protocol §2).
    Acked {
        /// The caller's number.
        token: u64,
    },
    /// This publish will not be sent any more.
    Dropped {
        /// The caller's number.
        token: u64,
        /// Why.
        reason: DropReason,
    },
    /// The connection is over. Nothing unacknowledged is lost.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// The broker refused a subscription. The connection goes on without it.
    SubscriptionRefused {
        /// The filter.
        filter: String,
        /// The reason code of the SUBACK (3.1.1 knows only 0x80).
        code: u8,
    },
}

/// Why a broker refused a connection (CONNACK).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The user name or password is wrong, or the token expired. Fetch a new one.
    BadCredentials,
    /// The credentials are fine but not allowed in here.
    NotAuthorized,
    /// The broker speaks neither MQTT 5 nor 3.1.1.
    UnsupportedVersion,
    /// The broker is busy, full or going down. Try later.
    ServerUnavailable,
    /// Another reason code: one of 3.1.1 (below 6) or of MQTT 5 (0x80 and above).
    Other(u8),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The transport ended without a word.
    Transport,
    /// The broker did not answer a PINGREQ.
    PingTimeout,
    /// CONNACK or SUBACK did not come in time.
    ConnectTimeout,
    /// The broker answers pings but has not acknowledged a publish for
    /// [`Config::ack_timeout`](crate::Config::ack_timeout).
    AckTimeout,
    /// The broker sent what it must not.
    ProtocolError(ProtocolError),
    /// The broker said good-bye with this MQTT 5 reason code.
    ServerDisconnect(u8),
    /// Another connection with the same client id took the session over.
    TakenOver,
}

/// Why a publish was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// QoS 0 without a connection.
    Offline,
    /// Its expiry passed before it could be sent.
    Expired,
    /// The topic is not one, or topic and payload exceed what MQTT can carry.
    Invalid,
    /// It exceeds the broker's maximum packet size.
    TooLarge,
    /// The broker supports only QoS 0.
    QosUnsupported,
    /// The broker answered with this error code (PUBACK of MQTT 5).
    Refused(u8),
}
