//! Signaling bodies out and in (protocol §§3 and 4): sealing, opening, order and replay.

use std::time::Duration;

use tincan_wire::{
    Body, Description, DeviceId, DisplayName, Envelope, InviteProof, Leaf, PairSecret, PrekeyId,
    PrekeyPublic, SessionRef, Signal, Stamp, Topic, UserId, seal,
};

use crate::contact::ContactStatus;
use crate::engine::Engine;
use crate::farewell::{RUN_HAS_ENDED, outlives_its_sender};
use crate::output::{BrokerOutput, Output};
use crate::prekeys::CONTACT_PREKEY_LIFETIME;
use crate::store::{Op, Replay};
use crate::time::Time;
use crate::timer::Timer;
use crate::transactions::Pending;

/// Replay positions that may lag behind on disk do so for about this long.
const FLUSH_REPLAYS_AFTER: Duration = Duration::from_secs(60);
/// Bodies that wait until their replay position is on disk, at most: a disk that takes seconds
/// for each must not make us keep all that a contact sends.
const MAX_DEFERRED: usize = 256;
/// Strangers' envelopes that may cost us public-key work: so many at once …
const STRANGER_BURST: u32 = 40;
/// … and one more each so often.
const STRANGER_INTERVAL: Duration = Duration::from_millis(250);

/// A contact is told our prekey at most so often: the tag, by which we know them, does not keep a
/// broker from sending an old envelope again.
const TELL_PREKEY_EVERY: Duration = Duration::from_secs(60);

/// Which run of which installation of a contact has signed a body, and where it stands among all
/// that this run has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) dev: DeviceId,
    pub(crate) ep: u64,
    pub(crate) seq: u64,
}

impl Origin {
    /// The installation's run.
    pub(crate) fn run(self) -> (DeviceId, u64) {
        (self.dev, self.ep)
    }
}

/// A body that acts once its replay position is on disk.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) from: UserId,
    pub(crate) origin: Origin,
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
        // A prekey that has failed us twice may be lost at their side: fall back.
        let prekey = self
            .peers
            .get(&to)
            .filter(|peer| peer.attempts.backoff.failures() < 2)
            .and_then(|peer| peer.contact.prekey)
            .filter(|(_, at)| now.since(*at) < CONTACT_PREKEY_LIFETIME)
            .map(|(prekey, _)| prekey);
        self.publish_sealed(to, body, prekey.as_ref(), now)
    }

    /// The same, sealed to this prekey or, without one, to the identity key.
    fn publish_sealed(
        &mut self,
        to: UserId,
        body: Body,
        prekey: Option<&PrekeyPublic>,
        now: Time,
    ) -> bool {
        if !self.broker.is_connected() {
            return false;
        }
        let leaf = body.leaf();
        self.seq += 1;
        let signal =
            Signal { from: self.me, to, dev: self.dev, ep: self.epoch, seq: self.seq, body };
        let topic = Topic { user: to, leaf };
        let peer = self.peers.get(&to);
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

    /// A contact seals to a prekey that we no longer have: until they know a newer one, nothing of
    /// theirs can be read. What we tell them they can read in any case.
    fn tell_prekey(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let told = peer.prekey_told_at.is_some_and(|at| now.since(at) < TELL_PREKEY_EVERY);
        if !peer.is_accepted() || told {
            return;
        }
        peer.prekey_told_at = Some(now);
        let pk = self.prekeys.current();
        let body = Body::ContactResponse { accepted: true, name: self.name.clone(), pk };
        self.publish_sealed(id, body, None, now);
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
            id => {
                let secret = self.prekeys.secret(id);
                if let (None, Some((contact, _))) = (&secret, known) {
                    self.tell_prekey(contact, now);
                }
                Some(secret.ok_or("unknown prekey")?)
            }
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
        let is_deferred = matches!(
            signal.body.leaf(),
            Leaf::Offer | Leaf::ContactRequest | Leaf::ContactResponse
        );
        if is_deferred && self.deferred >= MAX_DEFERRED {
            return Err("disk too slow");
        }
        if !self.replays.rises(&signal) {
            return Err("replay");
        }
        let origin = Origin { dev: signal.dev, ep: signal.ep, seq: signal.seq };
        if self.has_ended(signal.from, origin) && !outlives_its_sender(&signal.body) {
            return Err(RUN_HAS_ENDED);
        }
        self.dispatch(signal, now);
        Ok(())
    }

    fn dispatch(&mut self, signal: Signal, now: Time) {
        let Signal { from, dev, ep, seq, body, .. } = signal;
        let leaf = body.leaf();
        let origin = Origin { dev, ep, seq };
        if !self.has_ended(from, origin) {
            self.sign_of_life(from, dev, ep, &body, now);
        }
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
                return self.handle_answer(from, Some(origin), session, description, now);
            }
            Body::IceCandidate { session, candidates, eoc: _ } => {
                self.note_replay(from, dev, leaf, now);
                return self.handle_candidates(from, session, candidates, now);
            }
            Body::ChatPresence { status } => {
                self.note_replay(from, dev, leaf, now);
                return self.handle_chat_presence(from, origin.run(), status, now);
            }
            Body::Heartbeat { n, re } => {
                self.note_replay(from, dev, leaf, now);
                return self.handle_heartbeat(from, n, re, now);
            }
        };
        let mut ops = self.replays.take_floor(from);
        ops.push(Op::SaveReplay(Replay { from, dev, leaf, ep, seq }));
        let deferred = Box::new(Deferred { from, origin, what });
        self.begin_wait(&deferred);
        self.store(ops, Pending::Act(deferred));
    }

    fn begin_wait(&mut self, deferred: &Deferred) {
        self.deferred += 1;
        if let Some(count) = self.responses_under_way(deferred) {
            *count += 1;
        }
    }

    /// The disk has answered, be it that the body acts or that it is dropped.
    pub(crate) fn end_wait(&mut self, deferred: &Deferred) {
        self.deferred = self.deferred.saturating_sub(1);
        if let Some(count) = self.responses_under_way(deferred) {
            *count = count.saturating_sub(1);
        }
    }

    fn responses_under_way(&mut self, deferred: &Deferred) -> Option<&mut usize> {
        let is_response = matches!(deferred.what, DeferredBody::Response { .. });
        let peer = self.peers.get_mut(&deferred.from).filter(|_| is_response)?;
        Some(&mut peer.responses_under_way)
    }

    /// The replay position of a body is on disk.
    pub(crate) fn act(&mut self, deferred: Deferred, now: Time) {
        let Deferred { from, origin, what } = deferred;
        match what {
            DeferredBody::Offer { .. } if self.has_ended(from, origin) => {
                self.reject(RUN_HAS_ENDED, now);
            }
            DeferredBody::Offer { session, description } => {
                self.handle_offer(from, Some(origin), session, description, now);
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
        self.replays.note(from, dev, leaf);
        if self.timers.at(Timer::ReplayFlush).is_none() {
            self.timers.set(Timer::ReplayFlush, now + FLUSH_REPLAYS_AFTER);
        }
    }

    pub(crate) fn flush_replays(&mut self) {
        let ops = self.replays.take_changes();
        if !ops.is_empty() {
            self.store(ops, Pending::Nothing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cause_only_so_much_work() {
        let start = Time::from_millis(1_000_000);
        let mut budget = StrangerBudget::new(start);
        assert_eq!((0..1_000).filter(|_| budget.spend(start)).count(), STRANGER_BURST as usize);
        assert!(!budget.spend(start + Duration::from_millis(100)));
        assert!(budget.spend(start + Duration::from_millis(300)));
    }
}
