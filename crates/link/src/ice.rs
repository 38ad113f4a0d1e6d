//! Finding and keeping a path to the peer: ICE (RFC 8445) over the `is` agent, one agent per
//! generation of credentials, so that a restart does not give up the path that still works.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, StunPacket};
use is::{IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol};

use crate::candidate::{CandidateError, CandidateKind, LocalCandidate, parse_remote};
use crate::config::Config;
use crate::stun::is_request;
use crate::triggered::Triggered;

/// Remote candidates kept per generation; a peer's description holds at most as many.
const MAX_REMOTE: usize = 32;
/// Local candidates; more interfaces than that only make opening slower.
const MAX_LOCAL: usize = 16;
/// Pairs checked at once, so that a peer cannot make this end flood others.
const MAX_PAIRS: usize = 64;
/// Addresses that answered a check and may therefore send DTLS. A peer has few.
const MAX_VALIDATED: usize = 32;
/// Least time between two checks (RFC 8445 §14.2 allows 5 ms).
const PACING: Duration = Duration::from_millis(5);
/// Unanswered checks after which a pair is given up.
const MAX_CHECKS: usize = 9;
/// Checks that came before the peer's description and are answered at once.
const EARLY_CHECKS: usize = 4;
/// Least time between two new starts of the check list while nothing answers.
const REVIVE_INTERVAL: Duration = Duration::from_secs(1);

/// How long relays are kept out of it where the peer keeps to the first pair that answers: it hears
/// of our other addresses a round trip after those that a server sees are known, and relays are
/// known as soon.
const HEAD_START: Duration = Duration::from_millis(250);

/// The two addresses data travels between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// A datagram to send.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) path: Path,
    pub(crate) bytes: Vec<u8>,
}

/// What became of a STUN datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StunVerdict {
    Accepted,
    Malformed,
    /// Wrong user, wrong password, or no such transaction.
    NotOurs,
}

#[derive(Debug)]
pub(crate) struct Ice {
    controlling: bool,
    tie_breaker: u64,
    current: Generation,
    previous: Option<Generation>,
    locals: Vec<LocalCandidate>,
    path: Option<Path>,
    /// The path that the agents agreed on; `path` may have left it for one that answers.
    chosen: Option<Path>,
    /// Whether `path` is left for the next that answers.
    doubted: bool,
    /// Another path than `path` that was the last to answer.
    spare: Option<(Path, Instant)>,
    /// Whether `path` came from the newest generation's nomination.
    nominated: bool,
    validated: VecDeque<SocketAddr>,
    last_consent: Option<Instant>,
    /// Until when only direct pairs are checked.
    direct_until: Option<Instant>,
}

#[derive(Debug)]
struct Generation {
    agent: IceAgent,
    remote_count: usize,
    exhausted: bool,
    revived: Option<Instant>,
    triggered: Triggered,
}

impl Ice {
    pub(crate) fn new(
        config: &Config,
        controlling: bool,
        creds: IceCreds,
        tie_breaker: u64,
    ) -> Ice {
        Ice {
            controlling,
            tie_breaker,
            current: Generation::new(config, controlling, creds, tie_breaker),
            previous: None,
            locals: Vec::new(),
            path: None,
            chosen: None,
            doubted: false,
            spare: None,
            nominated: false,
            validated: VecDeque::new(),
            last_consent: None,
            direct_until: None,
        }
    }

    /// The peer will keep to the first pair that answers: direct ones get a head start.
    pub(crate) fn favour_direct(&mut self, now: Instant) {
        self.direct_until = Some(now + HEAD_START);
    }

    /// Whether it is too early for a relay on this path.
    fn is_held(&self, now: Instant, path: Path) -> bool {
        let is_early = self.direct_until.is_some_and(|until| now < until);
        let has_direct = || self.locals.iter().any(|local| local.kind != CandidateKind::Relayed);
        is_early && has_direct() && self.is_relay_on(path)
    }

    pub(crate) fn creds(&self) -> &IceCreds {
        self.current.agent.local_credentials()
    }

    /// The fragment of the generation before, while it still carries the path.
    pub(crate) fn previous_ufrag(&self) -> Option<&str> {
        self.previous.as_ref().map(|g| g.agent.local_credentials().ufrag.as_str())
    }

    pub(crate) fn remote_creds(&self) -> Option<&IceCreds> {
        self.current.agent.remote_credentials()
    }

    pub(crate) fn path(&self) -> Option<Path> {
        self.path
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        let previous = self.previous.as_ref().and_then(|g| g.agent.nominated_pair_rtt());
        self.current.agent.nominated_pair_rtt().or(previous)
    }

    pub(crate) fn last_consent(&self) -> Option<Instant> {
        self.last_consent
    }

    /// Starts a new generation; the one that has a path is kept until the new one has.
    pub(crate) fn restart(&mut self, config: &Config, now: Instant, creds: IceCreds) {
        let fresh = Generation::new(config, self.controlling, creds, self.tie_breaker);
        let old = std::mem::replace(&mut self.current, fresh);
        if self.previous.is_none() || self.nominated {
            self.previous = Some(old);
        }
        self.nominated = false;
        for local in self.locals.clone() {
            self.current.add_local(now, &local);
        }
    }

    pub(crate) fn set_remote(&mut self, now: Instant, creds: IceCreds) {
        self.current.agent.set_remote_credentials(creds);
        // The peer's checks may have come before its description. The agent answers one of them
        // a turn, and would wait for its pacing in between.
        for _ in 0..EARLY_CHECKS {
            self.current.agent.handle_timeout(now);
        }
    }

    /// Adds an address of this end and returns its `candidate:` line.
    pub(crate) fn add_local(&mut self, now: Instant, local: LocalCandidate) -> Option<String> {
        if self.locals.len() >= MAX_LOCAL {
            return None;
        }
        let line = self.current.add_local(now, &local)?;
        if !self.locals.contains(&local) {
            self.locals.push(local);
        }
        if let Some(previous) = &mut self.previous {
            previous.add_local(now, &local);
        }
        Some(line)
    }

    /// The `candidate:` lines of this end, for a description.
    pub(crate) fn local_lines(&self) -> Vec<String> {
        self.current
            .agent
            .local_candidates()
            .filter(|candidate| candidate.kind() != is::CandidateKind::PeerReflexive)
            .map(|candidate| candidate.to_sdp_string())
            .collect()
    }

    /// Forgets every candidate on the socket `base`. True if the path used it.
    pub(crate) fn remove_local(&mut self, now: Instant, base: SocketAddr) -> bool {
        let removed: Vec<LocalCandidate> =
            self.locals.iter().filter(|local| local.base == base).copied().collect();
        self.locals.retain(|local| local.base != base);
        for candidate in removed.iter().filter_map(LocalCandidate::build) {
            self.current.agent.invalidate_candidate(&candidate);
            if let Some(previous) = &mut self.previous {
                previous.agent.invalidate_candidate(&candidate);
            }
        }
        let lost = self.path.is_some_and(|path| {
            path.local == base || removed.iter().any(|local| local.source() == path.local)
        });
        if lost {
            // Whichever pair answers next becomes the path without waiting for a nomination.
            self.nominated = false;
            self.last_consent = self.last_consent.map(|_| now);
        }
        lost
    }

    pub(crate) fn add_remote(&mut self, now: Instant, line: &str) -> Result<(), CandidateError> {
        let Some(candidate) = parse_remote(line)? else {
            return Ok(());
        };
        if self.current.remote_count >= MAX_REMOTE {
            return Err(CandidateError::TooMany);
        }
        self.current.remote_count += 1;
        let agent = &mut self.current.agent;
        let checked_first = candidate.kind() == is::CandidateKind::Relayed
            && agent.remote_candidates().any(|known| {
                known.kind() == is::CandidateKind::PeerReflexive && known.addr() == candidate.addr()
            });
        agent.add_remote_candidate(candidate.clone());
        if checked_first {
            // Its check came before it was told of, and asked for the priority of a direct path
            // (RFC 8445 §7.1.1), which would win over direct ones. Pairs with it begin anew.
            agent.invalidate_candidate(&candidate);
            agent.add_remote_candidate(candidate);
        }
        self.current.agent.handle_timeout(now);
        Ok(())
    }

    pub(crate) fn handle_stun(&mut self, now: Instant, path: Path, data: &[u8]) -> StunVerdict {
        if self.is_held(now, path) {
            // Whoever asks does so again.
            return StunVerdict::Accepted;
        }
        let generations = std::iter::once(&mut self.current).chain(&mut self.previous);
        let mut verdict = StunVerdict::NotOurs;
        let mut answered = false;
        for generation in generations {
            let Ok(message) = StunMessage::parse(data) else {
                return StunVerdict::Malformed;
            };
            let is_answer = message.is_successful_binding_response();
            let is_request = message.is_binding_request();
            let packet = StunPacket {
                proto: Protocol::Udp,
                source: path.remote,
                destination: path.local,
                message,
            };
            if generation.agent.handle_packet(now, packet) {
                // The agent nominates only in handle_timeout (trap 1).
                generation.agent.handle_timeout(now);
                answered = is_answer && generation.agent.has_viable_remote_candidate(path.remote);
                if is_answer {
                    generation.triggered.answered(path);
                }
                if is_request {
                    generation.triggered.peer_asks(path);
                }
                verdict = StunVerdict::Accepted;
                break;
            }
        }
        if answered {
            self.answered(now, path);
        }
        self.take_events(now);
        verdict
    }

    /// A check on `path` was answered: its remote may send, and it may carry data at once.
    fn answered(&mut self, now: Instant, path: Path) {
        if !self.validated.contains(&path.remote) {
            if self.validated.len() == MAX_VALIDATED {
                self.validated.pop_front();
            }
            self.validated.push_back(path.remote);
        }
        let current_lost = self.path.is_none_or(|p| !self.is_local(p.local)) || self.doubted;
        let is_return = self.chosen == Some(path);
        if self.is_local(path.local) && (current_lost || is_return) {
            self.path = Some(path);
        }
        if self.path == Some(path) {
            self.last_consent = Some(now);
            self.doubted = false;
        } else {
            self.spare = Some((path, now));
        }
    }

    /// Whether data goes through a relay, ours or the peer's, as far as is known.
    pub(crate) fn is_relayed(&self) -> bool {
        self.path.is_some_and(|path| self.is_relay_on(path))
    }

    fn is_relay_on(&self, path: Path) -> bool {
        let (local, remote) = self.kinds(path);
        local == CandidateKind::Relayed || remote == CandidateKind::Relayed
    }

    /// Data takes another path that has answered since the present one owes an answer, at once or
    /// as soon as there is one. The agents keep their nomination: the controlling end makes a new
    /// one when it has given up the pair, and if that answers again, data returns to it.
    pub(crate) fn doubt_path(&mut self, owed_since: Option<Instant>) {
        let fresh = |(_, at): &(Path, Instant)| owed_since.is_some_and(|owed| *at > owed);
        let spare = self.spare.take().filter(fresh).filter(|(path, _)| self.is_local(path.local));
        match spare {
            Some((path, at)) => {
                self.path = Some(path);
                self.last_consent = Some(at);
            }
            None => self.doubted = true,
        }
    }

    /// The path was heard, or is a new one.
    pub(crate) fn trust_path(&mut self) {
        self.doubted = false;
    }

    fn is_local(&self, source: SocketAddr) -> bool {
        self.locals.iter().any(|local| local.source() == source)
    }

    /// Whether DTLS from this address is listened to.
    pub(crate) fn is_validated(&self, remote: SocketAddr) -> bool {
        self.path.is_some_and(|path| path.remote == remote) || self.validated.contains(&remote)
    }

    /// Whether the peer named this address or sent an authentic check from it.
    pub(crate) fn is_known(&self, remote: SocketAddr) -> bool {
        self.current.agent.remote_candidates().any(|candidate| candidate.addr() == remote)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for generation in std::iter::once(&mut self.current).chain(&mut self.previous) {
            if generation.deadline().is_some_and(|deadline| deadline <= now) {
                generation.agent.handle_timeout(now);
                generation.revive(now);
            }
        }
        self.take_events(now);
    }

    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        let previous = self.previous.as_mut().and_then(Generation::deadline);
        [self.current.deadline(), previous].into_iter().flatten().min()
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        loop {
            let previous = || self.previous.as_mut().and_then(Generation::poll_transmit);
            let datagram = self.current.poll_transmit().or_else(previous)?;
            if !self.is_held(now, datagram.path) {
                return Some(datagram);
            }
        }
    }

    /// Whether the peer's address is known by a candidate of this kind.
    pub(crate) fn kinds(&self, path: Path) -> (CandidateKind, CandidateKind) {
        let local = self.locals.iter().filter(|l| l.source() == path.local).map(|l| l.kind).min();
        let previous = self.previous.as_ref();
        let remote = std::iter::once(&self.current)
            .chain(previous)
            .flat_map(|generation| generation.agent.remote_candidates())
            .filter(|candidate| candidate.addr() == path.remote)
            .map(|candidate| CandidateKind::of(candidate.kind()))
            // What the peer said of it tells more than that a check came from there.
            .min_by_key(|kind| (*kind == CandidateKind::PeerReflexive, *kind));
        let unknown = CandidateKind::PeerReflexive;
        (local.unwrap_or(unknown), remote.unwrap_or(unknown))
    }

    fn take_events(&mut self, now: Instant) {
        let mut new_path = None;
        while let Some(event) = self.current.agent.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } => {
                    new_path = Some(Path { local: source, remote: destination });
                }
                IceAgentEvent::IceConnectionStateChange(state) => {
                    self.current.exhausted = state == IceConnectionState::Disconnected;
                }
                _ => {}
            }
        }
        if let Some(path) = new_path {
            self.chosen = Some(path);
            if self.path.replace(path) != Some(path) {
                self.last_consent = Some(now);
            }
            self.nominated = true;
            self.previous = None;
        }
        let Some(previous) = &mut self.previous else { return };
        while let Some(event) = previous.agent.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } if !self.nominated => {
                    self.path = Some(Path { local: source, remote: destination });
                    self.chosen = self.path;
                }
                IceAgentEvent::IceConnectionStateChange(state) => {
                    previous.exhausted = state == IceConnectionState::Disconnected;
                }
                _ => {}
            }
        }
    }
}

impl Generation {
    fn new(config: &Config, controlling: bool, creds: IceCreds, tie_breaker: u64) -> Generation {
        let mut agent = IceAgent::new(creds);
        agent.set_controlling(controlling);
        agent.set_control_tie_breaker(tie_breaker);
        agent.set_local_preference(local_preference);
        agent.set_timing_advance(PACING);
        agent.set_initial_stun_rto(config.check_interval);
        agent.set_max_stun_rto(config.consent_interval);
        agent.set_max_stun_retransmits(MAX_CHECKS);
        agent.set_max_candidate_pairs(MAX_PAIRS);
        let triggered = Triggered::default();
        Generation { agent, remote_count: 0, exhausted: false, revived: None, triggered }
    }

    fn poll_transmit(&mut self) -> Option<Datagram> {
        let Some(transmit) = self.agent.poll_transmit() else { return self.triggered.poll() };
        let path = Path { local: transmit.source, remote: transmit.destination };
        let bytes = transmit.contents.to_vec();
        if is_request(&bytes) {
            self.triggered.asked(path, &bytes);
        }
        Some(Datagram { path, bytes })
    }

    fn add_local(&mut self, now: Instant, local: &LocalCandidate) -> Option<String> {
        let line = self.agent.add_local_candidate(local.build()?)?.to_sdp_string();
        self.agent.handle_timeout(now);
        Some(line)
    }

    /// `None` while there is nothing to check: without the peer's credentials.
    fn deadline(&mut self) -> Option<Instant> {
        self.agent.remote_credentials()?;
        self.agent.poll_timeout()
    }

    /// The agent forgets pairs that stay silent. A path may come back, so they are tried again.
    fn revive(&mut self, now: Instant) {
        let due = self.revived.is_none_or(|last| now >= last + REVIVE_INTERVAL);
        if self.exhausted && due {
            self.revived = Some(now);
            self.exhausted = false;
            self.agent.recreate_candidate_pairs();
            self.agent.handle_timeout(now);
        }
    }
}

/// All relayed candidates alike: between pairs through one relay and through two, the other end's
/// candidate then decides, and one relay wins. Else IPv6 through two would win over IPv4 through
/// one.
fn local_preference(candidate: &is::Candidate, same_kind: usize) -> u32 {
    const RELAYED: u32 = 16_383;
    match candidate.kind() {
        is::CandidateKind::Relayed => RELAYED,
        _ => is::default_local_preference(candidate, same_kind),
    }
}
