//! The paths between peers: offers and answers that must fit, frames in order, and paths that
//! break and come back.

use std::time::Duration;

use rand_core::Rng;
use tincan_engine::{Input, PeerInput, PeerOutput};
use tincan_sim::world::host_path;
use tincan_wire::{Candidate, SessionId};

use super::connection::Connection;
use super::{Happening, World, millis};

impl World {
    pub fn other_end(&self, node: usize, sid: SessionId) -> Option<usize> {
        (0..self.nodes.len())
            .find(|other| *other != node && self.nodes[*other].connections.contains_key(&sid))
    }

    /// Hands a frame to a node as if its peer had sent it.
    pub fn frame(&mut self, node: usize, sid: SessionId, text: &str) {
        let input = PeerInput::Frame(text.as_bytes().to_vec());
        self.handle(node, Input::Peer { sid, input });
    }

    pub fn buffered(&mut self, node: usize, sid: SessionId, bytes: usize) {
        self.handle(node, Input::Peer { sid, input: PeerInput::Buffered(bytes) });
    }

    pub(super) fn peer(&mut self, node: usize, sid: SessionId, output: PeerOutput) {
        let random = self.rng.next_u64();
        let instant = millis(1);
        self.note_hidden(node, sid, &output);
        let connections = &mut self.nodes[node].connections;
        match output {
            PeerOutput::Offer { .. } | PeerOutput::RestartIce => {
                let end = connections.entry(sid).or_insert_with(|| Connection::new(random));
                let (sdp, fingerprint) = (end.describe(random), end.fingerprint);
                let input = PeerInput::OfferReady { sdp, fingerprint };
                self.later(instant, node, Input::Peer { sid, input });
                self.gather(node, sid);
            }
            PeerOutput::Answer { sdp, .. } => {
                let end = connections.entry(sid).or_insert_with(|| Connection::new(random));
                end.remote = Some(sdp);
                let (sdp, fingerprint) = (end.describe(random), end.fingerprint);
                let input = PeerInput::AnswerReady { sdp, fingerprint };
                self.later(instant, node, Input::Peer { sid, input });
                self.gather(node, sid);
            }
            PeerOutput::AcceptAnswer { sdp } => {
                if let Some(end) = connections.get_mut(&sid) {
                    end.remote = Some(sdp);
                }
                self.try_path(node, sid);
            }
            PeerOutput::AddCandidate(candidate) => {
                self.nodes[node].candidates_got.push(candidate);
            }
            PeerOutput::Send(text) => self.send_frame(node, sid, text),
            PeerOutput::Receive(false) => self.nodes[node].deaf.push(sid),
            PeerOutput::Receive(true) => self.listen(node, sid),
            PeerOutput::Close => {
                connections.remove(&sid);
                if let (Some(other), true) = (self.other_end(node, sid), self.path_up) {
                    let input = PeerInput::Closed;
                    self.later(self.latency, other, Input::Peer { sid, input });
                }
            }
        }
    }

    fn gather(&mut self, node: usize, sid: SessionId) {
        let host = candidate(node as u64);
        let relayed = self.relays.then(|| Candidate {
            candidate: "candidate:2 1 udp 16777215 203.0.113.9 5001 typ relay".into(),
            ..host.clone()
        });
        let found = [host].into_iter().chain(relayed).map(PeerInput::Candidate);
        for input in found.chain([PeerInput::CandidatesDone]) {
            self.later(millis(2), node, Input::Peer { sid, input });
        }
    }

    fn note_hidden(&mut self, node: usize, sid: SessionId, output: &PeerOutput) {
        let node = &mut self.nodes[node];
        if let PeerOutput::Offer { relay_only } | PeerOutput::Answer { relay_only, .. } = output
            && !node.connections.contains_key(&sid)
        {
            node.hidden.push(*relay_only);
        }
    }

    /// Opens the connection, or brings it back, if both ends fit and the path is up.
    fn try_path(&mut self, node: usize, sid: SessionId) {
        self.try_path_if(Connection::fits, node, sid);
    }

    fn try_path_if(
        &mut self,
        stands: fn(&Connection, &Connection) -> bool,
        node: usize,
        sid: SessionId,
    ) {
        let Some(other) = self.other_end(node, sid) else { return };
        if !self.path_up || self.webrtc_dead {
            return;
        }
        let (Some(a), Some(b)) =
            (self.nodes[node].connections.get(&sid), self.nodes[other].connections.get(&sid))
        else {
            return;
        };
        if !stands(a, b) {
            return;
        }
        for end in [node, other] {
            self.open_or_reopen(end, sid);
        }
        self.release_stalled(node, sid, other);
    }

    fn open_or_reopen(&mut self, end: usize, sid: SessionId) {
        let Some(connection) = self.nodes[end].connections.get_mut(&sid) else { return };
        connection.broken = false;
        let noticed = std::mem::take(&mut connection.noticed);
        let input = match std::mem::replace(&mut connection.opened, true) {
            false => PeerInput::Opened,
            true if noticed => PeerInput::Reconnected,
            true => return,
        };
        let delay = self.latency * 2;
        self.later(delay, end, Input::Peer { sid, input });
        self.later(delay, end, Input::Peer { sid, input: PeerInput::Path(host_path()) });
    }

    fn release_stalled(&mut self, node: usize, sid: SessionId, other: usize) {
        for (from, to) in [(node, other), (other, node)] {
            let Some(end) = self.nodes[from].connections.get_mut(&sid) else { continue };
            for text in std::mem::take(&mut end.stalled) {
                self.deliver(from, to, sid, text);
            }
        }
    }

    fn send_frame(&mut self, node: usize, sid: SessionId, text: String) {
        let now = self.now;
        self.nodes[node].frames.push((now, text.clone()));
        let text = match &mut self.tamper {
            Some(tamper) => tamper(node, text),
            None => Some(text),
        };
        let (Some(text), Some(other)) = (text, self.other_end(node, sid)) else { return };
        let path_up = self.path_up;
        let deaf = self.nodes[other].deaf.contains(&sid);
        let Some(end) = self.nodes[node].connections.get_mut(&sid) else { return };
        end.unacknowledged += text.len();
        if !path_up || end.broken {
            end.stalled.push(text);
        } else if deaf {
            // SCTP's receive window is closed: what was sent counts as unacknowledged.
            if let Some(end) = self.nodes[other].connections.get_mut(&sid) {
                end.unread.push(text);
            }
        } else {
            self.deliver(node, other, sid, text);
        }
    }

    fn deliver(&mut self, node: usize, other: usize, sid: SessionId, text: String) {
        let Some(end) = self.nodes[node].connections.get_mut(&sid) else { return };
        end.unacknowledged = end.unacknowledged.saturating_sub(text.len());
        let left = end.unacknowledged;
        let input = PeerInput::Frame(text.into_bytes());
        self.later(self.latency, other, Input::Peer { sid, input });
        self.later(self.latency * 2, node, Input::Peer { sid, input: PeerInput::Buffered(left) });
    }

    /// A node reads its connection again.
    fn listen(&mut self, node: usize, sid: SessionId) {
        self.nodes[node].deaf.retain(|deaf| *deaf != sid);
        let Some(other) = self.other_end(node, sid) else { return };
        let Some(end) = self.nodes[node].connections.get_mut(&sid) else { return };
        for text in std::mem::take(&mut end.unread) {
            self.deliver(other, node, sid, text);
        }
    }

    /// Every path breaks; ICE notices after a while.
    pub fn path_down(&mut self) {
        self.path_up = false;
        self.on_every_path(|world, node, sid| world.break_end(node, sid));
    }

    fn break_end(&mut self, node: usize, sid: SessionId) {
        if let Some(end) = self.nodes[node].connections.get_mut(&sid) {
            end.broken = true;
            self.schedule(self.now + self.notice, node, Happening::Notice(sid));
        }
    }

    pub(super) fn break_other_end(&mut self, node: usize, sid: SessionId) {
        if let Some(other) = self.other_end(node, sid) {
            self.break_end(other, sid);
        }
    }

    pub(super) fn notice(&mut self, node: usize, sid: SessionId) {
        let Some(end) = self.nodes[node].connections.get_mut(&sid) else { return };
        if end.broken && !std::mem::replace(&mut end.noticed, true) {
            self.handle(node, Input::Peer { sid, input: PeerInput::Disconnected });
        }
    }

    /// The path itself is whole again. `rebound`: the old pair of addresses works again, too;
    /// else only an ICE restart or a new session helps.
    pub fn path_back(&mut self, rebound: bool) {
        self.path_up = true;
        if rebound {
            self.on_every_path(|world, node, sid| {
                world.try_path_if(Connection::had_path_to, node, sid);
            });
        }
    }

    fn on_every_path(&mut self, act: impl Fn(&mut Self, usize, SessionId)) {
        for node in 0..self.nodes.len() {
            let sids: Vec<_> = self.nodes[node].connections.keys().copied().collect();
            sids.into_iter().for_each(|sid| act(self, node, sid));
        }
    }

    /// The frames of a node since its `from`-th, as JSON of this type.
    pub fn frames_of(&self, node: usize, kind: &str) -> Vec<String> {
        let kind = format!("\"type\":\"{kind}\"");
        let frames = self.nodes[node].frames.iter().map(|(_, text)| text);
        frames.filter(|text| text.starts_with('{') && text.contains(&kind)).cloned().collect()
    }
}

/// A candidate of some address.
pub fn candidate(number: u64) -> Candidate {
    Candidate {
        candidate: format!("candidate:1 1 udp 2130706431 192.0.2.{} 5000 typ host", number % 255),
        sdp_mid: Some("0".into()),
        sdp_mline_index: Some(0),
    }
}

/// How long a frame takes with the default latency.
pub const ONE_WAY: Duration = Duration::from_millis(25);
