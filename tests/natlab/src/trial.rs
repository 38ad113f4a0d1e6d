//! One pair, tried once: built, met, opened, talked, counted, judged.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::flow::{Flow, FlowCounter};
use crate::hub::Hub;
use crate::lab::Lab;
use crate::meeting::{Apart, Meeting, Opened};
use crate::pair::{Expect, Pair};
use crate::path::{Reported, Taken, Way};
use crate::plan::Side;
use crate::scene::Condition;

/// How long a session may take to open before it is held not to come: a bad network costs a few
/// attempts.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is longer is looked at: somebody waits for it.
const SLOW: Duration = Duration::from_secs(3);

/// What is said so that the counters have something to count: much more than anything else that
/// the hosts send meanwhile.
const MESSAGES: usize = 10;
const MESSAGE_BYTES: usize = 2_000;

/// How often the path may be another one than before such a talk: each end leaves a relay once, and
/// a pair that was found first for one that is better.
const CHANGES: usize = 4;

/// So long a relay may carry what is said at first where a direct path works: a router that lets
/// in only whom its host has sent to drops the first checks.
const DIRECT_AFTER: Duration = Duration::from_secs(5);

/// A pair and what came of it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The pair.
    pub pair: Pair,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a pair.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What had to, and what is reported is so.
    Right {
        /// Which way the packets took.
        way: Way,
        /// How both ends see it: the kinds of candidates of the first host's report.
        kinds: String,
        /// How long it took.
        opened: Opened,
        /// What was to be seen when that was long.
        slow: Option<String>,
    },
    /// Something else, in words.
    Wrong(String),
    /// It could not be tried, in words.
    NotRun(String),
}

impl Trial {
    /// Tries a pair under a condition. Whatever fails is the outcome.
    pub fn run(pair: Pair, condition: Condition) -> Self {
        let outcome = catch_unwind(AssertUnwindSafe(|| attempt(pair, condition)))
            .unwrap_or_else(|panic| Outcome::Wrong(format!("the laboratory: {}", said(&*panic))));
        Self { pair, outcome }
    }

    /// Tries a pair whose nodes are there.
    pub fn judge(pair: Pair, lab: &Lab, meeting: &mut Meeting) -> Outcome {
        let counters = [Side::A, Side::B].map(|side| Counters::start(lab, side));
        match meeting.open(PATIENCE) {
            Ok(opened) => {
                let is_slow = opened.verified > SLOW;
                let slow =
                    is_slow.then(|| format!("{}; packets: {}", meeting.words(), seen(&counters)));
                judge(pair, lab, meeting, &counters, opened, slow)
            }
            Err(Apart(words)) => {
                Outcome::Wrong(format!("no session: {words}; packets: {}", seen(&counters)))
            }
        }
    }
}

/// The words of a panic.
pub(crate) fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

fn attempt(pair: Pair, condition: Condition) -> Outcome {
    let lab = Lab::up(pair.a, pair.b);
    // Before the nodes look at the network: to them a new wire would be another one.
    let _bad = condition.impose(&lab);
    let arranged = Hub::start(&lab).and_then(|hub| {
        let is_missing = pair.expect == Expect::Relay && !hub.has_relay(&lab)?;
        Ok((!is_missing).then_some(hub))
    });
    let hub = match arranged {
        Ok(Some(hub)) => hub,
        Ok(None) => return Outcome::NotRun("this hub has no relay".to_owned()),
        Err(words) => return Outcome::Wrong(words),
    };
    match Meeting::at(hub, &lab) {
        Ok(mut meeting) => Trial::judge(pair, &lab, &mut meeting),
        Err(Apart(words)) => Outcome::Wrong(words),
    }
}

/// What a side's host sends and what comes out of its router.
#[derive(Debug)]
pub(crate) struct Counters<'a> {
    side: Side,
    host: FlowCounter<'a>,
    outside: FlowCounter<'a>,
}

impl<'a> Counters<'a> {
    pub(crate) fn start(lab: &'a Lab, side: Side) -> Self {
        let host = FlowCounter::start(lab.host(side), None);
        // Hosts on one LAN have one router, which one table is enough for.
        let outside = FlowCounter::start_once(lab.router(side), "wan", side == lab.network(side));
        Self { side, host, outside }
    }

    pub(crate) fn reset(&self) {
        self.host.reset();
        self.outside.reset();
    }

    /// Which way most of it took. `theirs` are the other host's own addresses.
    pub(crate) fn taken(&self, theirs: &[IpAddr]) -> Option<Taken> {
        Taken::of(&self.host.read(), &self.outside.read(), theirs)
    }

    fn words(&self) -> String {
        let words = |flows: Vec<Flow>| {
            let udp = flows.iter().filter(|flow| flow.udp);
            let words = udp.map(|f| {
                let arrow = if f.sent { "→" } else { "⇒" };
                format!("{} {arrow} {} ×{}", f.from, f.to, f.packets)
            });
            words.collect::<Vec<_>>().join(", ")
        };
        format!(
            "host {} [{}], outside its router [{}]",
            self.side.letter(),
            words(self.host.read()),
            words(self.outside.read())
        )
    }
}

/// What both have counted, in words.
pub(crate) fn seen(counters: &[Counters<'_>; 2]) -> String {
    counters.each_ref().map(Counters::words).join("; ")
}

/// Talks until one path has carried the whole of it, which the counters have then counted: a relay
/// may be left for a direct path when the session is young, and each end reports it as it sees it.
/// `exchange` says something each way, `reported` tells what is reported now, `is_final` whether
/// nothing better is to be waited for.
pub(crate) fn settled<M, T: PartialEq + std::fmt::Debug>(
    meeting: &mut M,
    counters: &[Counters<'_>; 2],
    exchange: impl Fn(&mut M, &str) -> Result<(), String>,
    reported: impl Fn(&M) -> T,
    is_final: impl Fn(&T) -> bool,
) -> Result<T, String> {
    let end = Instant::now() + DIRECT_AFTER;
    let mut seen = vec![reported(meeting)];
    let mut rounds = 0;
    while seen.len() <= CHANGES {
        counters.iter().for_each(Counters::reset);
        rounds += 1;
        for nth in 0..MESSAGES {
            // Each is another text, for who must tell them apart.
            let text = format!("{rounds} {nth} {}", "x".repeat(MESSAGE_BYTES));
            let exchanged = exchange(meeting, &text);
            exchanged.map_err(|words| format!("the session does not last: {words}"))?;
        }
        let after = reported(meeting);
        if seen.last() != Some(&after) {
            seen.push(after);
        } else if is_final(&after) || Instant::now() >= end {
            return Ok(after);
        }
    }
    Err(format!("the path does not settle: {seen:?}"))
}

fn judge(
    pair: Pair,
    lab: &Lab,
    meeting: &mut Meeting,
    counters: &[Counters<'_>; 2],
    opened: Opened,
    slow: Option<String>,
) -> Outcome {
    let exchange = |meeting: &mut Meeting, text: &str| {
        meeting.exchange(text, PATIENCE).map(drop).map_err(|Apart(words)| words)
    };
    let reported =
        |meeting: &Meeting| [Side::A, Side::B].map(|side| Reported::of(&meeting.node(side).peer()));
    let is_final = |paths: &[Option<Reported>; 2]| {
        let mut ends = paths.iter();
        ends.all(|path| path.as_ref().is_some_and(|path| path.is_final(pair.expect)))
    };
    let after = match settled(meeting, counters, exchange, reported, is_final) {
        Ok(after) => after,
        Err(words) => return Outcome::Wrong(words),
    };
    let mut ways = Vec::new();
    let sides = [(Side::A, Side::B), (Side::B, Side::A)];
    for (((side, other), counter), reported) in sides.into_iter().zip(counters).zip(&after) {
        let Some(reported) = reported else {
            return Outcome::Wrong(format!("{side:?} reports no path: {}", meeting.words()));
        };
        let theirs = lab.addresses(other);
        let Some(taken) = counter.taken(&theirs) else {
            return Outcome::Wrong(format!("{side:?} has sent nothing"));
        };
        if let Some(words) = taken.contradiction(reported, &theirs) {
            return Outcome::Wrong(format!("{side:?} reports {words}"));
        }
        ways.push(taken.way);
    }
    let [way, other_way] = ways[..] else { return Outcome::Wrong("two ends".to_owned()) };
    let kinds =
        after[0].as_ref().map_or(String::new(), |path| format!("{}–{}", path.local, path.remote));
    match (pair.expect, way) {
        _ if way != other_way => Outcome::Wrong(format!("{way} one way, {other_way} the other")),
        (Expect::Direct, Way::Relay) | (Expect::Relay, Way::Lan | Way::Hairpin | Way::Direct) => {
            Outcome::Wrong(format!("they are connected: {way}, {kinds}"))
        }
        _ => Outcome::Right { way, kinds, opened, slow },
    }
}
