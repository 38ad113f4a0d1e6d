//! The broker at its worst: loses, doubles, delays, damages and moves messages, forgets sessions,
//! goes away, splits. What MQTT does promise it keeps: order within a topic (protocol §2).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tincan_engine::{BrokerInput, BrokerOutput, Input, Time};
use tincan_wire::{Leaf, Topic};

use super::{Happening, ROGUE, World, millis};
use crate::coverage::Row;
use crate::dice::Dice;
use crate::invariant::Invariant;
use crate::model::MARK;
use crate::plan::{Door, Weather};

/// One way to the broker and on to another node.
const LATENCY: Duration = Duration::from_millis(10);

/// The broker and its links.
pub(super) struct Broker {
    dice: Dice,
    pub(super) door: (Door, Time),
    pub(super) weather: (Weather, Time),
    pub(super) split: (u8, Time),
    clients: Vec<Client>,
    /// When the last message on a topic of a sender arrives.
    last: BTreeMap<(usize, String), Time>,
    /// When the last message of any topic to a node arrives.
    latest: BTreeMap<usize, Time>,
}

/// What the broker knows of a node.
#[derive(Default)]
struct Client {
    /// The node takes it for connected, or is about to.
    attempt: u64,
    is_linked: bool,
    waiting: VecDeque<Letter>,
}

/// A published message.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) retain: bool,
    at_least_once: bool,
    expires: Time,
}

impl Letter {
    /// One that the rogue makes.
    pub(super) fn forged(topic: String, payload: Vec<u8>, now: Time) -> Self {
        let expires = now + Duration::from_secs(30);
        Self { topic, payload, retain: false, at_least_once: false, expires }
    }
}

impl Broker {
    pub(super) fn new(seed: u64, count: usize) -> Self {
        let long_ago = Time::default();
        Self {
            dice: Dice::new(seed, "broker"),
            door: (Door::Open, long_ago),
            weather: (Weather::default(), long_ago),
            split: (0, long_ago),
            clients: (0..count).map(|_| Client::default()).collect(),
            last: BTreeMap::new(),
            latest: BTreeMap::new(),
        }
    }

    /// Nothing is wrong with it any more.
    pub(super) fn heal(&mut self, now: Time) {
        self.door.1 = now;
        self.weather.1 = now;
        self.split.1 = now;
    }

    fn door(&self, now: Time) -> Door {
        if self.door.1 > now { self.door.0 } else { Door::Open }
    }

    fn weather(&self, now: Time) -> Weather {
        if self.weather.1 > now { self.weather.0 } else { Weather::default() }
    }

    fn splits(&self, a: usize, b: usize, now: Time) -> bool {
        let (side, until) = self.split;
        until > now && (side >> a) & 1 != (side >> b) & 1
    }
}

impl World {
    pub(super) fn broker_output(&mut self, node: usize, output: BrokerOutput) {
        match output {
            BrokerOutput::Connect { .. } => {
                let client = &mut self.broker.clients[node];
                client.attempt += 1;
                let (attempt, run) = (client.attempt, self.nodes[node].run);
                self.after(LATENCY * 2, Happening::Knock { node, run, attempt });
            }
            BrokerOutput::Disconnect => {
                let client = &mut self.broker.clients[node];
                client.attempt += 1;
                client.is_linked = false;
            }
            BrokerOutput::Publish { topic, payload, at_least_once, expiry } => {
                self.check_payload(node, &payload);
                let expires = self.now + expiry;
                let letter = Letter { topic, payload, retain: false, at_least_once, expires };
                if self.broker.clients[node].is_linked {
                    self.publish(node, letter);
                }
            }
        }
    }

    /// CONNACK and SUBACK, or what comes in their place.
    pub(super) fn answer_knock(&mut self, node: usize, run: u64, attempt: u64) {
        let is_present = self.nodes[node].run == run;
        if !is_present || self.broker.clients[node].attempt != attempt {
            return;
        }
        let refused = |credentials, reason: &str| BrokerInput::Refused {
            credentials,
            reason: reason.to_owned(),
        };
        let input = match self.broker.door(self.now) {
            Door::Silent => return self.count(Row::Unanswered),
            Door::Refuses => {
                self.count(Row::RefusedConnection);
                refused(false, "connection refused")
            }
            Door::RefusesCredentials => {
                self.count(Row::RefusedCredentials);
                refused(true, "not authorised")
            }
            Door::Open => BrokerInput::Connected,
        };
        let is_open = matches!(input, BrokerInput::Connected);
        self.input_after(Duration::ZERO, node, Input::Broker(input));
        if is_open {
            self.broker.clients[node].is_linked = true;
            let waiting = std::mem::take(&mut self.broker.clients[node].waiting);
            for letter in waiting {
                if letter.expires > self.now {
                    self.after(LATENCY, Happening::Letter { to: node, letter });
                } else {
                    self.count(Row::Expired);
                }
            }
        }
    }

    fn publish(&mut self, from: usize, letter: Letter) {
        let Ok(topic) = letter.topic.parse::<Topic>() else {
            return self.broken(Invariant::Sealed, format!("{from} publishes to {}", letter.topic));
        };
        let Some(to) = self.who.get(&topic.user).copied() else { return };
        if to == ROGUE {
            return self.rogue_gets(from, topic, &letter.payload);
        }
        let now = self.now;
        let weather = self.broker.weather(now);
        if self.broker.splits(from, to, now) {
            return self.count(Row::Split);
        }
        if self.broker.dice.chance(weather.lost) {
            return self.count(Row::Lost);
        }
        if self.broker.dice.chance(weather.echoed) {
            self.count(Row::Echoed);
            let wait = millis(1_000 + self.broker.dice.below(59_000));
            self.after(wait, Happening::Letter { to, letter: letter.clone() });
        }
        let letter = self.mistreat(letter, topic, weather);
        let at = self.arrival(from, to, &letter.topic, weather);
        if self.broker.dice.chance(weather.twice) {
            self.count(Row::Twice);
            self.at(at + millis(1), Happening::Letter { to, letter: letter.clone() });
        }
        self.at(at, Happening::Letter { to, letter });
    }

    fn mistreat(&mut self, mut letter: Letter, mut topic: Topic, weather: Weather) -> Letter {
        if self.broker.dice.chance(weather.damaged) {
            self.count(Row::Damaged);
            let at = self.broker.dice.below(letter.payload.len() as u64) as usize;
            let bit = 1 << self.broker.dice.below(8);
            letter.payload[at] ^= bit;
        }
        if self.broker.dice.chance(weather.retained) {
            self.count(Row::Retained);
            letter.retain = true;
        }
        if self.broker.dice.chance(weather.moved) {
            self.count(Row::Moved);
            topic.leaf = self.broker.dice.pick(&[
                Leaf::Offer,
                Leaf::Answer,
                Leaf::IceCandidate,
                Leaf::ContactRequest,
                Leaf::Heartbeat,
            ]);
            letter.topic = topic.to_string();
        }
        letter
    }

    /// Topics overtake each other; messages of one sender on one topic do not.
    fn arrival(&mut self, from: usize, to: usize, topic: &str, weather: Weather) -> Time {
        let late = millis(self.broker.dice.below(weather.late_ms + 1));
        let last = self.broker.last.entry((from, topic.to_owned())).or_default();
        let at = (self.now + LATENCY + late).max(*last);
        *last = at;
        let latest = self.broker.latest.entry(to).or_default();
        let overtakes = at < *latest;
        *latest = at.max(*latest);
        if overtakes {
            self.count(Row::Overtaken);
        }
        at
    }

    pub(super) fn hand_over(&mut self, to: usize, letter: Letter) {
        let client = &mut self.broker.clients[to];
        if client.is_linked {
            let Letter { topic, payload, retain, .. } = letter;
            let input = Input::Broker(BrokerInput::Message { topic, payload, retain });
            return self.input_after(Duration::ZERO, to, input);
        }
        if letter.at_least_once {
            client.waiting.push_back(letter);
            self.count(Row::Waited);
        }
    }

    /// The broker goes away under everyone.
    pub(super) fn broker_down(&mut self, door: Door, forget: bool, until: Time) {
        self.count(Row::Down);
        self.broker.door = (door, until);
        for node in 0..self.nodes.len() {
            self.cut_off(node, forget, Duration::ZERO);
        }
    }

    /// One link ends, of which its node hears after a while.
    pub(super) fn cut_off(&mut self, node: usize, forget: bool, unheard: Duration) {
        let client = &mut self.broker.clients[node];
        if forget && !client.waiting.is_empty() {
            client.waiting.clear();
            self.coverage.count(Row::SessionForgotten);
        }
        if std::mem::take(&mut client.is_linked) {
            self.count(if unheard > Duration::ZERO { Row::HalfOpen } else { Row::CutOff });
            let reason = "connection reset".to_owned();
            self.input_after(unheard, node, Input::Broker(BrokerInput::Closed { reason }));
        }
    }

    /// The process is gone, and its link with it.
    pub(super) fn lose_link(&mut self, node: usize) {
        let client = &mut self.broker.clients[node];
        client.is_linked = false;
        client.attempt += 1;
    }

    /// No word of a conversation goes through the broker in a form that it can read.
    fn check_payload(&mut self, node: usize, payload: &[u8]) {
        let text = String::from_utf8_lossy(payload);
        let sealed = text.split('"').any(|part| {
            use base64::Engine as _;
            let opened = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
            opened.is_ok_and(|bytes| holds_mark(&bytes))
        });
        if sealed || holds_mark(payload) {
            self.broken(Invariant::Sealed, format!("the broker can read what {node} says"));
        }
    }
}

/// Whether something holds words of a conversation.
pub(super) fn holds_mark(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes())
}
