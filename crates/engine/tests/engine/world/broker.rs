//! The broker: carries envelopes from topic to topic, loses, delays and doubles them, keeps those
//! of QoS 1 for who is away.

use std::time::Duration;

use rand_core::Rng;
use tincan_engine::{BrokerInput, BrokerOutput, Input, Time};
use tincan_wire::{
    Body, DeviceId, Envelope, Fingerprint, PairSecret, PrekeyPublic, PrekeySecret, SessionRef,
    Signal, Topic, seal,
};

use super::{Door, World, identity};

/// An envelope as the broker saw it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub at: Time,
    pub from: usize,
    pub topic: String,
    pub payload: Vec<u8>,
}

impl World {
    pub(super) fn broker(&mut self, node: usize, output: BrokerOutput) {
        match output {
            BrokerOutput::Connect { .. } => self.knock(node),
            BrokerOutput::Disconnect => self.nodes[node].at_broker = false,
            BrokerOutput::Publish { topic, payload, at_least_once, expiry } => {
                let at = self.now;
                self.nodes[node].published.push((at, topic.clone()));
                self.letters.push(Letter { at, from: node, topic: topic.clone(), payload });
                let lost = self.lose.as_mut().is_some_and(|lose| lose(&topic))
                    || self.rng.next_u64() % 1_000 < self.signal_loss_per_mille;
                if !lost && self.door == Door::Open && self.nodes[node].at_broker {
                    let twice = self.rng.next_u64() % 1_000 < self.signal_twice_per_mille;
                    (0..1 + u8::from(twice)).for_each(|_| self.forward(at_least_once, expiry));
                }
            }
        }
    }

    fn knock(&mut self, node: usize) {
        let now = self.now;
        self.nodes[node].connects.push(now);
        let input = match self.door {
            Door::Open => BrokerInput::Connected,
            Door::Refuses => {
                BrokerInput::Refused { credentials: false, reason: "connection refused".into() }
            }
            Door::RefusesCredentials => {
                BrokerInput::Refused { credentials: true, reason: "not authorised".into() }
            }
            Door::Silent => return,
        };
        self.later(self.signal_latency * 2, node, Input::Broker(input));
    }

    /// Forwards the last letter.
    fn forward(&mut self, at_least_once: bool, expiry: Duration) {
        let Some(Letter { topic, payload, .. }) = self.letters.last().cloned() else { return };
        let user = topic.parse::<Topic>().expect("engines publish to topics").user;
        let Some(to) = self.nodes.iter().position(|node| node.id == user) else { return };
        if self.nodes[to].at_broker {
            let delay = self.delay.map_or(self.signal_latency, |delay| delay(&topic));
            let input = BrokerInput::Message { topic, payload, retain: false };
            self.later(delay, to, Input::Broker(input));
        } else if at_least_once {
            let end = self.now + expiry;
            self.nodes[to].waiting.push_back((end, topic, payload));
        }
    }

    pub(super) fn broker_says(&mut self, node: usize, input: BrokerInput) {
        match &input {
            BrokerInput::Connected if self.door != Door::Open => {
                let reason = "connection refused".into();
                let input = BrokerInput::Refused { credentials: false, reason };
                self.handle(node, Input::Broker(input));
            }
            BrokerInput::Connected => {
                self.nodes[node].at_broker = true;
                self.handle(node, Input::Broker(input));
                self.deliver_waiting(node);
            }
            // The link broke while it was on its way.
            BrokerInput::Message { .. } if !self.nodes[node].at_broker => {}
            BrokerInput::Message { .. }
            | BrokerInput::Unreadable(_)
            | BrokerInput::Refused { .. }
            | BrokerInput::Closed { .. } => self.handle(node, Input::Broker(input)),
        }
    }

    fn deliver_waiting(&mut self, node: usize) {
        let waiting = std::mem::take(&mut self.nodes[node].waiting);
        for (expiry, topic, payload) in waiting {
            if expiry > self.now {
                let input = BrokerInput::Message { topic, payload, retain: false };
                self.later(self.signal_latency, node, Input::Broker(input));
            }
        }
    }

    /// The broker goes away under everyone.
    pub fn broker_down(&mut self) {
        self.door = Door::Refuses;
        (0..self.nodes.len()).for_each(|node| self.cut_off(node));
    }

    /// One node's link to the broker breaks.
    pub fn cut_off(&mut self, node: usize) {
        if std::mem::take(&mut self.nodes[node].at_broker) {
            let reason = "connection reset".into();
            self.handle(node, Input::Broker(BrokerInput::Closed { reason }));
        }
    }

    /// What it kept for a node that is away is lost.
    pub fn broker_forgets(&mut self, node: usize) {
        self.nodes[node].waiting.clear();
    }

    pub fn broker_up(&mut self) {
        self.door = Door::Open;
    }

    /// Hands an envelope to a node, past the broker's rules.
    pub fn inject(&mut self, node: usize, topic: &str, payload: &[u8], retain: bool) {
        let (topic, payload) = (topic.to_owned(), payload.to_vec());
        self.handle(node, Input::Broker(BrokerInput::Message { topic, payload, retain }));
    }

    /// Hands a letter to its recipient once more.
    pub fn replay(&mut self, letter: &Letter) {
        let user = letter.topic.parse::<Topic>().unwrap().user;
        let to = self.nodes.iter().position(|node| node.id == user).unwrap();
        self.inject(to, &letter.topic, &letter.payload, false);
    }

    pub fn letters_on(&self, from: usize, leaf: &str) -> Vec<Letter> {
        let ours = self.letters.iter().filter(|l| l.from == from && l.topic.ends_with(leaf));
        ours.cloned().collect()
    }

    pub fn published_on(&self, node: usize, leaf: &str) -> usize {
        self.nodes[node].published.iter().filter(|(_, topic)| topic.ends_with(leaf)).count()
    }

    /// When a node published on a leaf.
    pub fn published_at(&self, node: usize, leaf: &str) -> Vec<Time> {
        let published = self.nodes[node].published.iter();
        published.filter(|(_, topic)| topic.ends_with(leaf)).map(|(at, _)| *at).collect()
    }
}

/// An authentic signal of anyone, made by hand.
pub struct Forge {
    pub from: usize,
    pub dev: u8,
    pub ep: u64,
    pub seq: u64,
    pub prekey: Option<PrekeyPublic>,
    pub tagged: bool,
}

impl Forge {
    /// Signed by `from` in a run after all that the world makes.
    pub fn by(from: usize) -> Self {
        let ep = 1 << 50;
        Self { from, dev: from as u8, ep, seq: 1, prekey: None, tagged: true }
    }

    pub fn signal(&self, world: &World, to: usize, body: Body) -> Signal {
        let (from, to) = (identity(self.from).user_id(), world.nodes[to].id);
        Signal { from, to, dev: DeviceId([self.dev; 8]), ep: self.ep, seq: self.seq, body }
    }

    /// Topic and sealed payload.
    pub fn seal(&self, world: &mut World, to: usize, body: Body) -> (String, Vec<u8>) {
        let sender = identity(self.from);
        let signal = self.signal(world, to, body);
        let topic = Topic { user: signal.to, leaf: signal.body.leaf() };
        let secret = self.tagged.then(|| PairSecret::derive(&sender, &signal.to));
        let (prekey, secret) = (self.prekey.as_ref(), secret.as_ref());
        let payload = seal(&mut world.rng, &sender, &topic, prekey, secret, &signal).unwrap();
        (topic.to_string(), payload)
    }

    /// Seals and hands it to the recipient; counts up for the next one.
    pub fn send(&mut self, world: &mut World, to: usize, body: Body) {
        let (topic, payload) = self.seal(world, to, body);
        self.seq += 1;
        world.inject(to, &topic, &payload, false);
    }
}

impl World {
    /// What a letter says, read as its recipient.
    pub fn read(&self, letter: &Letter) -> Signal {
        let topic: Topic = letter.topic.parse().unwrap();
        let to = self.nodes.iter().position(|node| node.id == topic.user).unwrap();
        let envelope = Envelope::parse(&letter.payload).unwrap();
        let prekey = self.nodes[to].disk.prekeys.get(&envelope.key_id());
        let prekey = prekey.map(|stored| PrekeySecret::from_bytes(&stored.bytes));
        envelope.open(&topic, &identity(to), prekey.as_ref()).unwrap()
    }

    /// The sessions of the offers that a node has published, in order.
    pub fn offers(&self, from: usize) -> Vec<(SessionRef, Fingerprint)> {
        let letters = self.letters_on(from, "offer");
        let read = |letter: &Letter| match self.read(letter).body {
            Body::Offer { session, description } => (session, description.fp),
            other => panic!("no offer: {other:?}"),
        };
        letters.iter().map(read).collect()
    }
}
