//! What can be set, with its default, its unit and its cost.

use std::time::Duration;

/// Settings of one engine. `Default` is what the protocol says.
#[derive(Clone, Debug)]
pub struct Config {
    /// Tell contacts when their messages were shown. Default true; costs one small frame.
    pub read_receipts: bool,
    /// Hide our addresses from contacts: speak to them through relays only. Default false; costs
    /// the way over the relay, which must be there.
    pub relay_only: bool,
    /// Let requests without an invite into the quiet inbox (protocol §7). Default true; set it
    /// to false on a broker that does not authenticate.
    pub admit_strangers: bool,
    /// Live peer sessions, at most. Default 64; each costs a shell about 60 KB.
    pub max_sessions: usize,
    /// How long a session without messages and without an open chat stays. Default 10 min.
    pub idle_after: Duration,
    /// Batching: how many bytes of messages wait, at most. Default 16 KiB.
    pub batch_bytes: usize,
    /// Batching: how long the first of them waits, at most. Default 20 ms.
    pub batch_delay: Duration,
    /// Sending pauses once so many bytes are buffered in a connection. Default 1 MiB.
    pub pause_bytes: usize,
    /// Sending goes on below so many. Default 256 KiB.
    pub resume_bytes: usize,
    /// Unacknowledged messages of one contact that are kept in memory; the rest stays on disk
    /// until its turn comes. Default 8,192.
    pub window_messages: usize,
    /// The same in bytes of content. Default 4 MiB.
    pub window_bytes: usize,
    /// An acknowledgement later than this is asked for by `sync`. Default 10 s.
    pub ack_timeout: Duration,
    /// An undelivered message fails after this. Default 30 days.
    pub message_lifetime: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            read_receipts: true,
            relay_only: false,
            admit_strangers: true,
            max_sessions: 64,
            idle_after: Duration::from_secs(10 * 60),
            batch_bytes: 16 * 1024,
            batch_delay: Duration::from_millis(20),
            pause_bytes: 1024 * 1024,
            resume_bytes: 256 * 1024,
            window_messages: 8_192,
            window_bytes: 4 * 1024 * 1024,
            ack_timeout: Duration::from_secs(10),
            message_lifetime: Duration::from_secs(30 * 24 * 3_600),
        }
    }
}
