//! Signaling bodies out and in (protocol §§3 and 4): sealing, opening, order and replay.

use std::collections::BTreeMap;
use std::time::Duration;

use tincan_wire::{
    Body, Description, DeviceId, DisplayName, Envelope, InviteProof, Leaf, PairSecret, PrekeyId,
    PrekeyPublic, SessionRef, Signal, SortedMap, Stamp, Topic, UserId, seal,
};

use crate::contact::ContactStatus;
use crate::engine::Engine;
use crate::output::{BrokerOutput, Output};
use crate::prekeys::CONTACT_PREKEY_LIFETIME;
use crate::store::{Op, Replay};
use crate::time::Time;
use crate::timer::Timer;
use crate::transactions::Pending;

/// Replay positions that may lag behind on disk do so for about this long.
const FLUSH_REPLAYS_AFTER: Duration = Duration::from_secs(60);
/// Devices of one user whose positions are kept; the one heard least recently goes first.
const MAX_DEVICES: usize = 8;
/// Bodies that wait until their replay position is on disk, at most: a disk that takes seconds
/// for each must not make us keep all that a contact sends.
const MAX_DEFERRED: usize = 256;
/// Strangers' envelopes that may cost us public-key work: so many at once …
const STRANGER_BURST: u32 = 40;
/// … and one more each so often.
const STRANGER_INTERVAL: Duration = Duration::from_millis(250);

/// A body that acts once its replay position is on disk.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) from: UserId,
    pub(crate) dev: DeviceId,
    pub(crate) ep: u64,
    pub(crate) what: DeferredBody,
}

/// Which body.
#[derive(Debug)]
pub(crate) enum DeferredBody {
    Offer {
        session: SessionRef,
        description: Description,
    },
    Request {
        name: DisplayName,
        proof: Option<InviteProof>,
        stamp: Option<Stamp>,
        pk: PrekeyPublic,
    },
    Response {
        accepted: bool,
        name: DisplayName,
        pk: Option<PrekeyPublic>,
    },
}

/// The last accepted (`ep`, `seq`) of each user, device and leaf.
#[derive(Debug)]
pub(crate) struct Replays {
    last: BTreeMap<(UserId, DeviceId, Leaf), (u64, u64)>,
    dirty: SortedMap<(UserId, DeviceId, Leaf), ()>,
}

impl Replays {
    pub(crate) fn new(list: Vec<Replay>) -> Self {
        let mut last = BTreeMap::new();
        last.extend(list.into_iter().map(|r| ((r.from, r.dev, r.leaf), (r.ep, r.seq))));
        Self { last, dirty: SortedMap::new() }
    }

    /// Whether the pair rises; if so it is the last from now on.
    fn rises(&mut self, signal: &Signal) -> bool {
        let key = (signal.from, signal.dev, signal.body.leaf());
        let pair = (signal.ep, signal.seq);
        if self.last.get(&key).is_some_and(|last| *last >= pair) {
            return false;
        }
        if !self.last.contains_key(&key) {
            self.make_room(signal.from, signal.dev);
        }
        self.last.insert(key, pair);
        true
    }

    fn make_room(&mut self, from: UserId, dev: DeviceId) {
        let mut devices: SortedMap<DeviceId, (u64, u64)> = SortedMap::new();
        let low = (from, DeviceId([0; 8]), Leaf::Offer);
        for ((user, device, _), pair) in self.last.range(low..) {
            if *user != from {
                break;
            }
            let latest = devices.or_insert_with(*device, Default::default);
            *latest = (*latest).max(*pair);
        }
        if devices.contains_key(&dev) || devices.len() < MAX_DEVICES {
            return;
        }
        if let Some((oldest, _)) = devices.into_iter().min_by_key(|(_, pair)| *pair) {
            self.last.retain(|(user, device, _), _| *user != from || *device != oldest);
        }
    }

    /// Forgets a stranger.
    pub(crate) fn forget(&mut self, from: UserId) {
        self.last.retain(|(user, _, _), _| *user != from);
        self.dirty.retain(|(user, _, _), ()| *user != from);
    }
}

/// How much public-key work strangers may still cause: a token bucket.
#[derive(Debug)]
pub(crate) struct StrangerBudget {
    left: u32,
    refilled: Time,
}

impl StrangerBudget {
    pub(crate) fn new(now: Time) -> Self {
        Self { left: STRANGER_BURST, refilled: now }
    }

    fn spend(&mut self, now: Time) -> bool {
        let gained = now.since(self.refilled).as_millis() / STRANGER_INTERVAL.as_millis();
        if gained > 0 {
            self.refilled = now;
            let gained = u32::try_from(gained).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(gained).min(STRANGER_BURST);
        }
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        true
    }
}

impl Engine {
    /// Seals a body to a user and publishes it; false if the broker is not there.
    pub(crate) fn publish(&mut self, to: UserId, body: Body, now: Time) -> bool {
        if !self.broker.is_connected() {
            return false;
        }
        let leaf = body.leaf();
        self.seq += 1;
        let signal =
            Signal { from: self.me, to, dev: self.dev, ep: self.epoch, seq: self.seq, body };
        let topic = Topic { user: to, leaf };
        let peer = self.peers.get(&to);
        // A prekey that has failed us twice may be lost at their side: fall back.
        let prekey = peer
            .filter(|peer| peer.attempts.backoff.failures() < 2)
            .and_then(|peer| peer.contact.prekey.as_ref())
            .filter(|(_, at)| now.since(*at) < CONTACT_PREKEY_LIFETIME)
            .map(|(prekey, _)| prekey);
        // Whom we answer without being their contact knows us: without the tag they would take
        // the answer for a stranger's.
        let secret =
            peer.map_or_else(|| PairSecret::derive(&self.identity, &to), |p| p.secret.clone());
        match seal(&mut self.rng, &self.identity, &topic, prekey, Some(&secret), &signal) {
            Ok(payload) => {
                self.output(Output::Broker(BrokerOutput::Publish {
                    topic: topic.to_string(),
                    payload,
                    at_least_once: leaf.qos() > 0,
                    expiry: Duration::from_secs(leaf.expiry_secs().into()),
                }));
                true
            }
            Err(_) => {
                self.reject("own signal too large", now);
                false
            }
        }
    }

    /// A message from the broker: nothing of it is believed before it is opened and verified.
    pub(crate) fn handle_signal(&mut self, topic: &str, payload: &[u8], retain: bool, now: Time) {
        if let Err(reason) = self.accept_signal(topic, payload, retain, now) {
            self.reject(reason, now);
        }
    }

    fn accept_signal(
        &mut self,
        topic: &str,
        payload: &[u8],
        retain: bool,
        now: Time,
    ) -> Result<(), &'static str> {
        if retain {
            return Err("retained message");
        }
        let topic: Topic = topic.parse().map_err(|_| "not a topic of ours")?;
        if topic.user != self.me {
            return Err("not a topic of ours");
        }
        let envelope = Envelope::parse(payload).map_err(|error| error.reason())?;
        let known = self
            .peers
            .values()
            .find(|peer| envelope.tag_matches(&peer.secret))
            .map(|peer| (peer.contact.id, peer.contact.status));
        match known {
            Some((_, ContactStatus::Blocked)) => return Err("blocked"),
            Some(_) => {}
            None if topic.leaf != Leaf::ContactRequest => return Err("stranger"),
            None if !self.strangers.spend(now) => return Err("too many strangers"),
            None => {}
        }
        let secret = match envelope.key_id() {
            PrekeyId::IDENTITY => None,
            id => Some(self.prekeys.secret(id).ok_or("unknown prekey")?),
        };
        let signal = envelope
            .open(&topic, &self.identity, secret.as_ref())
            .map_err(|error| error.reason())?;
        if known.is_some_and(|(id, _)| id != signal.from) {
            return Err("tag of another contact");
        }
        if known.is_none() && self.peers.contains_key(&signal.from) {
            return Err("contact without tag");
        }
        if known.is_none() {
            self.check_request_admission(&signal)?;
        }
        if !self.replays.rises(&signal) {
            return Err("replay");
        }
        let is_deferred = matches!(
            signal.body.leaf(),
            Leaf::Offer | Leaf::ContactRequest | Leaf::ContactResponse
        );
        if is_deferred && self.deferred >= MAX_DEFERRED {
            return Err("disk too slow");
        }
        self.dispatch(signal, now);
        Ok(())
    }

    fn dispatch(&mut self, signal: Signal, now: Time) {
        let Signal { from, dev, ep, seq, body, .. } = signal;
        let leaf = body.leaf();
        self.sign_of_life(from, dev, ep, &body, now);
        let what = match body {
            Body::Offer { session, description } => DeferredBody::Offer { session, description },
            Body::ContactRequest { name, proof, stamp, pk } => {
                DeferredBody::Request { name, proof, stamp, pk }
            }
            Body::ContactResponse { accepted, name, pk } => {
                DeferredBody::Response { accepted, name, pk }
            }
            Body::Answer { session, description } => {
                self.note_replay(from, dev, leaf, now);
                return self.handle_answer(from, ep, dev, session, description, now);
            }
            Body::IceCandidate { session, candidates, eoc: _ } => {
                self.note_replay(from, dev, leaf, now);
                return self.handle_candidates(from, session, candidates, now);
            }
            Body::ChatPresence { status } => {
                self.note_replay(from, dev, leaf, now);
                return self.handle_chat_presence(from, status, now);
            }
            Body::Heartbeat { n, re } => {
                self.note_replay(from, dev, leaf, now);
                return self.handle_heartbeat(from, n, re, now);
            }
        };
        let replay = Replay { from, dev, leaf, ep, seq };
        let deferred = Box::new(Deferred { from, dev, ep, what });
        self.deferred += 1;
        self.store(vec![Op::SaveReplay(replay)], Pending::Act(deferred));
    }

    /// The replay position of a body is on disk.
    pub(crate) fn act(&mut self, deferred: Deferred, now: Time) {
        let Deferred { from, dev, ep, what } = deferred;
        match what {
            DeferredBody::Offer { session, description } => {
                self.handle_offer(from, Some((dev, ep)), session, description, now);
            }
            DeferredBody::Request { name, proof, stamp, pk } => {
                self.handle_request(from, name, proof, stamp, pk, now);
            }
            DeferredBody::Response { accepted, name, pk } => {
                self.handle_response(from, accepted, name, pk, now);
            }
        }
    }

    fn note_replay(&mut self, from: UserId, dev: DeviceId, leaf: Leaf, now: Time) {
        self.replays.dirty.insert((from, dev, leaf), ());
        if self.timers.at(Timer::ReplayFlush).is_none() {
            self.timers.set(Timer::ReplayFlush, now + FLUSH_REPLAYS_AFTER);
        }
    }

    pub(crate) fn flush_replays(&mut self) {
        let ops: Vec<_> = std::mem::take(&mut self.replays.dirty)
            .into_iter()
            .filter_map(|(key, ())| {
                let (ep, seq) = *self.replays.last.get(&key)?;
                let (from, dev, leaf) = key;
                Some(Op::SaveReplay(Replay { from, dev, leaf, ep, seq }))
            })
            .collect();
        if !ops.is_empty() {
            self.store(ops, Pending::Nothing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tincan_wire::Identity;

    fn signal(dev: u8, ep: u64, seq: u64) -> Signal {
        Signal {
            from: Identity::from_seed([1; 32]).user_id(),
            to: Identity::from_seed([2; 32]).user_id(),
            dev: DeviceId([dev; 8]),
            ep,
            seq,
            body: Body::Heartbeat { n: 1, re: false },
        }
    }

    #[test]
    fn the_pair_of_run_and_count_must_rise() {
        let mut replays = Replays::new(Vec::new());
        for (ep, seq, rises) in
            [(5, 1, true), (5, 1, false), (5, 2, true), (4, 9, false), (6, 1, true)]
        {
            assert_eq!(replays.rises(&signal(1, ep, seq)), rises, "({ep}, {seq})");
        }
    }

    #[test]
    fn devices_count_for_themselves() {
        let mut replays = Replays::new(Vec::new());
        assert!(replays.rises(&signal(1, 5, 5)));
        assert!(replays.rises(&signal(2, 1, 1)));
    }

    #[test]
    fn no_more_than_eight_devices_are_kept() {
        let mut replays = Replays::new(Vec::new());
        for dev in 0..100 {
            assert!(replays.rises(&signal(dev, u64::from(dev) + 1, 1)));
        }
        assert_eq!(replays.last.len(), MAX_DEVICES);
        assert!(!replays.rises(&signal(99, 100, 1)), "the latest is among them");
    }

    #[test]
    fn strangers_cause_only_so_much_work() {
        let start = Time::from_millis(1_000_000);
        let mut budget = StrangerBudget::new(start);
        assert_eq!((0..1_000).filter(|_| budget.spend(start)).count(), STRANGER_BURST as usize);
        assert!(!budget.spend(start + Duration::from_millis(100)));
        assert!(budget.spend(start + Duration::from_millis(300)));
    }
}
