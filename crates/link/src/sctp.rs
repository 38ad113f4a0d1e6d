//! The SCTP association of a link (RFC 9260 over DTLS, RFC 8261) with its two channels (RFC 8831,
//! pre-negotiated), around `rtc-sctp` and its traps.

use std::collections::{BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig,
    EndpointEvent, Event as SctpEvent, Payload, PayloadProtocolIdentifier as Ppi, ServerConfig,
    StreamEvent, TimerConfig, TransportConfig, max_payload_size_for_mtu,
};

use crate::config::Config;
use crate::dtls_attempt::RECORD_OVERHEAD;
use crate::event::Channel;
use crate::sctp_again::Again;
use crate::sctp_packet::{ChunkKind, first_chunk, sack_window};
use crate::sctp_repeat::Repeat;
use crate::sctp_window::WindowWatch;

/// Associations a server keeps until one is established: each repeated INIT makes another, and
/// the client goes on with whichever answer it got first (trap 2).
const MAX_ASSOCIATIONS: usize = 8;
/// Streams other than the two channels that a peer may open before the link is given up.
const MAX_STRAY_STREAMS: usize = 16;
/// Streams announced; the two channels are all that is used.
const STREAMS: u16 = 1024;
/// SCTP addresses nothing here; rtc-sctp wants an address all the same.
const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5000));
/// An advertised window below this means that the peer lives and its application is slow.
const SMALL_WINDOW: u32 = 64 * 1024;
/// Time between two probes of a closed window. SCTP's own backoff would let it grow to a minute,
/// which is how long a lost window announcement would then cost.
const PROBE_INTERVAL: Duration = Duration::from_secs(3);
/// Timers of one association that can be pending at once.
const TIMERS: usize = 6;
/// How long a receiver may hold back an acknowledgement (200 ms, RFC 9260 §6.2), and some more.
const DELAYED_ACK: Duration = Duration::from_millis(300);
/// Longest wait for an acknowledgement before the tail is sent again; beyond it SCTP's own timer
/// is as fast.
const LONGEST_TAIL: Duration = Duration::from_secs(3);
/// The wait for it doubles each time, up to this, or stays if it is longer already.
const LATER_TAIL: Duration = Duration::from_secs(1);
const MAX_DOUBLINGS: u32 = 4;

pub(crate) struct Sctp {
    endpoint: Endpoint,
    associations: Vec<(AssociationHandle, Association)>,
    established: bool,
    repeat: Repeat,
    again: Again,
    window: WindowWatch,
    queue: VecDeque<Bytes>,
    buffered: [usize; 2],
    readable: BTreeSet<u16>,
    /// Messages read before an ABORT was processed; at most a receive window.
    rescued: VecDeque<(Channel, Vec<u8>)>,
    stray_streams: usize,
    /// Bytes of DATA packets since a message was last complete (see `note_incomplete`).
    incomplete: usize,
    limits: Limits,
    progress_at: Instant,
    /// How often the tail was sent again since the last progress or the path's return.
    tail_probes: u32,
    /// From when the next of these waits is counted.
    tail_from: Instant,
    path_rtt: Duration,
    /// When a peer whose window is closed is asked again.
    probe_at: Option<Instant>,
    events: VecDeque<SctpChange>,
}

struct Limits {
    receive_message: usize,
    incomplete: usize,
    buffered_low: usize,
}

/// What changed in the association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SctpChange {
    Established,
    BufferedLow(Channel),
    /// The peer aborted or reset on purpose.
    ClosedByPeer,
    /// The association broke.
    Lost,
    /// A message was dropped; the reason to count.
    Dropped(&'static str),
}

impl Sctp {
    /// A client sends INIT at once, a server waits for it. `send_limit` is the largest message the
    /// peer takes, `rtt` the path's round trip.
    pub(crate) fn new(
        config: &Config,
        client: bool,
        send_limit: usize,
        rtt: Option<Duration>,
        now: Instant,
    ) -> Sctp {
        let transport = TransportConfig::default()
            .with_max_receive_buffer_size(clamp_u32(config.receive_buffer))
            .with_max_message_size(clamp_u32(send_limit))
            .with_max_num_inbound_streams(STREAMS)
            .with_max_num_outbound_streams(STREAMS)
            .with_timer_config(unlimited_retries());
        let mut endpoint_config = EndpointConfig::new();
        let packet = config.mtu.saturating_sub(RECORD_OVERHEAD);
        endpoint_config.max_payload_size(max_payload_size_for_mtu(clamp_u32(packet)));
        let server = (!client).then(|| Arc::new(ServerConfig::new(transport.clone())));
        let mut endpoint =
            Endpoint::new(NOWHERE, Default::default(), Arc::new(endpoint_config), server);
        let associations = if client {
            endpoint.connect(now, ClientConfig::new(transport), NOWHERE).into_iter().collect()
        } else {
            Vec::new()
        };
        Sctp {
            endpoint,
            associations,
            established: false,
            repeat: Repeat::new(client, rtt),
            again: Again::default(),
            window: WindowWatch::new(config.receive_buffer),
            queue: VecDeque::new(),
            buffered: [0; 2],
            readable: BTreeSet::new(),
            rescued: VecDeque::new(),
            stray_streams: 0,
            incomplete: 0,
            limits: Limits {
                receive_message: config.max_message_size,
                incomplete: 2 * config.receive_buffer + 2 * config.max_message_size,
                buffered_low: config.buffered_low,
            },
            progress_at: now,
            tail_probes: 0,
            tail_from: now,
            path_rtt: rtt.unwrap_or(LONGEST_TAIL),
            probe_at: None,
            events: VecDeque::new(),
        }
    }

    pub(crate) fn poll_change(&mut self) -> Option<SctpChange> {
        self.events.pop_front()
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        let rtt = self.associations.first().map(|(_, association)| association.rtt());
        rtt.filter(|rtt| !rtt.is_zero())
    }

    /// Packets of data that went out the first time, and those that went out again.
    pub(crate) fn packets(&self) -> (u64, u64) {
        self.again.counts()
    }

    /// Bytes accepted for sending and not yet acknowledged (trap 4).
    pub(crate) fn buffered(&self, channel: Channel) -> usize {
        self.buffered[usize::from(channel.id())]
    }

    pub(crate) fn buffered_total(&self) -> usize {
        self.buffered.iter().sum()
    }

    /// When the outstanding data counts as stalled after `patience` without progress.
    pub(crate) fn stall_deadline(&self, patience: Duration) -> Option<Instant> {
        (self.buffered_total() > 0).then(|| self.progress_at + patience)
    }

    /// Since when outstanding data has waited in vain.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        (self.buffered_total() > 0).then_some(self.progress_at)
    }

    /// Queues a message; false when the association does not take it.
    pub(crate) fn send(&mut self, now: Instant, channel: Channel, data: &[u8]) -> bool {
        let Some((_, association)) = self.associations.first_mut() else { return false };
        let Ok(mut stream) = association.stream(channel.id()) else { return false };
        // SCTP carries no empty message; WebRTC marks one byte as empty (RFC 8831 §6.6).
        let (ppi, bytes) = match (channel, data.is_empty()) {
            (Channel::Chat, false) => (Ppi::String, Bytes::copy_from_slice(data)),
            (Channel::Chat, true) => (Ppi::StringEmpty, Bytes::from_static(&[0])),
            (Channel::File, false) => (Ppi::Binary, Bytes::copy_from_slice(data)),
            (Channel::File, true) => (Ppi::BinaryEmpty, Bytes::from_static(&[0])),
        };
        if stream.write_chunk_with_ppi(now, &bytes, ppi).is_err() {
            return false;
        }
        if self.buffered_total() == 0 {
            self.progressed(now);
        }
        self.buffered[usize::from(channel.id())] += bytes.len();
        true
    }

    /// Takes one decrypted packet.
    pub(crate) fn handle(&mut self, now: Instant, packet: Bytes) {
        match first_chunk(&packet) {
            Some(ChunkKind::Data) => {
                self.note_incomplete(packet.len());
                self.window.received_data(&packet);
            }
            Some(ChunkKind::Sack) => {
                if sack_window(&packet).is_some_and(|window| window < SMALL_WINDOW) {
                    self.progressed(now);
                    self.probe_at = Some(now + PROBE_INTERVAL);
                } else {
                    self.probe_at = None;
                }
            }
            Some(ChunkKind::Abort) => {
                // The association forgets unread messages when it ends.
                while let Some(message) = self.read_stream() {
                    self.rescued.push_back(message);
                }
            }
            _ => {}
        }
        self.input(now, packet);
        self.take_events(now);
    }

    fn input(&mut self, now: Instant, packet: Bytes) {
        match self.endpoint.handle(now, NOWHERE, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                self.associations.push((handle, association));
                if self.associations.len() > MAX_ASSOCIATIONS {
                    self.forget(0);
                }
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                let known = self.associations.iter_mut().find(|(known, _)| *known == handle);
                if let Some((_, association)) = known {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for (_, association) in &mut self.associations {
            if association.poll_timeout().is_some_and(|deadline| deadline <= now) {
                association.handle_timeout(now);
            }
        }
        if let Some(packet) = self.repeat.due(now) {
            self.queue.push_back(packet);
        }
        if self.probe_at.is_some_and(|probe_at| probe_at <= now) {
            self.probe_at = Some(now + PROBE_INTERVAL);
            self.hurry(now);
        } else if self.tail_deadline().is_some_and(|deadline| deadline <= now) {
            self.tail_probes += 1;
            self.tail_from = now;
            self.hurry(now);
        }
        self.take_events(now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let timers = self.associations.iter().filter_map(|(_, a)| a.poll_timeout()).min();
        let probe = self.probe_at.filter(|_| self.buffered_total() > 0);
        [timers, self.repeat.deadline(), probe, self.tail_deadline()].into_iter().flatten().min()
    }

    /// The path works again: retransmits now what waits for a timer grown long by backoff.
    pub(crate) fn expedite(&mut self, now: Instant) {
        (self.tail_probes, self.tail_from) = (0, now);
        self.hurry(now);
    }

    /// Retransmits at once. Each time puts SCTP's own timer off by twice as much as the time
    /// before, counted from when it would have been due; so it is no help any more after a few.
    fn hurry(&mut self, now: Instant) {
        if self.buffered_total() == 0 {
            return;
        }
        let Some((_, association)) = self.associations.first_mut() else { return };
        let before = association.stats().get_num_t3timeouts();
        for _ in 0..TIMERS {
            // Time is an argument: reaching a deadline early is how it is told to hurry. Other
            // timers that come first are passed by the way.
            let Some(deadline) = association.poll_timeout() else { return };
            association.handle_timeout(deadline.max(now));
            if association.stats().get_num_t3timeouts() > before {
                return;
            }
        }
    }

    /// When the lack of an acknowledgement is taken for the loss of the last packets sent, which
    /// no later packet reveals: long before SCTP's own timer, whose least is a second (trap 3).
    fn tail_deadline(&self) -> Option<Instant> {
        let rtt = self.rtt().unwrap_or(self.path_rtt);
        let first = (rtt * 2 + DELAYED_ACK).min(LONGEST_TAIL);
        let later = first * (1 << self.tail_probes.min(MAX_DOUBLINGS));
        let waits = self.buffered_total() > 0 && self.probe_at.is_none();
        waits.then(|| self.tail_from + later.min(LATER_TAIL.max(first)))
    }

    fn progressed(&mut self, now: Instant) {
        self.progress_at = now;
        (self.tail_probes, self.tail_from) = (0, now);
    }

    /// The next packet to encrypt.
    pub(crate) fn poll_packet(&mut self, now: Instant) -> Option<Bytes> {
        if self.queue.is_empty() {
            if let Some(packet) = self.window.announcement() {
                // A duplicate of old DATA makes the association acknowledge, and with it tell its
                // window; the first only delays an acknowledgement, the second sends it.
                self.input(now, packet.clone());
                self.input(now, packet);
                self.take_events(now);
            }
            for (_, association) in &mut self.associations {
                while let Some(transmit) = association.poll_transmit(now) {
                    if let Payload::RawEncode(packets) = transmit.message {
                        self.queue.extend(packets);
                    }
                }
            }
        }
        let packet = self.queue.pop_front()?;
        if !self.established {
            self.repeat.sent(now, &packet);
        }
        if let Some(window) = sack_window(&packet) {
            self.window.announced(window);
        }
        self.again.sent(&packet);
        Some(packet)
    }

    /// The next message of a channel. Readable is an edge: read until there is none (trap 2).
    pub(crate) fn read(&mut self) -> Option<(Channel, Vec<u8>)> {
        self.rescued.pop_front().or_else(|| self.read_stream())
    }

    fn read_stream(&mut self) -> Option<(Channel, Vec<u8>)> {
        if !self.established {
            return None;
        }
        let (_, association) = self.associations.first_mut()?;
        while let Some(id) = self.readable.first().copied() {
            let message =
                association.stream(id).ok().and_then(|mut s| s.read_sctp().ok().flatten());
            let Some(message) = message else {
                self.readable.remove(&id);
                continue;
            };
            let length = message.len();
            self.window.drained(length);
            let refusal = match (Channel::from_id(id), message.ppi) {
                (None, _) => "sctp_stray_stream",
                (_, Ppi::Dcep | Ppi::Unknown) => "sctp_unknown_payload",
                _ if length > self.limits.receive_message => "message_too_large",
                (Some(channel), Ppi::StringEmpty | Ppi::BinaryEmpty) => {
                    return Some((channel, Vec::new()));
                }
                (Some(channel), _) => match message.to_payload(length) {
                    Ok(data) => return Some((channel, data.into())),
                    Err(_) => "sctp_unreadable",
                },
            };
            self.events.push_back(SctpChange::Dropped(refusal));
        }
        None
    }

    /// Queues an ABORT that tells the peer this is on purpose (RFC 9260 §9.1).
    pub(crate) fn abort(&mut self) {
        for (_, association) in &mut self.associations {
            // Fails only on a closed association, which needs no abort.
            let _ = association.abort();
        }
        self.repeat.stop();
    }

    fn forget(&mut self, index: usize) {
        let (handle, _) = self.associations.remove(index);
        self.endpoint.handle_event(handle, EndpointEvent::drained());
    }

    fn take_events(&mut self, now: Instant) {
        let mut established = None;
        for (index, (_, association)) in self.associations.iter_mut().enumerate() {
            while let Some(event) = association.poll() {
                match event {
                    SctpEvent::Connected => established = established.or(Some(index)),
                    SctpEvent::AssociationLost { reason, .. } if self.established => {
                        let on_purpose = reason == rtc_sctp::AssociationError::Reset;
                        self.events.push_back(match on_purpose {
                            true => SctpChange::ClosedByPeer,
                            false => SctpChange::Lost,
                        });
                    }
                    SctpEvent::Stream(StreamEvent::Readable { id }) => {
                        self.readable.insert(id);
                        self.incomplete = 0;
                    }
                    SctpEvent::Stream(StreamEvent::Opened { id })
                        if Channel::from_id(id).is_none() =>
                    {
                        self.stray_streams += 1;
                    }
                    SctpEvent::Stream(StreamEvent::BufferedAmountReleased { id, n_bytes }) => {
                        self.progress_at = now;
                        (self.tail_probes, self.tail_from) = (0, now);
                        if let Some(buffered) = self.buffered.get_mut(usize::from(id)) {
                            *buffered = buffered.saturating_sub(n_bytes);
                        }
                    }
                    SctpEvent::Stream(StreamEvent::BufferedAmountLow { id }) => {
                        let channel = Channel::from_id(id);
                        self.events.extend(channel.map(SctpChange::BufferedLow));
                    }
                    _ => {}
                }
            }
        }
        if let Some(index) = established.filter(|_| !self.established) {
            self.establish(index);
        }
        if self.stray_streams > MAX_STRAY_STREAMS || self.incomplete > self.limits.incomplete {
            self.events.push_back(SctpChange::Lost);
        }
    }

    fn establish(&mut self, index: usize) {
        self.associations.swap(0, index);
        while self.associations.len() > 1 {
            self.forget(1);
        }
        self.endpoint.set_server_config(None);
        self.established = true;
        self.repeat.stop();
        if let Some((_, association)) = self.associations.first_mut() {
            for (channel, ppi) in [(Channel::Chat, Ppi::String), (Channel::File, Ppi::Binary)] {
                // It exists already if the peer's data came before the handshake's last word.
                let _ = association.open_stream(channel.id(), ppi);
                if let Ok(mut stream) = association.stream(channel.id()) {
                    let low = self.limits.buffered_low;
                    // Fails only on a stream that does not exist.
                    let _ = stream.set_buffered_amount_low_threshold(low);
                }
            }
        }
        self.events.push_back(SctpChange::Established);
    }

    /// A full window still admits the next fragment of an unfinished message, else nothing would
    /// ever be readable; so a message without end would grow without bound. This bounds it.
    fn note_incomplete(&mut self, length: usize) {
        if self.readable.is_empty() {
            self.incomplete += length;
        }
    }
}

/// rtc-sctp would stop retransmitting for good after five tries (trap 3). The link has deadlines
/// of its own.
fn unlimited_retries() -> TimerConfig {
    TimerConfig {
        max_t1_init_retrans: usize::MAX,
        max_t1_cookie_retrans: usize::MAX,
        max_t2_shutdown_retrans: usize::MAX,
        max_t3_rtx_retrans: usize::MAX,
        max_reconfig_retrans: usize::MAX,
        max_ack_retrans: usize::MAX,
    }
}

fn clamp_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
