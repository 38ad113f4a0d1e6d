//! Datagrams and time going in, and the work they cause.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::dtls::{Dtls, DtlsEvent};
use crate::event::{Event, Failure};
use crate::ice::{Datagram, Path, StunVerdict};
use crate::link::{Link, Phase};
use crate::sctp::{Sctp, SctpChange};
use crate::stun::{is_request, looks_like_stun};

/// Datagrams of handshakes and checks that wait to be polled; an owner that polls as told never
/// has more than a few.
const MAX_CONTROL: usize = 256;
/// DTLS datagrams held until their sender's address is validated: one flight.
const MAX_EARLY: usize = 4;
/// Largest of them in bytes; flights fit the least MTU.
const MAX_EARLY_SIZE: usize = 1500;
/// Least wait of the DTLS client for an answer to its SCTP opening before it doubts the session;
/// on a slow path, and after it doubted, as long as for an answered handshake.
const SCTP_PATIENCE: Duration = Duration::from_secs(2);
/// Room an event queue has beyond messages: an owner that never takes events loses the rest.
const MAX_EVENTS: usize = 4096;

impl Link {
    /// Takes one datagram that arrived at the local address `local` (for a relayed candidate, its
    /// address on the relay) from `remote`.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) {
        self.now = now;
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += data.len() as u64;
        if self.phase == Phase::Over {
            self.count("after_end");
            return;
        }
        self.guarded((), |link| {
            let path = Path { local, remote };
            // RFC 7983 §7: the first byte tells the protocols on one socket apart.
            match data.first() {
                Some(0..=3) if looks_like_stun(data) => link.handle_stun(now, path, data),
                Some(20..=63) => link.handle_dtls(now, path, data),
                _ => link.count("not_webrtc"),
            }
        });
    }

    /// Tells the time; due from [`poll_timeout`](Link::poll_timeout) on, harmless before.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.pace.ticked(now);
        if self.phase == Phase::Over {
            return;
        }
        self.guarded((), |link| {
            link.ice.handle_timeout(now);
            if let Some(event) = link.dtls.as_mut().and_then(|dtls| dtls.handle_timeout(now)) {
                link.handle_dtls_event(now, event);
            }
            if let Some(sctp) = &mut link.sctp {
                sctp.handle_timeout(now);
            }
        });
        self.drive(now);
        self.check_deadlines(now);
    }

    fn handle_stun(&mut self, now: Instant, path: Path, data: &[u8]) {
        match self.ice.handle_stun(now, path, data) {
            StunVerdict::Accepted => self.heard_on(now, path),
            StunVerdict::Malformed => self.count("stun_malformed"),
            StunVerdict::NotOurs => self.count("stun_not_ours"),
        }
        self.drive(now);
        for _ in 0..self.early.len() {
            let Some(datagram) = self.early.pop_front() else { break };
            if self.ice.is_validated(datagram.path.remote) {
                self.handle_dtls(now, datagram.path, &datagram.bytes);
            } else {
                self.early.push_back(datagram);
            }
        }
    }

    fn handle_dtls(&mut self, now: Instant, path: Path, data: &[u8]) {
        if !self.ice.is_validated(path.remote) {
            self.hold_early(path, data);
            return;
        }
        let Some(dtls) = &mut self.dtls else {
            self.count("dtls_early");
            return;
        };
        if let Some(event) = dtls.handle(now, data) {
            self.handle_dtls_event(now, event);
        }
        if self.dtls.as_ref().is_some_and(|dtls| !dtls.inbound.is_empty()) {
            self.heard_on(now, path);
        }
        self.take_plaintext(now);
        if self.phase != Phase::Open {
            self.drive(now);
        } else {
            self.collect_records();
        }
    }

    /// Something authentic has come this way.
    fn heard_on(&mut self, now: Instant, path: Path) {
        if self.ice.path() == Some(path) {
            self.quiet.heard(now);
            self.ice.trust_path();
        }
    }

    /// The peer may have validated the path a moment before this end: its first flight, or what
    /// it sends again on a path that is new, waits for the check instead of costing a repetition.
    fn hold_early(&mut self, path: Path, data: &[u8]) {
        let room = self.early.len() < MAX_EARLY && data.len() <= MAX_EARLY_SIZE;
        if self.remote.is_some() && room && self.ice.is_known(path.remote) {
            self.early.push_back(Datagram { path, bytes: data.to_vec() });
        } else {
            self.count("dtls_from_unvalidated_address");
        }
    }

    fn handle_dtls_event(&mut self, now: Instant, event: DtlsEvent) {
        match event {
            DtlsEvent::Connected => {
                let dtls = self.dtls.as_ref();
                let client = dtls.is_some_and(|dtls| dtls.is_client());
                let patience = dtls.map(Dtls::patience).unwrap_or_default().max(SCTP_PATIENCE);
                let rtt = self.ice.rtt();
                self.sctp = Some(Sctp::new(&self.config, client, self.send_limit(), rtt, now));
                self.held = None;
                if let Phase::Opening { retry, .. } = &mut self.phase {
                    *retry = client.then_some(now + patience);
                }
            }
            DtlsEvent::Mismatch => self.finish(Event::Failed(Failure::FingerprintMismatch)),
            DtlsEvent::Closed => self.finish(Event::Closed),
            DtlsEvent::Broken if self.phase == Phase::Open => {
                self.finish(Event::Failed(Failure::Dtls));
            }
            DtlsEvent::Broken => {
                self.count("dtls_broken");
                if let Some(dtls) = &mut self.dtls {
                    dtls.start_over(now);
                }
            }
            DtlsEvent::Rejected(reason) => self.count(reason),
        }
    }

    /// Moves decrypted packets into SCTP.
    fn take_plaintext(&mut self, now: Instant) {
        while let Some(packet) = self.dtls.as_mut().and_then(|dtls| dtls.inbound.pop_front()) {
            // Whatever it is, the peer has the session too: doubt would part the ends for good.
            if let Phase::Opening { retry, .. } = &mut self.phase {
                *retry = None;
            }
            if let Some(sctp) = &mut self.sctp {
                sctp.handle(now, packet);
            }
        }
        self.take_changes();
    }

    fn take_changes(&mut self) {
        while let Some(change) = self.sctp.as_mut().and_then(Sctp::poll_change) {
            match change {
                SctpChange::Established => {
                    if let Some(dtls) = &mut self.dtls {
                        dtls.settle();
                    }
                    self.phase = Phase::Open;
                    self.events.push_back(Event::Connected);
                }
                SctpChange::BufferedLow(channel) => {
                    let event = Event::BufferedLow { channel };
                    if self.events.len() < MAX_EVENTS && !self.events.contains(&event) {
                        self.events.push_back(event);
                    }
                }
                SctpChange::ClosedByPeer => self.finish(Event::Closed),
                SctpChange::Lost => self.finish(Event::Failed(Failure::Sctp)),
                SctpChange::Dropped(reason) => self.count(reason),
            }
        }
        self.fill_inbox();
    }

    /// Reads messages while the inbox has room; what stays closes the peer's window.
    pub(crate) fn fill_inbox(&mut self) {
        while self.inbox < self.config.inbox && self.events.len() < MAX_EVENTS {
            let Some((channel, data)) = self.sctp.as_mut().and_then(Sctp::read) else { break };
            self.inbox += data.len();
            self.events.push_back(Event::Message { channel, data });
        }
    }

    /// Reads every complete message, whatever room the inbox has: there will be no other time.
    pub(crate) fn empty_sctp(&mut self) {
        while let Some((channel, data)) = self.sctp.as_mut().and_then(Sctp::read) {
            self.inbox += data.len();
            self.events.push_back(Event::Message { channel, data });
        }
    }

    /// Everything that follows from a change: paths found, handshakes begun, datagrams queued.
    pub(crate) fn drive(&mut self, now: Instant) {
        if self.phase == Phase::Over {
            return;
        }
        self.guarded((), |link| {
            link.follow_path(now);
            link.take_plaintext(now);
            link.collect_records();
        });
    }

    fn follow_path(&mut self, now: Instant) {
        let path = self.ice.path();
        if path.is_some() {
            if matches!(self.phase, Phase::Checking { .. }) {
                let until = now + self.config.handshake_timeout;
                self.phase = Phase::Opening { until, retry: None };
            }
            if let Some(dtls) = &mut self.dtls {
                dtls.path_found(now, self.ice.rtt());
            }
        }
        if self.pace.path_changed(path) && self.phase == Phase::Open {
            self.quiet.heard(now);
            self.push_event(Event::PathChanged);
            // What was lost on the old path would wait for a timer that may have grown long.
            if let Some(sctp) = &mut self.sctp {
                sctp.expedite(now);
            }
        }
        let consent = self.ice.last_consent();
        if let (Some(silent), Some(consent)) = (self.silent_since, consent)
            && consent > silent
        {
            self.silent_since = None;
            self.push_event(Event::IceReconnected);
            if let Some(sctp) = &mut self.sctp {
                sctp.expedite(now);
            }
        }
    }

    pub(crate) fn push_event(&mut self, event: Event) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }

    /// Queues what ICE and DTLS have to send.
    fn collect_records(&mut self) {
        while let Some(datagram) = self.ice.poll_transmit(self.now) {
            if self.ice.path() == Some(datagram.path) && is_request(&datagram.bytes) {
                self.quiet.asked(self.now);
            }
            self.push_control(datagram);
        }
        let Some(path) = self.ice.path() else { return };
        while let Some(bytes) = self.dtls.as_mut().and_then(|dtls| dtls.packets.pop_front()) {
            self.push_control(Datagram { path, bytes });
        }
    }

    fn push_control(&mut self, datagram: Datagram) {
        if self.control.len() == MAX_CONTROL {
            self.control.pop_front();
            self.count("unpolled");
        }
        self.control.push_back(datagram);
    }

    pub(crate) fn say_goodbye(&mut self, now: Instant) {
        if let Some(sctp) = &mut self.sctp {
            sctp.abort();
        }
        let mut record = Vec::new();
        while let Some(packet) = self.sctp.as_mut().and_then(|sctp| sctp.poll_packet(now)) {
            record.clear();
            let sealed =
                self.dtls.as_mut().is_some_and(|dtls| dtls.seal(now, &packet, &mut record));
            if let (true, Some(path)) = (sealed, self.ice.path()) {
                self.push_control(Datagram { path, bytes: record.clone() });
            }
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.close();
        }
        self.collect_records();
    }
}
