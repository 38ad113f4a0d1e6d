//! All WebRTC connections: drives each [`Link`](tincan_link::Link) with datagrams and time, and
//! translates between it and the engine.

mod gather;
mod peer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use tincan_engine::{PeerInput, PeerOutput};
use tincan_link::{LocalCandidate, Role};
use tincan_wire::SessionId;

use gather::{Answered, Gather};
use peer::Peer;

use crate::dial::Dialer;
use crate::ice_servers::IceServers;
use crate::relays::{Found, Relays};
use crate::request::RelayFailure;
use crate::udp::{Blocked, Outgoing, Route, Router, UdpSockets};

/// Messages of relays over TCP and TLS that one turn takes.
const STREAM_TURN: usize = 64;

/// Numbers connections in the order in which they were made.
type Serial = u64;

/// The connections of all sessions. After each call, [`Peers::flush`] moves what is to be sent,
/// and [`Peers::poll`] hands out what the engine must know.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: BTreeMap<Serial, Peer>,
    sessions: BTreeMap<SessionId, Serial>,
    router: Router<Serial>,
    next: Serial,
    /// Connections that were touched since the last flush.
    touched: BTreeSet<Serial>,
    timers: BTreeSet<(Instant, Serial)>,
    inputs: VecDeque<(SessionId, PeerInput)>,
    /// A datagram that the kernel had no room for.
    stuck: Option<Stuck>,
    /// What a link writes its datagrams into.
    scratch: Vec<u8>,
    gather: Gather,
    relays: Relays,
    /// Whether the connections know that no relay gives anything more for now.
    relays_done: bool,
    /// Datagrams that were for no connection.
    strays: u64,
    /// What connections that are gone refused, by reason.
    rejects: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Stuck {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
    segment_size: Option<usize>,
}

impl Peers {
    /// Does what the engine says.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        sid: SessionId,
        output: PeerOutput,
        hosts: &[SocketAddr],
    ) {
        let serial = match (&output, self.sessions.get(&sid)) {
            (_, Some(serial)) => *serial,
            (PeerOutput::Offer { relay_only }, None) => {
                match self.create(now, sid, Role::Offerer, *relay_only) {
                    Some(serial) => serial,
                    None => return,
                }
            }
            (PeerOutput::Answer { relay_only, .. }, None) => {
                match self.create(now, sid, Role::Answerer, *relay_only) {
                    Some(serial) => serial,
                    None => return,
                }
            }
            // The session is closed or was never opened: nothing to do it with.
            (_, None) => return,
        };
        let Some(peer) = self.peers.get_mut(&serial) else { return };
        match output {
            PeerOutput::Offer { .. } => {
                peer.add_local(now, hosts.iter().copied().map(LocalCandidate::host));
                peer.offer(now, &mut self.inputs);
                self.describe(now, serial, hosts);
            }
            PeerOutput::Answer { sdp, .. } => {
                peer.add_local(now, hosts.iter().copied().map(LocalCandidate::host));
                peer.answer(now, &sdp, &mut self.inputs);
                self.describe(now, serial, hosts);
            }
            PeerOutput::RestartIce => {
                // The path was lost, perhaps with the address that servers saw.
                self.gather.forget();
                self.relays.verify(now);
                peer.restart_ice(now, &mut self.inputs);
                self.describe(now, serial, hosts);
            }
            PeerOutput::AcceptAnswer { sdp } => peer.accept_answer(now, &sdp, &mut self.inputs),
            PeerOutput::AddCandidate(candidate) => {
                peer.add_remote(now, &candidate.candidate, &mut self.inputs);
            }
            PeerOutput::Send(frame) => peer.send(now, frame.into_bytes(), &mut self.inputs),
            PeerOutput::Receive(on) => peer.read(on),
            PeerOutput::Close => peer.close_soon(now),
        }
        self.touched.insert(serial);
    }

    fn create(
        &mut self,
        now: Instant,
        sid: SessionId,
        role: Role,
        relay_only: bool,
    ) -> Option<Serial> {
        match Peer::new(now, sid, role, relay_only) {
            Ok(peer) => {
                let serial = self.next;
                self.next += 1;
                self.peers.insert(serial, peer);
                self.sessions.insert(sid, serial);
                Some(serial)
            }
            Err(reason) => {
                self.inputs.push_back((sid, PeerInput::Failed { reason }));
                None
            }
        }
    }

    /// A description of ours has gone out: whoever answers names its user fragment, and the
    /// candidates that were not in it follow.
    fn describe(&mut self, now: Instant, serial: Serial, hosts: &[SocketAddr]) {
        let Some(peer) = self.peers.get_mut(&serial) else { return };
        self.router.set_ufrags(peer.ufrags(), serial);
        if !peer.relay_only {
            self.gather.begin(now);
        }
        self.relays.begin(now, hosts);
        peer.trickle(now, self.gather.found(), &mut self.inputs);
        for (candidate, transport) in self.relays.found() {
            peer.trickle_relayed(now, candidate, transport, &mut self.inputs);
        }
        let done = self.relays.is_done() && (peer.relay_only || self.gather.is_done());
        peer.candidates_done_if(done, &mut self.inputs);
    }

    /// Which STUN and TURN servers to ask, from now on.
    pub(crate) fn set_ice(&mut self, now: Instant, servers: IceServers, hosts: &[SocketAddr]) {
        self.gather.set_servers(servers.stun);
        self.relays.set_servers(servers.turn);
        // Connections may have waited for them.
        if !self.peers.is_empty() {
            self.gather_again(now, hosts);
            self.tell_all(now, None);
        }
    }

    fn gather_again(&mut self, now: Instant, hosts: &[SocketAddr]) {
        if self.peers.values().any(|peer| !peer.relay_only) {
            self.gather.begin(now);
        }
        self.relays.begin(now, hosts);
    }

    /// What opens connections to relays over TCP and TLS.
    pub(crate) fn set_dialer(&mut self, dialer: Dialer) {
        self.relays.set_dialer(dialer);
    }

    /// Waits until a relay over TCP or TLS has something to say.
    pub(crate) async fn ready(&mut self) {
        self.relays.ready().await;
    }

    /// Our addresses have changed.
    pub(crate) fn network_changed(&mut self, now: Instant, hosts: &[SocketAddr]) {
        self.gather.forget();
        self.relays.release(now);
        self.take_relays(now);
        if !self.peers.is_empty() {
            self.gather_again(now, hosts);
        }
        for peer in self.peers.values_mut() {
            peer.keep_local(now, hosts);
        }
        self.hosts_gained(now, hosts);
    }

    /// We have more addresses than before.
    pub(crate) fn hosts_gained(&mut self, now: Instant, hosts: &[SocketAddr]) {
        for (serial, peer) in &mut self.peers {
            peer.trickle(now, hosts.iter().copied().map(LocalCandidate::host), &mut self.inputs);
            self.touched.insert(*serial);
        }
    }

    /// A datagram has come to `ours`.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        ours: SocketAddr,
        theirs: SocketAddr,
        bytes: &[u8],
    ) {
        if self.relays.is_server(theirs) {
            match self.relays.handle_datagram(now, theirs, bytes) {
                Some((relayed, peer, data)) => self.deliver(now, relayed, peer, data),
                // A STUN server that is also a relay answers from the same address.
                None => {
                    self.take_stun_answer(now, ours, theirs, bytes);
                }
            }
            return self.take_relays(now);
        }
        self.deliver(now, ours, theirs, bytes);
    }

    /// Takes what relays over TCP and TLS have brought.
    pub(crate) fn handle_streams(&mut self, now: Instant) {
        for _ in 0..STREAM_TURN {
            let Some(frame) = self.relays.handle_stream(now) else { break };
            if let Some((relayed, peer, data)) = frame {
                self.deliver(now, relayed, peer, &data);
            }
            self.take_relays(now);
        }
    }

    /// Gives a datagram to whom it is for; `ours` may be an address on a relay.
    fn deliver(&mut self, now: Instant, ours: SocketAddr, theirs: SocketAddr, bytes: &[u8]) {
        let serials = match self.router.route(theirs, bytes) {
            Route::One(serial) => vec![serial],
            Route::All(serials) => serials,
            Route::Nobody => {
                if !self.take_stun_answer(now, ours, theirs, bytes) {
                    self.strays += 1;
                }
                return;
            }
        };
        let is_relayed = self.relays.holds(ours);
        for serial in serials {
            // What comes to an address that is hidden is not answered.
            if let Some(peer) = self.peers.get_mut(&serial)
                && (is_relayed || !peer.relay_only)
            {
                peer.handle_datagram(now, ours, theirs, bytes);
                self.touched.insert(serial);
            }
        }
    }

    /// Whether it was the answer of a STUN server.
    fn take_stun_answer(
        &mut self,
        now: Instant,
        ours: SocketAddr,
        theirs: SocketAddr,
        bytes: &[u8],
    ) -> bool {
        let candidate = match self.gather.handle_answer(ours, theirs, bytes) {
            Answered::New(candidate) => Some(candidate),
            Answered::Known => None,
            Answered::Nothing => return false,
        };
        self.tell_all(now, candidate);
        true
    }

    fn tell_all(&mut self, now: Instant, candidate: Option<LocalCandidate>) {
        let (seen, relayed) = (self.gather.is_done(), self.relays.is_done());
        for (serial, peer) in &mut self.peers {
            peer.trickle(now, candidate, &mut self.inputs);
            peer.candidates_done_if(relayed && (seen || peer.relay_only), &mut self.inputs);
            self.touched.insert(*serial);
        }
    }

    /// What became of the relays.
    fn take_relays(&mut self, now: Instant) {
        while let Some(found) = self.relays.poll_found() {
            match found {
                Found::Candidate(candidate, transport) => {
                    for peer in self.peers.values_mut() {
                        peer.trickle_relayed(now, candidate, transport, &mut self.inputs);
                    }
                    self.tell_all(now, None);
                }
                Found::Gone(relayed) => {
                    for (serial, peer) in &mut self.peers {
                        peer.remove_local(now, relayed);
                        self.touched.insert(*serial);
                    }
                }
            }
        }
        // The last of them may have ended without a find.
        let done = self.relays.is_done();
        if done && !std::mem::replace(&mut self.relays_done, done) {
            self.tell_all(now, None);
        }
        self.relays_done = done;
    }

    /// Tells what has passed over the paths, and how they are.
    pub(crate) fn report_paths(&mut self) {
        for peer in self.peers.values_mut() {
            peer.report_path(&mut self.inputs);
        }
    }

    /// The time of [`Peers::deadline`] has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, udp: &UdpSockets) {
        if self.gather.handle_timeout(now, udp) {
            self.tell_all(now, None);
        }
        if self.relays.deadline().is_some_and(|at| at <= now) {
            self.relays.handle_timeout(now, !self.peers.is_empty());
            self.take_relays(now);
            self.tell_all(now, None);
        }
        while let Some((at, serial)) = self.timers.first().copied() {
            if at > now {
                return;
            }
            self.timers.remove(&(at, serial));
            if let Some(peer) = self.peers.get_mut(&serial) {
                peer.timer = None;
                peer.handle_timeout(now);
                self.touched.insert(serial);
            }
        }
    }

    /// When to call [`Peers::handle_timeout`].
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let first = self.timers.first().map(|(at, _)| *at);
        [first, self.gather.deadline(), self.relays.deadline()].into_iter().flatten().min()
    }

    /// What the engine must know next.
    pub(crate) fn poll(&mut self) -> Option<(SessionId, PeerInput)> {
        self.inputs.pop_front()
    }

    /// Sends what the touched connections want sent, and takes their events. `Err` when the
    /// kernel's buffer is full: call it again when the sockets are writable.
    pub(crate) fn flush(&mut self, now: Instant, udp: &UdpSockets) -> Result<(), Blocked> {
        if let Some(stuck) = &self.stuck {
            let Stuck { from, to, bytes, segment_size } = stuck;
            udp.send(&Outgoing { from: *from, to: *to, bytes, segment_size: *segment_size })?;
            self.stuck = None;
        }
        self.relays.flush(udp);
        while let Some(serial) = self.touched.pop_first() {
            if let Err(blocked) = self.flush_one(now, serial, udp) {
                self.touched.insert(serial);
                return Err(blocked);
            }
        }
        Ok(())
    }

    fn flush_one(&mut self, now: Instant, serial: Serial, udp: &UdpSockets) -> Result<(), Blocked> {
        let Some(peer) = self.peers.get_mut(&serial) else { return Ok(()) };
        peer.before_flush(now, &mut self.inputs);
        if peer.take_doubt() {
            // It may be the contact's relay. Ours may be on the same machine.
            self.relays.verify(now);
        }
        self.transmit(now, serial, udp)?;
        let Some(peer) = self.peers.get_mut(&serial) else { return Ok(()) };
        peer.after_flush(now, &mut self.inputs);
        if peer.is_over() {
            // Its good-bye.
            self.transmit(now, serial, udp)?;
            self.remove(serial);
        } else {
            self.arm(serial);
        }
        Ok(())
    }

    fn transmit(&mut self, now: Instant, serial: Serial, udp: &UdpSockets) -> Result<(), Blocked> {
        let Some(peer) = self.peers.get_mut(&serial) else { return Ok(()) };
        loop {
            self.scratch.clear();
            let Some(transmit) = peer.poll_transmit(now, &mut self.scratch) else { return Ok(()) };
            let (from, to, segment_size) = (transmit.local, transmit.remote, transmit.segment_size);
            self.router.learn(to, serial);
            if self.relays.holds(from) {
                for datagram in self.scratch.chunks(segment_size.unwrap_or(usize::MAX).max(1)) {
                    self.relays.send(now, from, to, datagram, udp);
                }
                continue;
            }
            let outgoing = Outgoing { from, to, bytes: &self.scratch, segment_size };
            if let Err(blocked) = udp.send(&outgoing) {
                let bytes = self.scratch.clone();
                self.stuck = Some(Stuck { from, to, bytes, segment_size });
                return Err(blocked);
            }
        }
    }

    fn arm(&mut self, serial: Serial) {
        let Some(peer) = self.peers.get_mut(&serial) else { return };
        let deadline = peer.deadline();
        if peer.timer == deadline {
            return;
        }
        if let Some(old) = peer.timer {
            self.timers.remove(&(old, serial));
        }
        if let Some(new) = deadline {
            self.timers.insert((new, serial));
        }
        peer.timer = deadline;
    }

    fn remove(&mut self, serial: Serial) {
        let Some(mut peer) = self.peers.remove(&serial) else { return };
        add_up(&mut self.rejects, peer.rejects());
        if let Some(timer) = peer.timer {
            self.timers.remove(&(timer, serial));
        }
        if self.sessions.get(&peer.sid) == Some(&serial) {
            self.sessions.remove(&peer.sid);
        }
        self.router.forget(serial);
        peer.discard();
        if self.peers.is_empty() {
            self.relays.is_idle_from(Instant::now());
        }
    }

    /// Closes every connection at once, so that the other ends need not wait for a time-out.
    pub(crate) fn close_all(&mut self, now: Instant, udp: &UdpSockets) {
        for (serial, peer) in &mut self.peers {
            peer.close_now(now);
            self.touched.insert(*serial);
        }
        // What does not fit into the kernel's buffer now is left to their time-outs.
        let _ = self.flush(now, udp);
        self.relays.release(now);
        self.relays.flush(udp);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.peers.len()
    }

    /// Why relays could not be used.
    pub(crate) fn relay_failures(&self, now: Instant) -> Vec<RelayFailure> {
        self.relays.failures(now)
    }

    /// What was dropped since the start, by reason.
    pub(crate) fn dropped(&mut self) -> BTreeMap<String, u64> {
        let mut all = self.rejects.clone();
        for peer in self.peers.values_mut() {
            add_up(&mut all, peer.rejects());
        }
        add_up(&mut all, BTreeMap::from([("udp_stray", self.strays)]));
        let named = all.into_iter().filter(|(_, count)| *count > 0);
        named.map(|(reason, count)| (reason.to_owned(), count)).collect()
    }
}

/// Has the cryptography collect its entropy, on a thread beside: it takes some 90 ms once in a
/// process, which the first connection would have to wait for.
pub(crate) fn warm_up() {
    let warming = std::thread::Builder::new().name("tincan-warm-up".to_owned()).spawn(|| {
        if let Ok(peer) = Peer::new(Instant::now(), SessionId([0; 16]), Role::Offerer, false) {
            peer.discard();
        }
    });
    if let Err(error) = warming {
        tracing::debug!(%error, "no warm-up");
    }
}

fn add_up(sum: &mut BTreeMap<&'static str, u64>, more: BTreeMap<&'static str, u64>) {
    for (reason, count) in more {
        *sum.entry(reason).or_default() += count;
    }
}

#[cfg(test)]
mod tests;
