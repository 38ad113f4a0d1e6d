//! A pair whose first host has the page in a browser and whose second has a node, tried once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::hub::Hub;
use crate::kind::Nat;
use crate::lab::Lab;
use crate::meeting::Opened;
use crate::node::Node;
use crate::pair::{Expect, Pair, pairs};
use crate::path::{Reported, Way};
use crate::plan::Side;
use crate::trial::{Counters, Outcome, said, seen, settled};
use crate::visitor::{Browser, Visitor};

/// How long anything may take before it is held not to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A pair, which browser was in it, and what came of it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Which browser.
    pub browser: Browser,
    /// The pair: the page's kind first.
    pub pair: Pair,
    /// What came of it.
    pub outcome: Outcome,
}

impl Visit {
    /// Every pair, with the page at the first host; where both hosts have a network of their own
    /// and these differ, once more with the page at the other.
    pub fn pairs() -> Vec<Pair> {
        let both = |pair: Pair| {
            let other = Pair { a: pair.b, b: pair.a, ..pair };
            let has_other = pair.a != pair.b && pair.b.nat != Nat::Same;
            [Some(pair), has_other.then_some(other)].into_iter().flatten()
        };
        pairs().into_iter().flat_map(both).collect()
    }

    /// Tries one. Whatever fails is the outcome.
    pub fn run(browser: Browser, pair: Pair) -> Self {
        let outcome = catch_unwind(AssertUnwindSafe(|| attempt(browser, pair)))
            .unwrap_or_else(|panic| Outcome::Wrong(format!("the laboratory: {}", said(&*panic))));
        Self { browser, pair, outcome }
    }
}

fn attempt(browser: Browser, pair: Pair) -> Outcome {
    if let Err(words) = browser.find() {
        return Outcome::NotRun(words);
    }
    let lab = Lab::up(pair.a, pair.b);
    match visit(browser, pair, &lab) {
        Ok(outcome) => outcome,
        Err(words) => Outcome::Wrong(words),
    }
}

fn visit(browser: Browser, pair: Pair, lab: &Lab) -> Result<Outcome, String> {
    let hub = Hub::start(lab)?;
    if !hub.has_page(lab)? {
        return Ok(Outcome::NotRun("this binary was built without the page".to_owned()));
    }
    let mut node = Node::start(lab, Side::B, hub.place())?;
    let link = node.invite()?;
    let mut visitor = Visitor::start(lab, Side::A, browser, hub.place())?;
    let counters = [Side::A, Side::B].map(|side| Counters::start(lab, side));
    let end = Instant::now() + PATIENCE;
    visitor.follow(&link, "Ada")?;
    let accepted = node.until_accepted(end)?;
    node.take_contact()?;
    let no_session =
        |node: &Node| format!("no session: {}; packets: {}", node.words(), seen(&counters));
    let verified = node.until_verified(end).ok_or_else(|| no_session(&node))?;
    visitor.say("Hello")?;
    let delivered = Instant::now();
    let opened = Opened { verified: verified - accepted, delivered: delivered - accepted };
    let mut talk = Talk { visitor, node };
    let after =
        settled(&mut talk, &counters, Talk::exchange, |talk| Reported::of(&talk.node.peer()))?;
    let Talk { mut visitor, node } = talk;
    let reported = after.ok_or_else(|| format!("no path is reported: {}", node.words()))?;
    let faults = visitor.faults()?;
    if !faults.is_empty() {
        return Err(format!("the page complains: {}", faults.join("; ")));
    }
    let outcome = judge(pair, lab, &counters, &reported, opened)?;
    visitor.see_connected(reported.is_relayed())?;
    Ok(outcome)
}

/// Both who talk.
struct Talk {
    visitor: Visitor,
    node: Node,
}

impl Talk {
    /// One message each way.
    fn exchange(&mut self, text: &str) -> Result<(), String> {
        self.visitor.say(text)?;
        let answer = format!("{text}!");
        let id = self.node.say(&answer)?;
        let delivered = self.node.until_delivered(&id, Instant::now() + PATIENCE);
        delivered.ok_or_else(|| self.node.words())?;
        self.visitor.see(&answer)
    }
}

fn judge(
    pair: Pair,
    lab: &Lab,
    counters: &[Counters<'_>; 2],
    reported: &Reported,
    opened: Opened,
) -> Result<Outcome, String> {
    let [page, node] = counters;
    let page = page.taken(&lab.addresses(Side::B)).ok_or("the page has sent nothing")?;
    let hidden = lab.addresses(Side::A);
    let node = node.taken(&hidden).ok_or("the node has sent nothing")?;
    if let Some(words) = node.contradiction_with_hidden(reported) {
        return Err(format!("the node: {words}"));
    }
    let kinds = format!("{}–{}", reported.remote, reported.local);
    match (pair.expect, page.way) {
        _ if page.way != node.way => {
            Err(format!("{} from the page, {} from the node", page.way, node.way))
        }
        (Expect::Direct, Way::Relay) | (Expect::Relay, Way::Lan | Way::Hairpin | Way::Direct) => {
            Err(format!("they are connected: {}, {kinds}; packets: {}", page.way, seen(counters)))
        }
        (_, way) => Ok(Outcome::Right { way, kinds, opened, slow: None }),
    }
}
