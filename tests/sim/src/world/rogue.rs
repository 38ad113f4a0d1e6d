//! Who means ill: a contact that floods, and an impostor who has broken DTLS.

use std::collections::BTreeMap;
use std::time::Duration;

use tincan_engine::PeerInput;
use tincan_wire::{
    Body, Description, DeviceId, Envelope, Fingerprint, Frame, FrameCodec, Hello, HelloTranscript,
    Kind, Leaf, LogId, MAX_FRAME_BYTES, Message, MessageId, PairSecret, Position, Role, SessionId,
    SessionRef, Signal, Topic, seal,
};

use super::broker::Letter;
use super::paths::{candidate, sdp};
use super::{Happening, ROGUE, START, World, identity, millis};
use crate::dice::Dice;
use crate::invariant::Invariant;
use crate::plan::Flood;

/// Between two things of a flood.
const PACE: Duration = Duration::from_millis(1);
/// By so much an engine may tell more of itself after a flood than before it, in bytes. What each
/// flood may leave in its buffer takes a fraction of this; what each brings takes a multiple.
const MAX_GROWTH_BYTES: usize = 320 * 1024;
/// A flood is looked at after so many things.
const LOOK_EVERY: usize = 32;
/// Candidates of one body of the flood: as many as a body holds.
const CANDIDATES: usize = tincan_wire::signal_body::MAX_CANDIDATES;

/// The contact that means ill.
pub(super) struct Rogue {
    dice: Dice,
    /// The mark of its run; a new one with each flood.
    epoch: u64,
    seq: u64,
    floods: BTreeMap<usize, Task>,
}

/// A flood under way.
struct Task {
    with: Flood,
    left: usize,
    size_before: usize,
    said_before: usize,
    sid: SessionId,
    offer: (String, Fingerprint),
    is_open: bool,
}

impl Rogue {
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed, "rogue"), epoch: 1 << 45, seq: 0, floods: BTreeMap::new() }
    }
}

impl World {
    pub(super) fn rogue_floods(&mut self, node: usize, with: Flood, count: usize) {
        let rogue = &mut self.rogue;
        rogue.epoch += 1;
        let fingerprint = Fingerprint(rogue.dice.seed());
        let offer = (sdp(rogue.dice.number(), fingerprint), fingerprint);
        let sid = SessionId::random(rogue.dice.generator());
        let size_before = self.engine_size(node);
        let said_before = self.model.said_bytes();
        let task = Task { with, left: count, size_before, said_before, sid, offer, is_open: false };
        let needs_session = matches!(with, Flood::Gaps | Flood::Logs);
        if needs_session {
            let body = offer_body(&task, sid);
            self.rogue_publishes(node, body, DeviceId([9; 8]));
        }
        self.rogue.floods.insert(node, task);
        if !needs_session {
            self.after(PACE, Happening::Rogue { node });
        }
    }

    /// One thing of the flood.
    pub(super) fn rogue_acts(&mut self, node: usize) {
        if self.nodes[node].engine.is_none() {
            self.rogue.floods.remove(&node);
        }
        let Some(task) = self.rogue.floods.get_mut(&node) else { return };
        let nth = task.left;
        task.left = task.left.saturating_sub(1);
        let (with, sid) = (task.with, task.sid);
        let (before, said_before) = (task.size_before, task.said_before);
        if nth % LOOK_EVERY == 0 {
            let size = self.engine_size(node);
            // What people say meanwhile is kept for a while, by right.
            let said = 4 * (self.model.said_bytes() - said_before);
            if size > before + MAX_GROWTH_BYTES + said {
                let what = format!("{with:?} made {node} grow from {before} to {size} bytes");
                return self.broken(Invariant::Bounded, what);
            }
        }
        if nth == 0 {
            self.rogue.floods.remove(&node);
            return;
        }
        self.rogue_sends(node, with, sid, nth as u64);
        self.after(PACE, Happening::Rogue { node });
    }

    fn rogue_sends(&mut self, node: usize, with: Flood, sid: SessionId, nth: u64) {
        let dev = DeviceId([9; 8]);
        match with {
            Flood::Devices => {
                let dev = DeviceId::random(self.rogue.dice.generator());
                self.rogue_publishes(node, Body::Heartbeat { n: 2, re: true }, dev);
            }
            Flood::Candidates => {
                let session = SessionRef { sid, generation: 0 };
                let candidates = vec![candidate(ROGUE); CANDIDATES];
                let body = Body::IceCandidate { session, candidates, eoc: false };
                self.rogue_publishes(node, body, dev);
            }
            Flood::Offers => {
                let sid = SessionId::random(self.rogue.dice.generator());
                let Some(task) = self.rogue.floods.get(&node) else { return };
                let body = offer_body(task, sid);
                self.rogue_publishes(node, body, dev);
            }
            Flood::Gaps => self.rogue_says(node, sid, "rogue000", 2 * nth + 2),
            Flood::Logs => {
                let log = LogId::random(self.rogue.dice.generator());
                self.rogue_says(node, sid, log.as_str(), 1);
            }
            Flood::Garbage => {
                let payload = self.rogue.dice.seed().to_vec();
                let frame = PeerInput::Frame(payload.clone());
                let leaf = self.rogue.dice.pick(&[Leaf::Offer, Leaf::Heartbeat, Leaf::Answer]);
                let topic = Topic { user: self.nodes[node].id, leaf }.to_string();
                let letter = Letter::forged(topic, payload, self.now);
                self.after(PACE, Happening::Letter { to: node, letter });
                let mut sids = self.paths.ends.keys().filter(|(_, at)| *at == node);
                if let Some((sid, _)) = sids.next_back().copied() {
                    self.peer_input_after(PACE, node, sid, frame);
                }
            }
        }
    }

    /// A signal of the rogue, as its engine would seal it.
    fn rogue_publishes(&mut self, node: usize, body: Body, dev: DeviceId) {
        let own = identity(ROGUE);
        let to = self.nodes[node].id;
        self.rogue.seq += 1;
        let (ep, seq) = (self.rogue.epoch, self.rogue.seq);
        let topic = Topic { user: to, leaf: body.leaf() };
        let signal = Signal { from: own.user_id(), to, dev, ep, seq, body };
        let secret = PairSecret::derive(&own, &to);
        let generator = self.rogue.dice.generator();
        if let Ok(payload) = seal(generator, &own, &topic, None, Some(&secret), &signal) {
            let letter = Letter::forged(topic.to_string(), payload, self.now);
            self.after(PACE, Happening::Letter { to: node, letter });
        }
    }

    fn rogue_says(&mut self, node: usize, sid: SessionId, log: &str, s: u64) {
        let Ok(lg) = log.parse() else { return };
        let content = "from somebody who means ill".to_owned();
        self.rogue_frame(node, sid, &words(content, lg, s), PACE);
    }

    fn rogue_frame(&mut self, node: usize, sid: SessionId, frame: &Frame, wait: Duration) {
        let codec = FrameCodec::new(identity(ROGUE).user_id(), self.nodes[node].id);
        if let Ok(text) = codec.encode(frame) {
            self.peer_input_after(wait, node, sid, PeerInput::Frame(text.into_bytes()));
        }
    }

    /// A node has published something to the rogue.
    pub(super) fn rogue_gets(&mut self, from: usize, topic: Topic, payload: &[u8]) {
        let own = identity(ROGUE);
        let opened = Envelope::parse(payload).ok().and_then(|e| e.open(&topic, &own, None).ok());
        let Some(Signal { body: Body::Answer { session, description }, .. }) = opened else {
            return;
        };
        let answerer = self.nodes[from].id;
        let Some(task) = self.rogue.floods.get_mut(&from) else { return };
        if task.sid != session.sid || std::mem::replace(&mut task.is_open, true) {
            return;
        }
        let transcript = HelloTranscript {
            sid: task.sid,
            offerer: own.user_id(),
            answerer,
            offerer_fp: task.offer.1,
            answerer_fp: description.fp,
            offer: HelloTranscript::hash_sdp(&task.offer.0),
            answer: HelloTranscript::hash_sdp(&description.sdp),
        };
        let (sid, sig) = (task.sid, transcript.sign(&own, Role::Offerer));
        if let Some(end) = self.paths.ends.get_mut(&(sid, from)) {
            end.is_opened = true;
        }
        self.peer_input_after(PACE, from, sid, PeerInput::Opened);
        let max = MAX_FRAME_BYTES as u32;
        let hello = Frame::Hello(Hello { sid, sig, caps: Vec::new(), max });
        self.rogue_frame(from, sid, &hello, PACE * 2);
        self.after(PACE * 3, Happening::Rogue { node: from });
    }

    /// Whoever sits at the other end of a connection of `node` claims to be `to`.
    pub(super) fn impostor_speaks(&mut self, sid: SessionId, node: usize, to: usize) {
        let codec = FrameCodec::new(self.nodes[to].id, self.nodes[node].id);
        let Ok(lg) = "impostor".parse() else { return };
        let forged = || words("words that nobody said".into(), lg, 1);
        let hello = Hello { sid, sig: [7; 64], caps: Vec::new(), max: MAX_FRAME_BYTES as u32 };
        let frames = [forged(), Frame::Hello(hello), forged()];
        for (wait, frame) in [60, 61, 62].into_iter().zip(frames) {
            if let Ok(text) = codec.encode(&frame) {
                let input = PeerInput::Frame(text.into_bytes());
                self.peer_input_after(millis(wait), node, sid, input);
            }
        }
    }
}

fn offer_body(task: &Task, sid: SessionId) -> Body {
    let (sdp, fp) = task.offer.clone();
    let description = Description { sdp, fp, caps: Vec::new(), pk: None };
    Body::Offer { session: SessionRef { sid, generation: 0 }, description }
}

fn words(content: String, lg: LogId, s: u64) -> Frame {
    let timestamp = START.as_millis() + s;
    Frame::Message(Message {
        id: MessageId::new(timestamp, [0; 10]),
        content,
        timestamp,
        kind: Kind::Text { reply: None },
        position: Some(Position { lg, s, h: timestamp }),
    })
}
