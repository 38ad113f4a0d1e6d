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

/// What a datagram was to the probes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The answer to one: an address that was not known.
    New(LocalCandidate),
    /// The answer to one, and nothing new.
    Known,
    /// Something else.
    Nothing,
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

    /// Looks whether the datagram is the answer to a probe.
    pub(crate) fn handle_answer(
        &mut self,
        ours: SocketAddr,
        theirs: SocketAddr,
        bytes: &[u8],
    ) -> Answered {
        let State::Asking { probes, .. } = &mut self.state else { return Answered::Nothing };
        let asked = probes.iter().position(|(server, _)| *server == theirs);
        let Some(asked) = asked else { return Answered::Nothing };
        let Some(addr) = probes[asked].1.handle(bytes) else { return Answered::Nothing };
        probes.swap_remove(asked);
        self.finish_if_answered(Instant::now());
        let candidate = LocalCandidate { addr, base: ours, kind: CandidateKind::ServerReflexive };
        let known = addr == ours || self.found.contains(&candidate);
        if known || addr.is_ipv4() != ours.is_ipv4() {
            return Answered::Known;
        }
        self.found.push(candidate);
        Answered::New(candidate)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn server(n: u8) -> SocketAddr {
        ([192, 0, 2, n], 3478).into()
    }

    fn ours() -> SocketAddr {
        ([198, 51, 100, 1], 5000).into()
    }

    /// A success response with our address as 203.0.113.9:7.
    fn answer_to(request: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 1, 0, 12, 0x21, 0x12, 0xA4, 0x42];
        bytes.extend_from_slice(&request[8..20]);
        bytes.extend_from_slice(&[0, 0x20, 0, 8, 0, 1, 0x21, 0x12 ^ 7]);
        let ip = [203 ^ 0x21, 0x12, 113 ^ 0xA4, 9 ^ 0x42];
        bytes.extend_from_slice(&ip);
        bytes
    }

    fn asking(servers: &[SocketAddr]) -> Gather {
        let mut gather = Gather::default();
        gather.set_servers(servers.to_vec());
        gather.begin(Instant::now());
        gather
    }

    fn request_to(gather: &Gather, server: SocketAddr) -> Vec<u8> {
        let State::Asking { probes, .. } = &gather.state else { panic!("not asking") };
        probes.iter().find(|(other, _)| *other == server).unwrap().1.request()
    }

    #[test]
    fn without_servers_nothing_is_waited_for() {
        let gather = asking(&[]);
        assert!(gather.is_done());
        assert_eq!(gather.deadline(), None);
    }

    #[test]
    fn servers_on_this_machine_are_left_out() {
        assert!(asking(&["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()]).is_done());
    }

    #[test]
    fn an_answer_is_a_candidate_once() {
        let mut gather = asking(&[server(1), server(2)]);
        let answers = [1, 2].map(|n| answer_to(&request_to(&gather, server(n))));
        let Answered::New(found) = gather.handle_answer(ours(), server(1), &answers[0]) else {
            panic!("it is new");
        };
        assert_eq!((found.addr, found.base), ("203.0.113.9:7".parse().unwrap(), ours()));
        assert!(!gather.is_done());
        let again = gather.handle_answer(ours(), server(2), &answers[1]);
        assert_eq!(again, Answered::Known);
        assert!(gather.is_done());
        assert_eq!(gather.found(), [found]);
    }

    #[test]
    fn answers_that_nobody_asked_for_are_ignored() {
        let mut gather = asking(&[server(1)]);
        let answer = answer_to(&request_to(&gather, server(1)));
        assert_eq!(gather.handle_answer(ours(), server(9), &answer), Answered::Nothing);
        assert_eq!(
            gather.handle_answer(ours(), server(1), &answer_to(&[0; 20])),
            Answered::Nothing
        );
        assert_eq!(gather.handle_answer(ours(), server(1), b""), Answered::Nothing);
        assert!(!gather.is_done());
    }

    #[tokio::test]
    async fn a_server_that_is_silent_is_given_up() {
        let udp = UdpSockets::bind().unwrap();
        let mut gather = asking(&[server(1)]);
        let mut turns = 0;
        while let Some(at) = gather.deadline() {
            gather.handle_timeout(at, &udp);
            turns += 1;
        }
        assert!(gather.is_done());
        assert_eq!(turns, SCHEDULE.len());
    }

    #[test]
    fn what_is_fresh_is_not_asked_again() {
        let mut gather = asking(&[server(1)]);
        let answer = answer_to(&request_to(&gather, server(1)));
        gather.handle_answer(ours(), server(1), &answer);
        gather.begin(Instant::now());
        assert!(gather.is_done());
        gather.begin(Instant::now() + FRESH + Duration::from_secs(1));
        assert!(!gather.is_done() && gather.found().is_empty());
    }
}
