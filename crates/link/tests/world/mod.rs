//! Two links, one virtual clock, and a network between them whose faults are fields.
#![allow(dead_code, unreachable_pub)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tincan_link::{Channel, Config, Event, Link, LocalCandidate, Role};

pub const A: usize = 0;
pub const B: usize = 1;

/// What the network does to datagrams. Probabilities are between 0 and 1.
#[derive(Clone)]
pub struct Net {
    /// One way.
    pub latency: Duration,
    /// Added at random, so that datagrams overtake each other.
    pub jitter: Duration,
    pub loss: f64,
    /// A damaged copy travels along, before the original or after it.
    pub corruption: f64,
    /// How long before or after the original the damaged copy arrives.
    pub corruption_spread: Duration,
    /// An exact copy arrives again, up to two seconds later.
    pub replay: f64,
    /// Bytes per second each way; zero is without limit.
    pub bandwidth: u64,
    /// Nothing passes between these instants.
    pub blackout: Option<(Instant, Instant)>,
    /// Numbers of datagrams, counted over both directions, that are lost.
    pub drop: Vec<u64>,
    /// Addresses of end A and end B that nothing reaches any more.
    pub dead: Vec<SocketAddr>,
    /// Addresses whose router lets in only whom it has sent to.
    pub filtered: Vec<SocketAddr>,
}

impl Default for Net {
    fn default() -> Self {
        Net {
            latency: Duration::from_millis(25),
            jitter: Duration::ZERO,
            loss: 0.0,
            corruption: 0.0,
            corruption_spread: Duration::from_millis(5),
            replay: 0.0,
            bandwidth: 0,
            blackout: None,
            drop: Vec::new(),
            dead: Vec::new(),
            filtered: Vec::new(),
        }
    }
}

pub struct End {
    pub link: Link,
    pub addrs: Vec<SocketAddr>,
    pub events: Vec<Event>,
    pub messages: Vec<(Channel, Vec<u8>)>,
    pub connected_at: Option<Instant>,
    pub ended: Option<(Instant, Event)>,
    /// Whether events are taken at all.
    pub drains: bool,
    /// `handle_timeout` calls and datagrams sent, by virtual second.
    pub ticks: BTreeMap<u64, u32>,
    pub sent: BTreeMap<u64, u32>,
    line_free: Instant,
    deadline: Option<Instant>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    at: Instant,
    number: u64,
    to: usize,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: Vec<u8>,
}

pub struct World {
    pub start: Instant,
    pub now: Instant,
    pub ends: [End; 2],
    pub net: Net,
    pub rng: ChaCha8Rng,
    flights: BinaryHeap<Reverse<Flight>>,
    /// Who has sent to whom.
    sent: BTreeSet<(SocketAddr, SocketAddr)>,
    /// Datagrams sent so far, and copies in flight so far.
    numbered: u64,
    serial: u64,
    /// Every datagram sent, in order, when asked for.
    pub tap: Option<Vec<Tapped>>,
}

/// Who sent it, from where, to where, and what.
pub type Tapped = (usize, SocketAddr, SocketAddr, Vec<u8>);

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl World {
    /// Two ends with one IPv4 address each, not yet talking.
    pub fn new(seed: u64, net: Net) -> World {
        World::with(seed, net, Config::default(), Config::default())
    }

    pub fn with(seed: u64, net: Net, a: Config, b: Config) -> World {
        World::at(seed, net, (a, addr("10.0.0.1:4000")), (b, addr("10.0.0.2:4000")))
    }

    pub fn at(seed: u64, net: Net, a: (Config, SocketAddr), b: (Config, SocketAddr)) -> World {
        let now = Instant::now();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut end = |config: Config, role, addr| {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            End {
                link: Link::new(config, role, bytes, now).unwrap(),
                addrs: vec![addr],
                events: Vec::new(),
                messages: Vec::new(),
                connected_at: None,
                ended: None,
                drains: true,
                ticks: BTreeMap::new(),
                sent: BTreeMap::new(),
                line_free: now,
                deadline: None,
            }
        };
        let ends = [end(a.0, Role::Offerer, a.1), end(b.0, Role::Answerer, b.1)];
        let (flights, sent) = (BinaryHeap::new(), BTreeSet::new());
        World { start: now, now, ends, net, rng, flights, sent, numbered: 0, serial: 0, tap: None }
    }

    /// Signals without delay: candidates inside the descriptions.
    pub fn connect(&mut self) {
        let now = self.now;
        for end in &mut self.ends {
            for addr in end.addrs.clone() {
                end.link.add_local_candidate(now, LocalCandidate::host(addr)).unwrap();
            }
        }
        let offer = self.ends[A].link.create_offer(now).unwrap();
        let answer = self.ends[B].link.accept_offer(now, &offer).unwrap();
        self.ends[A].link.accept_answer(now, &answer).unwrap();
        self.settle();
    }

    /// An ICE restart offered by `by`.
    pub fn restart(&mut self, by: usize) {
        let now = self.now;
        let offer = self.ends[by].link.restart_ice(now).unwrap();
        let answer = self.ends[1 - by].link.accept_offer(now, &offer).unwrap();
        self.ends[by].link.accept_answer(now, &answer).unwrap();
        self.settle();
    }

    /// Connects and runs until both ends are connected.
    pub fn open(seed: u64, net: Net) -> World {
        let mut world = World::new(seed, net);
        world.connect();
        assert!(world.run_until(Duration::from_secs(30), World::is_open), "seed {seed}");
        world
    }

    pub fn lose_what_is_in_flight(&mut self) {
        self.flights.clear();
    }

    pub fn is_open(&self) -> bool {
        self.ends.iter().all(|end| end.connected_at.is_some())
    }

    pub fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.ended.is_some())
    }

    /// When the later end was connected, from the start.
    pub fn open_time(&self) -> Duration {
        self.ends.iter().filter_map(|end| end.connected_at).max().unwrap() - self.start
    }

    pub fn send(&mut self, from: usize, channel: Channel, data: &[u8]) -> bool {
        let sent = self.ends[from].link.send(self.now, channel, data).is_ok();
        self.pump(from);
        sent
    }

    pub fn settle(&mut self) {
        self.pump(A);
        self.pump(B);
    }

    /// Runs until `done` or until `limit` has passed; whether it was done.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&World) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            if !self.step(end) {
                return done(self);
            }
        }
        true
    }

    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// One arrival or one timeout; false when none is left before `limit`.
    pub fn step(&mut self, limit: Instant) -> bool {
        let flight = self.flights.peek().map(|flight| flight.0.at);
        let (timer, end) = [A, B]
            .into_iter()
            .filter_map(|end| Some((self.ends[end].deadline?, end)))
            .min()
            .map_or((None, A), |(at, end)| (Some(at), end));
        let next = [flight, timer].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= limit) else {
            self.now = self.now.max(limit);
            return false;
        };
        self.now = self.now.max(next);
        if flight == Some(next) {
            let flight = self.flights.pop().unwrap().0;
            self.deliver(flight);
        } else {
            let second = (self.now - self.start).as_secs();
            *self.ends[end].ticks.entry(second).or_default() += 1;
            self.ends[end].link.handle_timeout(self.now);
            self.pump(end);
        }
        true
    }

    fn deliver(&mut self, flight: Flight) {
        let end = flight.to;
        let is_filtered = self.net.filtered.contains(&flight.local);
        let is_wanted = !is_filtered || self.sent.contains(&(flight.local, flight.remote));
        if self.net.dead.contains(&flight.local) || !is_wanted {
            return;
        }
        self.ends[end].link.handle_datagram(self.now, flight.local, flight.remote, &flight.bytes);
        self.pump(end);
    }

    /// Puts a datagram into end `to` as if it came from `remote`.
    pub fn inject(&mut self, to: usize, remote: SocketAddr, bytes: &[u8]) {
        let local = self.ends[to].addrs[0];
        self.ends[to].link.handle_datagram(self.now, local, remote, bytes);
        self.pump(to);
    }

    pub fn pump(&mut self, from: usize) {
        let now = self.now;
        let second = (now - self.start).as_secs();
        if self.ends[from].drains {
            while let Some(event) = self.ends[from].link.poll_event() {
                self.note(from, event);
            }
        }
        let mut out = Vec::new();
        while let Some(transmit) = self.ends[from].link.poll_transmit(now, &mut out) {
            for bytes in out.chunks(transmit.segment_size.unwrap_or(out.len())) {
                *self.ends[from].sent.entry(second).or_default() += 1;
                self.carry(from, transmit.local, transmit.remote, bytes);
            }
        }
        self.ends[from].deadline = self.ends[from].link.poll_timeout();
    }

    fn note(&mut self, from: usize, event: Event) {
        let now = self.now;
        let end = &mut self.ends[from];
        assert!(end.ended.is_none(), "event after the last: {event:?}");
        match event {
            Event::Message { channel, data } => end.messages.push((channel, data)),
            event => {
                match &event {
                    Event::Connected => end.connected_at = Some(now),
                    Event::Failed(_) | Event::Closed => end.ended = Some((now, event.clone())),
                    _ => {}
                }
                end.events.push(event);
            }
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && (self.rng.next_u32() as f64) < probability * f64::from(u32::MAX)
    }

    fn random_up_to(&mut self, limit: Duration) -> Duration {
        let nanos = limit.as_nanos() as u64;
        if nanos == 0 { Duration::ZERO } else { Duration::from_nanos(self.rng.next_u64() % nanos) }
    }

    fn carry(&mut self, from: usize, source: SocketAddr, target: SocketAddr, bytes: &[u8]) {
        assert!(bytes.len() <= Config::default().mtu, "{} bytes in a datagram", bytes.len());
        self.numbered += 1;
        self.sent.insert((source, target));
        if let Some(tap) = &mut self.tap {
            tap.push((from, source, target, bytes.to_vec()));
        }
        let number = self.numbered - 1;
        let to = 1 - from;
        let reachable = self.ends[to].addrs.contains(&target) && !self.net.dead.contains(&source);
        let dark = self.net.blackout.is_some_and(|(from, to)| (from..to).contains(&self.now));
        if self.net.drop.contains(&number) || !reachable || dark {
            return;
        }
        let mut at = self.now + self.net.latency + self.random_up_to(self.net.jitter);
        let nanos = (bytes.len() as u64 * 1_000_000_000).checked_div(self.net.bandwidth);
        if let Some(busy) = nanos.map(Duration::from_nanos) {
            let end = &mut self.ends[from];
            end.line_free = end.line_free.max(self.now) + busy;
            // A queue of a quarter second, then the tail is dropped.
            if end.line_free - self.now > Duration::from_millis(250) {
                end.line_free -= busy;
                return;
            }
            at += end.line_free - self.now;
        }
        if !self.chance(self.net.loss) {
            self.fly(at, to, target, source, bytes.to_vec());
        }
        if self.chance(self.net.corruption) {
            let mut copy = bytes.to_vec();
            let bit = self.rng.next_u64() as usize % (copy.len() * 8);
            copy[bit / 8] ^= 1 << (bit % 8);
            let spread = self.net.corruption_spread;
            let shifted = at + self.random_up_to(spread * 2);
            self.fly((shifted - spread).max(self.now), to, target, source, copy);
        }
        if self.chance(self.net.replay) {
            let later = at + self.random_up_to(Duration::from_secs(2));
            self.fly(later, to, target, source, bytes.to_vec());
        }
    }

    fn fly(
        &mut self,
        at: Instant,
        to: usize,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: Vec<u8>,
    ) {
        self.serial += 1;
        let number = self.serial;
        self.flights.push(Reverse(Flight { at, number, to, local, remote, bytes }));
    }

    /// No virtual second held more wake-ups or datagrams of an end than these.
    pub fn assert_calm(&self, ticks: u32, sent: u32) {
        for (name, end) in ["A", "B"].iter().zip(&self.ends) {
            let most = |by_second: &BTreeMap<u64, u32>| by_second.values().copied().max();
            assert!(most(&end.ticks) <= Some(ticks), "{name} ticks: {:?}", end.ticks);
            assert!(most(&end.sent) <= Some(sent), "{name} sent: {:?}", end.sent);
        }
    }
}
