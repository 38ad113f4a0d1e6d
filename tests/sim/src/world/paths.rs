//! The paths between peers: descriptions that must fit each other, frames in order, and paths that
//! end, stall, carry one direction only or come back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tincan_engine::{Path, PeerInput, PeerOutput, Time};
use tincan_wire::{Candidate, Fingerprint, SessionId, UserId};

use super::broker::holds_mark;
use super::{Happening, ROGUE, World, millis};
use crate::coverage::Row;
use crate::dice::Dice;
use crate::invariant::Invariant;

/// One way between two peers.
const LATENCY: Duration = Duration::from_millis(20);
/// A closed connection has so long to get out what was sent.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// From one host's address to the other's.
pub fn host_path() -> Path {
    Path {
        local: "host".into(),
        remote: "host".into(),
        local_address: "192.0.2.1:1".into(),
        remote_address: "192.0.2.2:2".into(),
        relay_transport: None,
        rtt_micros: None,
        loss_permille: None,
        bytes_sent: 0,
        bytes_received: 0,
    }
}

/// Every connection, and the ground between the nodes.
pub(super) struct Paths {
    pub(super) dice: Dice,
    pub(super) ends: BTreeMap<(SessionId, usize), End>,
    /// The certificates of all ends that a node has ever made for a session: more than one, where
    /// an offer comes again after its session has ended.
    pub(super) made: BTreeMap<(SessionId, usize), Vec<Fingerprint>>,
    /// From one node to another nothing goes before this.
    walls: BTreeMap<(usize, usize), Time>,
    /// It takes so much longer between two nodes, until then.
    pub(super) stalls: BTreeMap<(usize, usize), (Duration, Time)>,
    /// Between a node and a contact an impostor sits until then.
    pub(super) impostors: BTreeMap<(usize, usize), Time>,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) other: usize,
    pub(super) fingerprint: Fingerprint,
    pub(super) local: Option<String>,
    pub(super) remote: Option<String>,
    /// A candidate of the other end has come for this description of theirs.
    is_reached: bool,
    pub(super) is_opened: bool,
    is_broken: bool,
    is_noticed: bool,
    is_deaf: bool,
    is_closing: bool,
    pub(super) has_impostor: bool,
    /// Frames on their way to the other end, and when they are due there.
    way: VecDeque<(Time, String)>,
    last_due: Time,
    unacknowledged: usize,
}

impl Paths {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, "paths"),
            ends: BTreeMap::new(),
            made: BTreeMap::new(),
            walls: BTreeMap::new(),
            stalls: BTreeMap::new(),
            impostors: BTreeMap::new(),
        }
    }

    fn carries(&self, from: usize, to: usize, now: Time) -> bool {
        self.walls.get(&(from, to)).is_none_or(|until| *until <= now)
    }

    fn joins(&self, a: usize, b: usize, now: Time) -> bool {
        self.carries(a, b, now) && self.carries(b, a, now)
    }

    fn stall(&self, from: usize, to: usize, now: Time) -> Duration {
        let stall = self.stalls.get(&(from.min(to), from.max(to)));
        stall.filter(|(_, until)| *until > now).map_or(Duration::ZERO, |(stall, _)| *stall)
    }

    fn end_of(&mut self, sid: SessionId, node: usize, other: usize) -> &mut End {
        let random = Fingerprint(self.dice.seed());
        if !self.ends.contains_key(&(sid, node)) {
            self.made.entry((sid, node)).or_default().push(random);
        }
        self.ends.entry((sid, node)).or_insert_with(|| End::new(other, random))
    }

    /// The sessions of a node, or of all, with their ends.
    fn sessions_of(&self, node: usize) -> Vec<SessionId> {
        self.ends.keys().filter(|(_, at)| *at == node).map(|(sid, _)| *sid).collect()
    }

    fn sessions_between(&self, a: usize, b: usize) -> Vec<(SessionId, usize)> {
        let between =
            |node: usize, end: &End| (node, end.other) == (a, b) || (node, end.other) == (b, a);
        self.ends
            .iter()
            .filter(|((_, node), end)| between(*node, end))
            .map(|(key, _)| *key)
            .collect()
    }
}

impl End {
    pub(super) fn new(other: usize, fingerprint: Fingerprint) -> Self {
        Self {
            other,
            fingerprint,
            local: None,
            remote: None,
            is_reached: false,
            is_opened: false,
            is_broken: false,
            is_noticed: false,
            is_deaf: false,
            is_closing: false,
            has_impostor: false,
            way: VecDeque::new(),
            last_due: Time::default(),
            unacknowledged: 0,
        }
    }

    fn describe(&mut self, random: u64) -> String {
        let sdp = sdp(random, self.fingerprint);
        self.local = Some(sdp.clone());
        sdp
    }

    fn set_remote(&mut self, sdp: String) {
        if self.remote.as_ref() != Some(&sdp) {
            self.is_reached = false;
            self.remote = Some(sdp);
        }
    }

    fn fits(&self, other: &Self) -> bool {
        let described = self.local.is_some() && other.local.is_some();
        let agreed = self.local == other.remote && other.local == self.remote;
        described && agreed && (self.is_reached || other.is_reached)
    }
}

/// A description with this fingerprint.
pub(super) fn sdp(random: u64, fingerprint: Fingerprint) -> String {
    let hex = fingerprint.0.map(|byte| format!("{byte:02X}")).join(":");
    format!("v=0\r\no=- {random} 0 IN IP4 0.0.0.0\r\na=fingerprint:sha-256 {hex}\r\n")
}

/// A candidate of a node.
pub(super) fn candidate(node: usize) -> Candidate {
    Candidate {
        candidate: format!("candidate:1 1 udp 2130706431 192.0.2.{node} 5000 typ host"),
        sdp_mid: Some("0".into()),
        sdp_mline_index: Some(0),
    }
}

impl World {
    pub(super) fn peer_output(
        &mut self,
        node: usize,
        sid: SessionId,
        contact: UserId,
        output: PeerOutput,
    ) {
        let Some(other) = self.who.get(&contact).copied() else { return };
        let random = self.paths.dice.number();
        let soon = millis(1 + random % 5);
        match output {
            PeerOutput::Offer { .. } | PeerOutput::RestartIce => {
                let end = self.paths.end_of(sid, node, other);
                let (sdp, fingerprint) = (end.describe(random), end.fingerprint);
                let input = PeerInput::OfferReady { sdp, fingerprint };
                self.peer_input_after(soon, node, sid, input);
                self.gather(node, sid, soon);
            }
            PeerOutput::Answer { sdp, .. } => {
                self.check_description(node, sid, other, &sdp);
                let end = self.paths.end_of(sid, node, other);
                end.set_remote(sdp);
                let (sdp, fingerprint) = (end.describe(random), end.fingerprint);
                let input = PeerInput::AnswerReady { sdp, fingerprint };
                self.peer_input_after(soon, node, sid, input);
                self.gather(node, sid, soon);
            }
            PeerOutput::AcceptAnswer { sdp } => {
                self.check_description(node, sid, other, &sdp);
                if let Some(end) = self.paths.ends.get_mut(&(sid, node)) {
                    end.set_remote(sdp);
                }
                self.try_open(sid, node);
            }
            PeerOutput::AddCandidate(_) => {
                if let Some(end) = self.paths.ends.get_mut(&(sid, node)) {
                    end.is_reached = true;
                }
                self.try_open(sid, node);
            }
            PeerOutput::Send(text) => self.send_frame(node, sid, text),
            PeerOutput::Receive(receive) => {
                if let Some(end) = self.paths.ends.get_mut(&(sid, node)) {
                    end.is_deaf = !receive;
                }
                self.after(Duration::ZERO, Happening::Carry { sid, from: other });
            }
            PeerOutput::Close => {
                let Some(end) = self.paths.ends.get_mut(&(sid, node)) else { return };
                end.is_closing = true;
                let out = (end.last_due + millis(1)).min(self.now + LAST_WORDS);
                self.at(out, Happening::Forget { node, sid });
            }
        }
    }

    fn gather(&mut self, node: usize, sid: SessionId, soon: Duration) {
        let input = PeerInput::Candidate(candidate(node));
        self.peer_input_after(soon + millis(1), node, sid, input);
        self.peer_input_after(soon + millis(2), node, sid, PeerInput::CandidatesDone);
    }

    fn other_end(&self, sid: SessionId, node: usize) -> Option<(usize, &End)> {
        let other = self.paths.ends.get(&(sid, node))?.other;
        Some((other, self.paths.ends.get(&(sid, other))?))
    }

    /// Opens the connection, or mends it, if both ends fit and the path is there.
    fn try_open(&mut self, sid: SessionId, node: usize) {
        let Some(end) = self.paths.ends.get(&(sid, node)) else { return };
        let Some((other, far)) = self.other_end(sid, node) else { return };
        let kept_apart = |end: &End| end.is_closing || end.has_impostor;
        if !end.fits(far)
            || kept_apart(end)
            || kept_apart(far)
            || !self.paths.joins(node, other, self.now)
        {
            return;
        }
        let is_new = !end.is_opened && !far.is_opened;
        for (at, from) in [(node, other), (other, node)].into_iter().filter(|_| is_new) {
            if self.paths.impostors.get(&(at, from)).is_some_and(|until| *until > self.now) {
                return self.impostor_opens(sid, at, from);
            }
        }
        for (at, from) in [(node, other), (other, node)] {
            self.open_end(sid, at);
            self.after(Duration::ZERO, Happening::Carry { sid, from });
        }
    }

    fn open_end(&mut self, sid: SessionId, node: usize) {
        let late = millis(self.paths.dice.below(10));
        let Some(end) = self.paths.ends.get_mut(&(sid, node)) else { return };
        let was_broken = std::mem::take(&mut end.is_broken);
        let was_noticed = std::mem::take(&mut end.is_noticed);
        let was_opened = std::mem::replace(&mut end.is_opened, true);
        let input = match (was_opened, was_noticed) {
            (false, _) => PeerInput::Opened,
            (true, true) => PeerInput::Reconnected,
            (true, false) => return,
        };
        if was_broken {
            self.count(Row::RestartedIce);
        }
        self.peer_input_after(LATENCY * 2 + late, node, sid, input);
        self.peer_input_after(LATENCY * 2 + late, node, sid, PeerInput::Path(host_path()));
    }

    /// DTLS is broken: whoever sits between takes the place of the other end.
    fn impostor_opens(&mut self, sid: SessionId, node: usize, to: usize) {
        self.count(Row::Impostor);
        if let Some(end) = self.paths.ends.get_mut(&(sid, node)) {
            end.has_impostor = true;
        }
        self.open_end(sid, node);
        self.impostor_speaks(sid, node, to);
    }

    fn send_frame(&mut self, node: usize, sid: SessionId, text: String) {
        let now = self.now;
        let jitter = millis(self.paths.dice.below(5));
        let Some(end) = self.paths.ends.get_mut(&(sid, node)) else { return };
        if end.has_impostor {
            if holds_mark(text.as_bytes()) {
                self.broken(Invariant::Sealed, format!("{node} talks to an impostor"));
            }
            return;
        }
        let other = end.other;
        let stall = self.paths.stall(node, other, now);
        let Some(end) = self.paths.ends.get_mut(&(sid, node)) else { return };
        end.unacknowledged += text.len();
        end.last_due = (now + LATENCY + jitter + stall).max(end.last_due);
        let due = end.last_due;
        end.way.push_back((due, text));
        if stall >= millis(1_000) {
            self.count(Row::Stalled);
        }
        self.at(due, Happening::Carry { sid, from: node });
    }

    /// Hands over what is due of one end's frames, as far as the path carries it.
    pub(super) fn carry(&mut self, sid: SessionId, from: usize) {
        let now = self.now;
        while let Some(end) = self.paths.ends.get(&(sid, from)) {
            let Some((due, _)) = end.way.front() else { return };
            let Some((to, far)) = self.other_end(sid, from) else { return };
            if *due > now {
                return;
            }
            if far.is_deaf {
                return self.count(Row::Unread);
            }
            if end.is_broken || far.is_broken || !self.paths.carries(from, to, now) {
                if !self.paths.carries(from, to, now) && self.paths.carries(to, from, now) {
                    self.count(Row::OneSided);
                }
                return self.count(Row::WalledOff);
            }
            if !far.is_opened {
                return;
            }
            let Some(end) = self.paths.ends.get_mut(&(sid, from)) else { return };
            let Some((_, text)) = end.way.pop_front() else { return };
            end.unacknowledged = end.unacknowledged.saturating_sub(text.len());
            let left = end.unacknowledged;
            let input = PeerInput::Frame(text.into_bytes());
            self.peer_input_after(Duration::ZERO, to, sid, input);
            self.peer_input_after(LATENCY, from, sid, PeerInput::Buffered(left));
        }
    }

    pub(super) fn forget_end(&mut self, node: usize, sid: SessionId) {
        let Some(end) = self.paths.ends.get(&(sid, node)) else { return };
        if !end.is_closing {
            return;
        }
        let (other, was_opened) = (end.other, end.is_opened && !end.is_broken);
        self.paths.ends.remove(&(sid, node));
        let hears = self.paths.ends.get(&(sid, other)).is_some_and(|far| !far.is_broken);
        if hears && was_opened && self.paths.carries(node, other, self.now) {
            self.peer_input_after(LATENCY, other, sid, PeerInput::Closed);
        } else {
            self.break_end(other, sid);
        }
    }

    /// The old pair of addresses is of no use any more; ICE notices after a while.
    fn break_end(&mut self, node: usize, sid: SessionId) {
        let Some(end) = self.paths.ends.get_mut(&(sid, node)) else { return };
        if end.is_opened && !std::mem::replace(&mut end.is_broken, true) {
            self.count(Row::Broken);
        }
        self.notice_later(node, sid);
    }

    fn notice_later(&mut self, node: usize, sid: SessionId) {
        let wait = millis(2_000 + self.paths.dice.below(6_000));
        if let Some(slot) = self.nodes.get(node) {
            let run = slot.run;
            self.after(wait, Happening::Notice { node, run, sid });
        }
    }

    pub(super) fn notice(&mut self, node: usize, run: u64, sid: SessionId) {
        let now = self.now;
        let Some(end) = self.paths.ends.get(&(sid, node)) else { return };
        let is_lost = end.is_broken || !self.paths.joins(node, end.other, now);
        let is_news = self.nodes[node].run == run && end.is_opened && !end.is_noticed;
        if is_lost && is_news {
            if let Some(end) = self.paths.ends.get_mut(&(sid, node)) {
                end.is_noticed = true;
            }
            self.peer_input_after(Duration::ZERO, node, sid, PeerInput::Disconnected);
        }
    }

    /// Nothing goes from `a` to `b`, or back, or both ways.
    pub(super) fn wall(
        &mut self,
        a: usize,
        b: usize,
        ways: (bool, bool),
        breaks: bool,
        until: Time,
    ) {
        for (from, to, closed) in [(a, b, ways.0), (b, a, ways.1)] {
            if closed {
                let wall = self.paths.walls.entry((from, to)).or_default();
                *wall = until.max(*wall);
            }
        }
        for (sid, node) in self.paths.sessions_between(a, b) {
            if breaks {
                self.break_end(node, sid);
            } else {
                self.notice_later(node, sid);
            }
        }
        self.at(until, Happening::WallEnds { a, b });
    }

    /// What the wall kept apart finds together, unless another wall is there still.
    pub(super) fn wall_ends(&mut self, a: usize, b: usize) {
        for (sid, node) in self.paths.sessions_between(a, b) {
            self.try_open(sid, node);
            let Some(end) = self.paths.ends.get_mut(&(sid, node)) else { continue };
            let other = end.other;
            let whole = end.is_opened && !end.is_broken;
            if whole && std::mem::take(&mut end.is_noticed) {
                self.count(Row::BackByItself);
                self.peer_input_after(LATENCY, node, sid, PeerInput::Reconnected);
            }
            self.after(Duration::ZERO, Happening::Carry { sid, from: other });
        }
    }

    /// Every wall falls.
    pub(super) fn walls_fall(&mut self) {
        let walls = std::mem::take(&mut self.paths.walls);
        self.paths.stalls.clear();
        self.paths.impostors.clear();
        for (a, b) in walls.into_keys() {
            self.after(Duration::ZERO, Happening::WallEnds { a, b });
        }
    }

    /// The connections of two nodes end.
    pub(super) fn kill(&mut self, a: usize, b: usize, told: bool) {
        for (sid, node) in self.paths.sessions_between(a, b) {
            self.count(Row::Ended);
            if told {
                let reason = "the socket is gone".to_owned();
                self.peer_input_after(Duration::ZERO, node, sid, PeerInput::Failed { reason });
            } else {
                self.break_end(node, sid);
            }
        }
    }

    /// A node has another address: its connections are broken at both ends.
    pub(super) fn break_all(&mut self, node: usize) {
        for sid in self.paths.sessions_of(node) {
            let other = self.paths.ends.get(&(sid, node)).map_or(ROGUE, |end| end.other);
            self.break_end(node, sid);
            self.break_end(other, sid);
        }
    }

    /// The process is gone, and its ends with it.
    pub(super) fn lose_ends(&mut self, node: usize) {
        for sid in self.paths.sessions_of(node) {
            let Some(end) = self.paths.ends.remove(&(sid, node)) else { continue };
            self.break_end(end.other, sid);
        }
    }
}
