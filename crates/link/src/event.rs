//! What a link reports to its owner, and the two channels it carries.

/// One of the two pre-negotiated data channels; both are ordered and reliable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Id 0: text frames.
    Chat,
    /// Id 1: binary frames.
    File,
}

impl Channel {
    /// Both, in the order of their ids.
    pub const ALL: [Channel; 2] = [Channel::Chat, Channel::File];

    /// The id under which both ends negotiate the channel, which is its SCTP stream.
    pub fn id(self) -> u16 {
        match self {
            Channel::Chat => 0,
            Channel::File => 1,
        }
    }

    /// The channel of an SCTP stream, if it is one of the two.
    pub fn from_id(id: u16) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.id() == id)
    }
}

/// What happened, taken by [`Link::poll_event`](crate::Link::poll_event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// DTLS and SCTP are up and the certificate matched: the channels are usable.
    Connected,
    /// A message arrived.
    Message {
        /// The channel it came on.
        channel: Channel,
        /// Its bytes, at most `Config::max_message_size`.
        data: Vec<u8>,
    },
    /// What is unacknowledged on a channel fell below `Config::buffered_low`.
    BufferedLow {
        /// The channel that may be written again.
        channel: Channel,
    },
    /// The path has been silent for `Config::disconnect_after`; the link keeps trying.
    IceDisconnected,
    /// The path, or another one, answers again.
    IceReconnected,
    /// A path through a relay owes an answer for half a second, or three round trips on slow
    /// ones: is the relay still there? Told once until something is heard on the path.
    RelayedPathQuiet,
    /// Data now takes another path; see `Stats::path`.
    PathChanged,
    /// The link is finished and why. The last event.
    Failed(Failure),
    /// This side or the peer closed the link in an orderly way. The last event.
    Closed,
}

/// Why a link failed; the remedy is always a new link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The offer was not answered in `Config::answer_timeout`.
    #[error("the peer did not answer the offer; try again when it is online")]
    NoAnswer,
    /// No path was found, or a lost one did not return in time.
    #[error("no network path to the peer answers; a relay (TURN) may be needed")]
    IceTimeout,
    /// The DTLS handshake did not finish in time.
    #[error("the encrypted handshake with the peer did not finish in time; try again")]
    DtlsTimeout,
    /// DTLS is up and SCTP did not open in time.
    #[error("the data channels did not open in time; try again")]
    SctpTimeout,
    /// The peer proved possession of another certificate than the one it signed for.
    #[error("the peer's certificate is not the one it announced: someone may be in between")]
    FingerprintMismatch,
    /// Data was outstanding and nothing moved for `Config::stall_timeout`.
    #[error("no data got through for too long; reconnect")]
    Stalled,
    /// The DTLS session broke after it was established.
    #[error("the encrypted session broke; reconnect")]
    Dtls,
    /// The peer's SCTP association ended with an error.
    #[error("the peer broke the data-channel protocol; reconnect")]
    Sctp,
    /// A defect of this crate or of one below it, caught so that it ends this link alone.
    #[error("internal error in the connection; reconnect and report it")]
    Internal,
}

impl Failure {
    /// Whether the session may still reach the peer, which then need not wait for a time-out.
    pub(crate) fn is_worth_a_goodbye(self) -> bool {
        match self {
            Failure::IceTimeout | Failure::SctpTimeout | Failure::Stalled | Failure::Sctp => true,
            Failure::NoAnswer
            | Failure::DtlsTimeout
            | Failure::FingerprintMismatch
            | Failure::Dtls
            | Failure::Internal => false,
        }
    }
}
