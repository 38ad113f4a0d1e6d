//! Repeats the opening packets of an association (INIT, COOKIE ECHO) sooner than `rtc-sctp`, whose
//! first repetition comes after a fixed second (trap 3).

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::sctp_packet::{ChunkKind, first_chunk};

/// Bounds of the first wait, which is half the round trip: a loss then costs less than one.
const FIRST: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(1);

pub(crate) struct Repeat {
    client: bool,
    first: Duration,
    pending: Option<Pending>,
}

struct Pending {
    packet: Bytes,
    at: Instant,
    wait: Duration,
}

impl Repeat {
    pub(crate) fn new(client: bool, rtt: Option<Duration>) -> Repeat {
        let first = (rtt.unwrap_or(FIRST.1) / 2).clamp(FIRST.0, FIRST.1);
        Repeat { client, first, pending: None }
    }

    /// A packet went out before the association was established.
    pub(crate) fn sent(&mut self, now: Instant, packet: &Bytes) {
        let opens = matches!(first_chunk(packet), Some(ChunkKind::Init | ChunkKind::CookieEcho));
        let is_new = self.pending.as_ref().is_none_or(|pending| pending.packet != *packet);
        if self.client && opens && is_new {
            let wait = self.first;
            self.pending = Some(Pending { packet: packet.clone(), at: now + wait, wait });
        }
    }

    /// The packet to repeat, if its time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Bytes> {
        let pending = self.pending.as_mut().filter(|pending| pending.at <= now)?;
        pending.wait = (pending.wait * 2).min(LONGEST);
        pending.at = now + pending.wait;
        Some(pending.packet.clone())
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.at)
    }

    pub(crate) fn stop(&mut self) {
        self.pending = None;
    }
}
