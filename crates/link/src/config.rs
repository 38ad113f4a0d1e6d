//! What a link may be told about time, memory and the network, with the cost of each choice.

use std::time::Duration;

/// Settings of one [`Link`](crate::Link). `Config::default()` suits a chat over the Internet.
#[derive(Debug, Clone)]
pub struct Config {
    /// Largest UDP payload that is sent, in bytes. Default 1200, which passes every path that
    /// carries IPv6 with a tunnel's overhead. Larger is faster and is lost on narrow paths.
    pub mtu: usize,
    /// Largest message that is accepted, in bytes; announced as `a=max-message-size`. Default
    /// 65,536. A larger one is dropped and counted. Costs up to this much memory per message.
    pub max_message_size: usize,
    /// Largest message that is sent, in bytes, even where the peer would take more. Default
    /// 262,144, what browsers announce.
    pub max_send_size: usize,
    /// Bytes accepted by [`send`](crate::Link::send) and not yet acknowledged by the peer, over
    /// both channels, before it answers `Full`. Default 2 MiB of memory when full.
    pub send_buffer: usize,
    /// Unacknowledged bytes of a channel below which `BufferedLow` is reported. Default 256 KiB.
    pub buffered_low: usize,
    /// Received bytes the SCTP receive window admits. Default 1 MiB. A smaller window costs
    /// throughput on long paths: it is the most that can be in flight.
    pub receive_buffer: usize,
    /// Bytes of received messages that may wait in the event queue before the window is left to
    /// close. Default 256 KiB. Together with `receive_buffer` it bounds what a peer can fill.
    pub inbox: usize,
    /// Wait before an unanswered ICE check is repeated the first time; doubles up to
    /// `consent_interval`. Default 50 ms. Shorter opens faster on lossy paths and sends more.
    pub check_interval: Duration,
    /// How often a working path is checked (consent, RFC 7675). Default 2 s, which costs two
    /// datagrams of about 100 bytes each way.
    pub consent_interval: Duration,
    /// Silence of the path's checks after which `IceDisconnected` is reported. Default 5 s.
    pub disconnect_after: Duration,
    /// How long a link may stay disconnected before it fails with `IceTimeout`. Default 30 s.
    pub disconnect_timeout: Duration,
    /// How long an offer may stay unanswered before the link fails with `NoAnswer`. Default 60 s.
    pub answer_timeout: Duration,
    /// Time from knowing the peer's description to a validated path, else `IceTimeout`. Default
    /// 15 s, the length of one attempt in the protocol.
    pub ice_timeout: Duration,
    /// Time from a validated path to usable channels, else `DtlsTimeout` or `SctpTimeout`.
    /// Default 15 s.
    pub handshake_timeout: Duration,
    /// Time without any SCTP progress while data is outstanding, after which the link fails with
    /// `Stalled`: rebuilding is faster than SCTP's backoff. Default 20 s (protocol §4).
    pub stall_timeout: Duration,
    /// Which DTLS versions are spoken. Default both, 1.3 preferred; it saves a round trip.
    pub dtls: DtlsVersions,
    /// DTLS 1.3 records under one key before it is renewed. Default 2²³.
    pub records_per_key: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            mtu: 1200,
            max_message_size: 64 * 1024,
            max_send_size: 256 * 1024,
            send_buffer: 2 * 1024 * 1024,
            buffered_low: 256 * 1024,
            receive_buffer: 1024 * 1024,
            inbox: 256 * 1024,
            check_interval: Duration::from_millis(50),
            consent_interval: Duration::from_secs(2),
            disconnect_after: Duration::from_secs(5),
            disconnect_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(60),
            ice_timeout: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(20),
            dtls: DtlsVersions::Both,
            records_per_key: 1 << 23,
        }
    }
}

/// The DTLS versions a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsVersions {
    /// 1.3 where the peer can, else 1.2.
    Both,
    /// Only 1.2 (RFC 6347).
    Only12,
    /// Only 1.3 (RFC 9147).
    Only13,
}
