//! Server-reflexive addresses: under which address do STUN servers see our sockets?
//!
//! All links share the sockets and therefore the answer, so it is asked for once and kept for a
//! short while.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tincan_link::{CandidateKind, LocalCandidate, StunProbe};

use crate::udp::UdpSockets;

/// When a probe is sent, counted from its start; it has failed at the last of them. RFC 8489
/// §6.2.1 doubles from 500 ms; a person waits here, so it begins earlier.
const SCHEDULE: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_millis(600),
    Duration::from_millis(1_400),
    Duration::from_millis(3_000),
];

/// How long an answer is good: NATs forget an unused mapping after 30 s or more.
const FRESH: Duration = Duration::from_secs(15);

/// The most servers asked.
const MAX_SERVERS: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Gather {
    servers: Vec<SocketAddr>,
    state: State,
    found: Vec<LocalCandidate>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Asking {
        since: Instant,
        step: usize,
        probes: Vec<(SocketAddr, StunProbe)>,
    },
    Done {
        at: Instant,
    },
}

impl Gather {
    /// Servers on this machine are left out: they see what we know already.
    pub(crate) fn set_servers(&mut self, mut servers: Vec<SocketAddr>) {
        servers.retain(|server| !server.ip().is_loopback());
        servers.sort_unstable();
        servers.dedup();
        servers.truncate(MAX_SERVERS);
        if servers != self.servers {
            self.servers = servers;
            self.forget();
        }
    }

    /// What was found is no longer true.
    pub(crate) fn forget(&mut self) {
        self.found.clear();
        self.state = State::Idle;
    }

    /// A connection wants to know; asks unless the answer is fresh or on its way.
    pub(crate) fn begin(&mut self, now: Instant) {
        let stale = match self.state {
            State::Idle => true,
            State::Asking { .. } => false,
            State::Done { at } => now.saturating_duration_since(at) > FRESH,
        };
        if !stale {
            return;
        }
        self.found.clear();
        let probes = self.servers.iter().filter_map(|server| Some((*server, probe()?))).collect();
        self.state = State::Asking { since: now, step: 0, probes };
        self.finish_if_answered(now);
    }

    /// What is known.
    pub(crate) fn found(&self) -> Vec<LocalCandidate> {
        self.found.clone()
    }

    /// Whether nothing more will be found for now.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done { .. })
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Asking { since, step, .. } => SCHEDULE.get(step).map(|after| since + *after),
            State::Idle | State::Done { .. } => None,
        }
    }

    /// Sends what is due; `true` if it was the last chance.
    pub(crate) fn handle_timeout(&mut self, now: Instant, udp: &UdpSockets) -> bool {
        if self.deadline().is_none_or(|at| at > now) {
            return false;
        }
        let State::Asking { step, probes, .. } = &mut self.state else { return false };
        *step += 1;
        if *step < SCHEDULE.len() {
            for (server, probe) in probes {
                udp.send_anywhere(*server, &probe.request());
            }
            return false;
        }
        self.state = State::Done { at: now };
        true
    }

    /// A new candidate, if the datagram is the answer to a probe of ours.
    pub(crate) fn handle_answer(
        &mut self,
        ours: SocketAddr,
        theirs: SocketAddr,
        bytes: &[u8],
    ) -> Option<LocalCandidate> {
        let State::Asking { probes, .. } = &mut self.state else { return None };
        let answered = probes.iter().position(|(server, _)| *server == theirs)?;
        let addr = probes[answered].1.handle(bytes)?;
        probes.swap_remove(answered);
        self.finish_if_answered(Instant::now());
        let candidate = LocalCandidate { addr, base: ours, kind: CandidateKind::ServerReflexive };
        let known = addr == ours || self.found.contains(&candidate);
        if known || addr.is_ipv4() != ours.is_ipv4() {
            return None;
        }
        self.found.push(candidate);
        Some(candidate)
    }

    fn finish_if_answered(&mut self, now: Instant) {
        if matches!(&self.state, State::Asking { probes, .. } if probes.is_empty()) {
            self.state = State::Done { at: now };
        }
    }
}

/// `None` where the system has no randomness to give; then there is no probe either.
fn probe() -> Option<StunProbe> {
    let mut transaction = [0; 12];
    getrandom::fill(&mut transaction).ok()?;
    Some(StunProbe::new(transaction))
}
