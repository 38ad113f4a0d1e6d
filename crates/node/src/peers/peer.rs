//! One connection: its link, guarded so that a fault in it ends it alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tincan_engine::{Path, PeerInput};
use tincan_link::{
    CandidateKind, Channel, Event, Failure, Link, LocalCandidate, Role, SendError, Transmit,
};
use tincan_relay::Transport;
use tincan_wire::{Candidate, Fingerprint, SessionId};

/// How long what was sent may take to get out before the connection is closed on it.
const CLOSE_AFTER: Duration = Duration::from_secs(1);

/// Frames that wait because the link is full. The engine pauses at 1 MiB; four times that means
/// that it does not.
const MAX_BACKLOG_BYTES: usize = 4 * 1024 * 1024;

/// Of fewer packets no share is told that was lost.
const LEAST_PACKETS: u64 = 20;

/// The engine is told of the buffered bytes when it is wrong about them by this much.
const REPORT_BYTES: usize = 64 * 1024;

const FAULT: &str = "an internal fault ended the connection; it will be made anew";

type Inputs = VecDeque<(SessionId, PeerInput)>;

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) sid: SessionId,
    /// Whether it tells of no address of ours but relays', and uses no other.
    pub(super) relay_only: bool,
    /// What the timer of this connection is armed for.
    pub(super) timer: Option<Instant>,
    /// `None` once a fault has ended it.
    link: Option<Box<Link>>,
    /// Candidates of ours that the link has.
    locals: Vec<LocalCandidate>,
    /// How the relays are spoken to that have addresses for it.
    transports: Vec<(SocketAddr, Transport)>,
    /// Whether the engine waits to hear that there are no more candidates.
    gathering: bool,
    /// Its path goes through a relay and owes an answer: the relays are to be asked.
    doubts_relay: bool,
    /// Whether events are taken; while not, the other end feels it through SCTP's window.
    reading: bool,
    backlog: VecDeque<Vec<u8>>,
    backlog_bytes: usize,
    /// What the engine takes the buffered bytes to be: what it was told, and what it sent since.
    believed: usize,
    close_by: Option<Instant>,
    /// The path that the engine was told of.
    reported: Option<Path>,
    /// Whether the engine knows that it is over, or said so itself.
    over: bool,
    span: tracing::Span,
}

impl Peer {
    /// The reason of a failure is a sentence.
    pub(super) fn new(
        now: Instant,
        sid: SessionId,
        role: Role,
        relay_only: bool,
    ) -> Result<Self, String> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| format!("the system gives no randomness: {error}"))?;
        let config = tincan_link::Config::default();
        let link = catch_unwind(AssertUnwindSafe(|| Link::new(config, role, seed, now)))
            .map_err(|_| FAULT.to_owned())?
            .map_err(|error| error.to_string())?;
        Ok(Self {
            sid,
            relay_only,
            timer: None,
            link: Some(Box::new(link)),
            locals: Vec::new(),
            transports: Vec::new(),
            gathering: false,
            doubts_relay: false,
            reading: true,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            believed: 0,
            close_by: None,
            reported: None,
            over: false,
            // The session's number is random: it tells the sessions apart and names nobody.
            span: tracing::debug_span!("peer", session = %sid),
        })
    }

    /// Calls the link; a panic in it ends it, and this connection only.
    fn with<R>(&mut self, call: impl FnOnce(&mut Link) -> R) -> Option<R> {
        let _entered = self.span.enter();
        let link = self.link.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| call(link))) {
            Ok(result) => Some(result),
            Err(_) => {
                tracing::error!("a link panicked");
                drop_quietly(self.link.take());
                None
            }
        }
    }

    pub(super) fn offer(&mut self, now: Instant, inputs: &mut Inputs) {
        let made = self.with(|link| (link.create_offer(now), link.fingerprint()));
        self.offered(made.map(|(sdp, fp)| (sdp.map_err(|e| e.to_string()), fp)), inputs);
    }

    pub(super) fn restart_ice(&mut self, now: Instant, inputs: &mut Inputs) {
        let made = self.with(|link| (link.restart_ice(now), link.fingerprint()));
        self.offered(made.map(|(sdp, fp)| (sdp.map_err(|e| e.to_string()), fp)), inputs);
    }

    fn offered(&mut self, made: Option<(Result<String, String>, [u8; 32])>, inputs: &mut Inputs) {
        if let Some((Ok(sdp), fingerprint)) = made {
            self.gathering = true;
            let fingerprint = Fingerprint(fingerprint);
            inputs.push_back((self.sid, PeerInput::OfferReady { sdp, fingerprint }));
        } else if let Some((Err(reason), _)) = made {
            self.fail(reason, inputs);
        }
    }

    pub(super) fn answer(&mut self, now: Instant, sdp: &str, inputs: &mut Inputs) {
        match self.with(|link| (link.accept_offer(now, sdp), link.fingerprint())) {
            Some((Ok(sdp), fingerprint)) => {
                self.gathering = true;
                let fingerprint = Fingerprint(fingerprint);
                inputs.push_back((self.sid, PeerInput::AnswerReady { sdp, fingerprint }));
            }
            Some((Err(error), _)) => self.fail(error.to_string(), inputs),
            None => {}
        }
    }

    /// The user fragments that checks for this link name.
    pub(super) fn ufrags(&mut self) -> Vec<String> {
        self.with(|link| link.local_ufrags()).unwrap_or_default()
    }

    pub(super) fn accept_answer(&mut self, now: Instant, sdp: &str, inputs: &mut Inputs) {
        if let Some(Err(error)) = self.with(|link| link.accept_answer(now, sdp)) {
            self.fail(error.to_string(), inputs);
        }
    }

    pub(super) fn add_remote(&mut self, now: Instant, candidate: &str, inputs: &mut Inputs) {
        if let Some(Err(error)) = self.with(|link| link.add_remote_candidate(now, candidate)) {
            // One candidate less: a hidden name, TCP, or nonsense.
            tracing::debug!(parent: &self.span, %error, "remote candidate ignored");
        }
        // A check may have come from there before: now it is known what it is.
        if let (Some(path), Some(before)) = (self.path(), &self.reported)
            && !path.leads_as(before)
        {
            self.report_path(inputs);
        }
    }

    /// Adds addresses that the next description will hold.
    pub(super) fn add_local(
        &mut self,
        now: Instant,
        candidates: impl IntoIterator<Item = LocalCandidate>,
    ) {
        for candidate in candidates {
            self.add(now, candidate);
        }
    }

    /// Adds an address on a relay that is spoken to in this way.
    pub(super) fn trickle_relayed(
        &mut self,
        now: Instant,
        candidate: LocalCandidate,
        transport: Transport,
        inputs: &mut Inputs,
    ) {
        self.transports.retain(|(address, _)| *address != candidate.addr);
        self.transports.push((candidate.addr, transport));
        self.trickle(now, [candidate], inputs);
    }

    /// Adds addresses and tells the other end of each by itself.
    pub(super) fn trickle(
        &mut self,
        now: Instant,
        candidates: impl IntoIterator<Item = LocalCandidate>,
        inputs: &mut Inputs,
    ) {
        for candidate in candidates {
            if let Some(line) = self.add(now, candidate) {
                let candidate = Candidate {
                    candidate: line,
                    sdp_mid: Some("0".to_owned()),
                    sdp_mline_index: Some(0),
                };
                inputs.push_back((self.sid, PeerInput::Candidate(candidate)));
            }
        }
    }

    fn add(&mut self, now: Instant, candidate: LocalCandidate) -> Option<String> {
        let is_hidden = self.relay_only && candidate.kind != CandidateKind::Relayed;
        if is_hidden || self.locals.iter().any(|known| known.addr == candidate.addr) {
            return None;
        }
        self.locals.push(candidate);
        self.with(|link| link.add_local_candidate(now, candidate)).flatten()
    }

    /// Forgets the candidates whose socket is no longer among `hosts`.
    pub(super) fn keep_local(&mut self, now: Instant, hosts: &[SocketAddr]) {
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.locals)
            .into_iter()
            .partition(|candidate| hosts.contains(&candidate.base));
        self.locals = kept;
        let bases: BTreeSet<SocketAddr> = gone.iter().map(|candidate| candidate.base).collect();
        for base in bases {
            self.with(|link| link.remove_local_address(now, base));
        }
    }

    /// Forgets an address on a relay.
    pub(super) fn remove_local(&mut self, now: Instant, address: SocketAddr) {
        let before = self.locals.len();
        self.locals.retain(|candidate| candidate.addr != address);
        self.transports.retain(|(known, _)| *known != address);
        if self.locals.len() < before {
            self.with(|link| link.remove_local_address(now, address));
        }
    }

    pub(super) fn candidates_done_if(&mut self, done: bool, inputs: &mut Inputs) {
        if done && self.gathering {
            self.gathering = false;
            inputs.push_back((self.sid, PeerInput::CandidatesDone));
        }
    }

    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        ours: SocketAddr,
        theirs: SocketAddr,
        bytes: &[u8],
    ) {
        self.with(|link| link.handle_datagram(now, ours, theirs, bytes));
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.with(|link| link.handle_timeout(now));
    }

    /// A frame of the channel `chat`. What the link has no room for waits here.
    pub(super) fn send(&mut self, now: Instant, frame: Vec<u8>, inputs: &mut Inputs) {
        if self.backlog_bytes + frame.len() > MAX_BACKLOG_BYTES {
            return self.fail("more was sent than the connection can take".to_owned(), inputs);
        }
        self.backlog_bytes += frame.len();
        self.believed += frame.len();
        self.backlog.push_back(frame);
        self.send_backlog(now, inputs);
    }

    fn send_backlog(&mut self, now: Instant, inputs: &mut Inputs) {
        while let Some(frame) = self.backlog.pop_front() {
            match self.with(|link| link.send(now, Channel::Chat, &frame)) {
                Some(Err(SendError::Full | SendError::NotOpen)) => {
                    return self.backlog.push_front(frame);
                }
                Some(Err(error @ SendError::TooLarge { .. })) => {
                    self.backlog_bytes -= frame.len();
                    return self.fail(error.to_string(), inputs);
                }
                Some(Ok(()) | Err(SendError::Closed)) | None => self.backlog_bytes -= frame.len(),
            }
        }
    }

    pub(super) fn read(&mut self, on: bool) {
        self.reading = on;
    }

    /// Before datagrams are taken: events, and frames that had no room.
    pub(super) fn before_flush(&mut self, now: Instant, inputs: &mut Inputs) {
        while self.reading
            && let Some(event) = self.with(Link::poll_event).flatten()
        {
            self.translate(event, inputs);
        }
        self.send_backlog(now, inputs);
    }

    fn translate(&mut self, event: Event, inputs: &mut Inputs) {
        let input = match event {
            Event::Connected => {
                self.report_path(inputs);
                PeerInput::Opened
            }
            Event::Message { channel: Channel::Chat, data } => PeerInput::Frame(data),
            // Nothing is agreed on for this channel yet.
            Event::Message { channel: Channel::File, .. } => return,
            // The buffered bytes are reported at the end of the flush.
            Event::BufferedLow { .. } => return,
            Event::IceDisconnected => PeerInput::Disconnected,
            Event::IceReconnected => PeerInput::Reconnected,
            Event::RelayedPathQuiet => {
                self.doubts_relay = true;
                return;
            }
            Event::PathChanged => return self.report_path(inputs),
            Event::Failed(Failure::FingerprintMismatch) => {
                return self.end(PeerInput::OtherCertificate, inputs);
            }
            Event::Failed(failure) => return self.fail(failure.to_string(), inputs),
            Event::Closed => return self.end(PeerInput::Closed, inputs),
        };
        inputs.push_back((self.sid, input));
    }

    /// Whether a relay may be gone, once each time.
    pub(super) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubts_relay)
    }

    /// Tells the engine of the path, and of what has passed over it, if that is news.
    pub(super) fn report_path(&mut self, inputs: &mut Inputs) {
        let Some(path) = self.path() else { return };
        if self.reported.as_ref() != Some(&path) {
            self.reported = Some(path.clone());
            inputs.push_back((self.sid, PeerInput::Path(path)));
        }
    }

    /// The path as the engine is told of it; which transport leads to our relay is known
    /// elsewhere.
    fn path(&mut self) -> Option<Path> {
        let stats = self.with(|link| link.stats())?;
        let path = stats.path?;
        let all = stats.packets_sent + stats.packets_again;
        let permille = stats.packets_again * 1_000 / all.max(1);
        let transport = (self.transports.iter()).find(|(address, _)| *address == path.local);
        Some(Path {
            local: kind(path.local_kind).to_owned(),
            remote: kind(path.remote_kind).to_owned(),
            local_address: path.local.to_string(),
            remote_address: path.remote.to_string(),
            relay_transport: transport.map(|(_, transport)| transport_name(*transport).to_owned()),
            rtt_micros: stats.rtt.map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
            loss_permille: u32::try_from(permille).ok().filter(|_| all >= LEAST_PACKETS),
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
        })
    }

    /// After datagrams were taken: what is buffered, and whether it is time to close.
    pub(super) fn after_flush(&mut self, now: Instant, inputs: &mut Inputs) {
        if self.link.is_none() {
            return self.fail(FAULT.to_owned(), inputs);
        }
        let buffered = self.buffered();
        let moved = buffered.abs_diff(self.believed) >= REPORT_BYTES;
        if moved || (buffered == 0 && self.believed != 0) {
            self.believed = buffered;
            inputs.push_back((self.sid, PeerInput::Buffered(buffered)));
        }
        if self.close_by.is_some_and(|by| buffered == 0 || now >= by) && !self.over {
            self.close_now(now);
        }
    }

    fn buffered(&mut self) -> usize {
        self.backlog_bytes + self.with(|link| link.buffered_amount(Channel::Chat)).unwrap_or(0)
    }

    pub(super) fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        self.with(|link| link.poll_transmit(now, out)).flatten()
    }

    pub(super) fn deadline(&mut self) -> Option<Instant> {
        let link = self.with(|link| link.poll_timeout()).flatten();
        [link, self.close_by].into_iter().flatten().min()
    }

    pub(super) fn close_soon(&mut self, now: Instant) {
        if self.close_by.is_none() {
            self.close_by = Some(now + CLOSE_AFTER);
        }
    }

    pub(super) fn close_now(&mut self, now: Instant) {
        self.over = true;
        self.with(|link| link.close(now));
    }

    fn fail(&mut self, reason: String, inputs: &mut Inputs) {
        self.end(PeerInput::Failed { reason }, inputs);
    }

    /// Nothing more will come of it, for this reason. The first counts.
    fn end(&mut self, why: PeerInput, inputs: &mut Inputs) {
        if !std::mem::replace(&mut self.over, true) {
            inputs.push_back((self.sid, why));
        }
    }

    /// What the link refused, by reason.
    pub(super) fn rejects(&mut self) -> BTreeMap<&'static str, u64> {
        self.with(|link| link.stats().rejects).unwrap_or_default()
    }

    /// Whether nothing more will come of it.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// What a defect of the link would do.
    #[cfg(test)]
    pub(super) fn fault_for_test(&mut self) {
        self.with(|_| panic!("a defect, for a test"));
    }

    /// The end of the link, whatever it does when it is dropped.
    pub(super) fn discard(mut self) {
        drop_quietly(self.link.take());
    }
}

fn drop_quietly(link: Option<Box<Link>>) {
    // A link that has panicked may do so again.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(link)));
}

fn kind(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Host => "host",
        CandidateKind::ServerReflexive => "srflx",
        CandidateKind::PeerReflexive => "prflx",
        CandidateKind::Relayed => "relay",
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    }
}
