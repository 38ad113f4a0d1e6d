//! DTLS with the peer whose certificate was announced: restarts a handshake that went wrong and
//! lets none but an authenticated one count (RFC 8842, RFC 9147, RFC 6347).
//!
//! Plaintext handshake messages can be damaged or forged by anyone who can send from the peer's
//! address, and a damaged one ruins the attempt that takes it. So the client starts over when an
//! attempt stands still, and the server runs a few attempts side by side, one for each distinct
//! ClientHello, until one proves possession of the right certificate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dimpl::DtlsCertificate;

use crate::config::Config;
use crate::dtls_attempt::{Attempt, Hello, Record};

/// Attempts a server runs at once; each costs about 20 KB and a key exchange.
const MAX_ATTEMPTS: usize = 8;
/// Age at which a server's unfinished attempt gives way to a newer one; on a slow path four round
/// trips.
const ATTEMPT_LIFE: Duration = Duration::from_millis(600);
/// ServerHellos remembered so that a late one cannot ruin the next attempt.
const MAX_STALE_HELLOS: usize = 16;
/// Least and most wait of a client before it gives up an attempt that was answered; on a slow
/// path the most is three round trips.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(3));
/// Wait of a client before it gives up an attempt nobody answered.
const UNANSWERED_PATIENCE: Duration = Duration::from_secs(4);
/// Bounds of the first repetition of a flight; between them it is half the round trip, so that a
/// lost datagram costs less than a round trip (trap: dimpl's own default is a second).
const FLIGHT_RTO: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));

pub(crate) struct Dtls {
    config: Config,
    certificate: DtlsCertificate,
    client: bool,
    expected: [u8; 32],
    rtt: Duration,
    session: Option<Attempt>,
    /// Unfinished attempts, the newest hello last.
    attempts: Vec<Attempt>,
    /// No new session may replace the present one: data has been exchanged on it.
    settled: bool,
    restart_at: Option<Instant>,
    restarts: u32,
    stale_hellos: VecDeque<[u8; 32]>,
    scratch: Vec<u8>,
    /// Records to send.
    pub(crate) packets: VecDeque<Vec<u8>>,
    /// Plaintext received on the session.
    pub(crate) inbound: VecDeque<Bytes>,
}

/// What a call to the DTLS layer led to, beyond packets and data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DtlsEvent {
    /// A session with the right certificate is up; it may replace an earlier one.
    Connected,
    /// A finished handshake showed another certificate.
    Mismatch,
    /// The peer closed the session.
    Closed,
    /// The established session broke.
    Broken,
    /// The datagram was of no use; the reason to count.
    Rejected(&'static str),
}

impl Dtls {
    pub(crate) fn new(
        config: &Config,
        certificate: DtlsCertificate,
        client: bool,
        expected: [u8; 32],
    ) -> Dtls {
        Dtls {
            config: config.clone(),
            certificate,
            client,
            expected,
            rtt: Duration::ZERO,
            session: None,
            attempts: Vec::new(),
            settled: false,
            restart_at: None,
            restarts: 0,
            stale_hellos: VecDeque::new(),
            scratch: vec![0; 2048],
            packets: VecDeque::new(),
            inbound: VecDeque::new(),
        }
    }

    pub(crate) fn is_client(&self) -> bool {
        self.client
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    /// A path of this round-trip time exists: a client starts its first attempt.
    pub(crate) fn path_found(&mut self, now: Instant, rtt: Option<Duration>) {
        self.rtt = rtt.unwrap_or(self.rtt);
        if self.client && self.session.is_none() && self.attempts.is_empty() {
            self.start_client(now);
        }
    }

    /// From here on the session stays, whatever arrives.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
        self.attempts.clear();
        self.restart_at = None;
    }

    /// Starts over although the session looks established: the peer does not answer on it.
    pub(crate) fn start_over(&mut self, now: Instant) {
        if self.client && !self.settled {
            self.session = None;
            self.restarts += 1;
            self.start_client(now);
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, data: &[u8]) -> Option<DtlsEvent> {
        if self.settled {
            return self.feed_session(now, data);
        }
        if self.client {
            self.handle_as_client(now, data)
        } else {
            self.handle_as_server(now, data)
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<DtlsEvent> {
        if let Some(session) = &mut self.session
            && session.deadline.is_some_and(|deadline| deadline <= now)
        {
            if session.handle_timeout(now).is_err() {
                return Some(DtlsEvent::Broken);
            }
            return self.drain_session();
        }
        // Only the newest hello's attempt repeats itself: others would confuse the client.
        if let Some(newest) = self.attempts.last_mut()
            && newest.deadline.is_some_and(|deadline| deadline <= now)
        {
            if newest.handle_timeout(now).is_err() {
                self.give_up_newest(now);
            } else {
                return self.drain_attempt(self.attempts.len() - 1);
            }
        }
        if self.restart_deadline().is_some_and(|deadline| deadline <= now) {
            self.restarts += 1;
            self.start_client(now);
        }
        None
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let session = self.session.as_ref().and_then(|session| session.deadline);
        let newest = self.attempts.last().and_then(|attempt| attempt.deadline);
        [session, newest, self.restart_deadline()].into_iter().flatten().min()
    }

    /// Encrypts one packet and appends the record to `out`. False when the session cannot.
    pub(crate) fn seal(&mut self, now: Instant, data: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(session) = &mut self.session else { return false };
        if session.send(now, data).is_err() {
            return false;
        }
        // One record goes to `out`; a key update that came due goes its own way. The queue of
        // dimpl is short: it is emptied after every send (trap 6).
        let mut first = true;
        let (packets, inbound) = (&mut self.packets, &mut self.inbound);
        session.drain(&mut self.scratch, |record| match record {
            Record::Packet(packet) if first => {
                first = false;
                out.extend_from_slice(packet);
            }
            Record::Packet(packet) => packets.push_back(packet.to_vec()),
            Record::Data(data) => inbound.push_back(Bytes::copy_from_slice(data)),
            Record::Connected | Record::Closed => {}
        });
        !first
    }

    /// Queues the close alert of an established session.
    pub(crate) fn close(&mut self) {
        self.attempts.clear();
        self.restart_at = None;
        if let Some(session) = &mut self.session {
            session.close();
            let packets = &mut self.packets;
            session.drain(&mut self.scratch, |record| {
                if let Record::Packet(packet) = record {
                    packets.push_back(packet.to_vec());
                }
            });
        }
    }

    fn handle_as_client(&mut self, now: Instant, data: &[u8]) -> Option<DtlsEvent> {
        let hello = Hello::of_server(data);
        if hello.as_ref().is_some_and(|hello| self.stale_hellos.contains(&hello.random)) {
            return Some(DtlsEvent::Rejected("dtls_stale_hello"));
        }
        if self.session.is_some() {
            return self.feed_session(now, data);
        }
        let Some(attempt) = self.attempts.last_mut() else {
            return Some(DtlsEvent::Rejected("dtls_early"));
        };
        match attempt.handle(now, data) {
            Ok(()) => {
                if attempt.answered.is_none() {
                    attempt.answered = Some(now);
                }
                attempt.hello = hello.or(attempt.hello.take());
                self.drain_attempt(self.attempts.len() - 1)
            }
            Err(_) if attempt.is_undecided() => Some(DtlsEvent::Rejected("dtls_stray")),
            Err(_) => {
                self.give_up_newest(now);
                Some(DtlsEvent::Rejected("dtls_handshake_error"))
            }
        }
    }

    fn handle_as_server(&mut self, now: Instant, data: &[u8]) -> Option<DtlsEvent> {
        if let Some(hello) = Hello::of_client(data) {
            let is_known = |attempt: &Attempt| {
                attempt.hello.as_ref().is_some_and(|first| hello.continues(first))
            };
            if self.session.as_ref().is_some_and(is_known) {
                return self.feed_session(now, data);
            }
            if let Some(known) = self.attempts.iter().position(is_known) {
                let attempt = self.attempts.remove(known);
                self.attempts.push(attempt);
            } else if !self.admit(now, hello) {
                return Some(DtlsEvent::Rejected("dtls_hello_flood"));
            }
            return self.feed_attempt(now, self.attempts.len() - 1, data);
        }
        let mut event = self.session.is_some().then(|| self.feed_session(now, data)).flatten();
        // Newest first, and downward so that a failed attempt may be removed.
        for index in (0..self.attempts.len()).rev() {
            if index < self.attempts.len() {
                event = self.feed_attempt(now, index, data).or(event);
            }
        }
        event
    }

    /// Makes room for one more attempt of a server; false when the present ones are too young.
    fn admit(&mut self, now: Instant, hello: Hello) -> bool {
        if self.attempts.len() >= MAX_ATTEMPTS {
            let life = ATTEMPT_LIFE.max(self.rtt * 4);
            let Some(old) = self.attempts.iter().position(|a| now >= a.started + life) else {
                return false;
            };
            self.attempts.remove(old);
        }
        match Attempt::new(&self.config, &self.certificate, false, self.rto(), now) {
            Ok(mut attempt) => {
                attempt.hello = Some(hello);
                self.attempts.push(attempt);
                true
            }
            Err(_) => false,
        }
    }

    fn start_client(&mut self, now: Instant) {
        for attempt in self.attempts.drain(..) {
            if let Some(Hello { random, .. }) = attempt.hello {
                if self.stale_hellos.len() == MAX_STALE_HELLOS {
                    self.stale_hellos.pop_front();
                }
                self.stale_hellos.push_back(random);
            }
        }
        self.restart_at = None;
        match Attempt::new(&self.config, &self.certificate, true, self.rto(), now) {
            Ok(attempt) => {
                self.attempts.push(attempt);
                self.drain_attempt(0);
            }
            Err(_) => self.restart_at = Some(now + PATIENCE.1),
        }
    }

    fn rto(&self) -> Duration {
        (self.rtt / 2).clamp(FLIGHT_RTO.0, FLIGHT_RTO.1)
    }

    /// How long an answered attempt may take: several repetitions, and longer each third time.
    pub(crate) fn patience(&self) -> Duration {
        let least = PATIENCE.1.max(self.rtt * 3);
        let base = (self.rtt * 6).clamp(PATIENCE.0, least);
        (base * 2u32.saturating_pow((self.restarts / 3).min(2))).min(least)
    }

    /// When a client starts over, if its attempt has not finished by then.
    fn restart_deadline(&self) -> Option<Instant> {
        if !self.client || self.session.is_some() {
            return None;
        }
        let attempt = self.attempts.last().map(|attempt| match attempt.answered {
            Some(answered) => answered + self.patience(),
            None => attempt.started + UNANSWERED_PATIENCE.max(self.rtt * 3),
        });
        self.restart_at.or(attempt)
    }

    fn give_up_newest(&mut self, now: Instant) {
        if self.client {
            // Starting over at once would let a stream of damaged datagrams cost a key exchange
            // each, so there is a pause that grows.
            let pause = Duration::from_millis(50 << (self.restarts / 2).min(3));
            self.restart_at = Some(self.restart_at.map_or(now + pause, |at| at.min(now + pause)));
            if let Some(attempt) = self.attempts.last_mut() {
                attempt.deadline = None;
            }
        } else {
            self.attempts.pop();
        }
    }

    fn feed_session(&mut self, now: Instant, data: &[u8]) -> Option<DtlsEvent> {
        let session = self.session.as_mut()?;
        if session.handle(now, data).is_err() {
            return Some(DtlsEvent::Broken);
        }
        self.drain_session()
    }

    fn feed_attempt(&mut self, now: Instant, index: usize, data: &[u8]) -> Option<DtlsEvent> {
        if self.attempts[index].handle(now, data).is_err() {
            self.attempts.remove(index);
            return Some(DtlsEvent::Rejected("dtls_handshake_error"));
        }
        self.drain_attempt(index)
    }

    fn drain_session(&mut self) -> Option<DtlsEvent> {
        let session = self.session.as_mut()?;
        let mut event = None;
        let (packets, inbound) = (&mut self.packets, &mut self.inbound);
        session.drain(&mut self.scratch, |record| match record {
            Record::Packet(packet) => packets.push_back(packet.to_vec()),
            Record::Data(data) => inbound.push_back(Bytes::copy_from_slice(data)),
            Record::Connected => {}
            Record::Closed => event = Some(DtlsEvent::Closed),
        });
        event
    }

    fn drain_attempt(&mut self, index: usize) -> Option<DtlsEvent> {
        let mut connected = false;
        let mut early = Vec::new();
        let packets = &mut self.packets;
        self.attempts[index].drain(&mut self.scratch, |record| match record {
            Record::Packet(packet) => packets.push_back(packet.to_vec()),
            Record::Data(data) => early.push(Bytes::copy_from_slice(data)),
            Record::Connected => connected = true,
            Record::Closed => {}
        });
        if !connected {
            return None;
        }
        // Only now has the peer proved that it holds the certificate it showed.
        let attempt = self.attempts.remove(index);
        if attempt.peer != Some(self.expected) {
            return Some(DtlsEvent::Mismatch);
        }
        self.session = Some(attempt);
        self.attempts.clear();
        self.inbound.clear();
        self.inbound.extend(early);
        Some(DtlsEvent::Connected)
    }
}
