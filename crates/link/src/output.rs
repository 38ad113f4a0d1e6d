//! Datagrams going out, in batches of equal size for segmentation offload.

use std::net::SocketAddr;
use std::time::Instant;

use crate::ice::Path;
use crate::link::{Link, Phase};

/// Most datagrams in one batch: Linux takes 64 segments.
const MAX_SEGMENTS: usize = 64;
/// Most bytes in one batch: what a UDP length field can say, with room for headers.
const MAX_BATCH: usize = 65_000;

/// Where a batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// The local address to send from; for a relayed candidate its address on the relay.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// When given, the buffer holds several datagrams of this size in bytes, of which the last
    /// may be shorter. Otherwise it holds one.
    pub segment_size: Option<usize>,
}

impl Link {
    /// Replaces `out` with the next datagram, or several to the same address. `None` when there
    /// is nothing to send; `out` is then empty.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        self.now = now;
        out.clear();
        if let Some(datagram) = self.control.pop_front() {
            out.extend_from_slice(&datagram.bytes);
            return Some(self.sent(datagram.path, out.len(), 1, None));
        }
        if self.phase == Phase::Over {
            return None;
        }
        let transmit = self.guarded(None, |link| link.poll_data(now, out));
        if transmit.is_none() {
            // Sealing may have queued a key update.
            self.drive(now);
            let datagram = self.control.pop_front()?;
            out.clear();
            out.extend_from_slice(&datagram.bytes);
            return Some(self.sent(datagram.path, out.len(), 1, None));
        }
        transmit
    }

    /// Seals SCTP packets into `out` while they are as large as the first.
    fn poll_data(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let path = self.ice.path()?;
        let (mut first_plain, mut segment, mut count) = (0, 0, 0);
        while count < MAX_SEGMENTS && out.len() + segment <= MAX_BATCH {
            let Some(packet) = self.next_packet(now) else { break };
            if count > 0 && packet.len() > first_plain {
                self.held = Some(packet);
                break;
            }
            let before = out.len();
            if !self.dtls.as_mut()?.seal(now, &packet, out) {
                self.count("dtls_not_sealed");
                break;
            }
            count += 1;
            if count == 1 {
                (first_plain, segment) = (packet.len(), out.len());
            } else if out.len() - before < segment {
                break;
            }
        }
        if count == 0 {
            return None;
        }
        Some(self.sent(path, out.len(), count, (count > 1).then_some(segment)))
    }

    fn next_packet(&mut self, now: Instant) -> Option<bytes::Bytes> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        self.sctp.as_mut()?.poll_packet(now)
    }

    fn sent(
        &mut self,
        path: Path,
        bytes: usize,
        datagrams: usize,
        segment_size: Option<usize>,
    ) -> Transmit {
        self.counters.bytes_sent += bytes as u64;
        self.counters.datagrams_sent += datagrams as u64;
        Transmit { local: path.local, remote: path.remote, segment_size }
    }
}
