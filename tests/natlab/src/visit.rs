//! A pair whose first host has the page in a browser and whose second has a node, tried once.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::hub::Hub;
use crate::kind::Nat;
use crate::lab::Lab;
use crate::meeting::Opened;
use crate::pair::{Expect, Pair, pairs};
use crate::path::{Reported, Way};
use crate::plan::Side;
use crate::talk::Talk;
use crate::trial::{Counters, Outcome, said, seen, settled};
use crate::visitor::Browser;

/// Who opens a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opener {
    /// A person looks at the chat in the page.
    Page,
    /// The node has a message to deliver, while the page shows no chat.
    Node,
}

/// A pair, which browser was in it, and what came of it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Which browser.
    pub browser: Browser,
    /// The pair: the page's kind first.
    pub pair: Pair,
    /// Who opened the session.
    pub opener: Opener,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Display for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { browser, pair: Pair { a, b, .. }, opener, .. } = self;
        write!(f, "{browser} at {a}, a node at {b}, opened by the {opener}")
    }
}

impl fmt::Display for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Page => "page",
            Self::Node => "node",
        })
    }
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
        let mut visits = Vec::new();
        Self::series(browser, pair, 1, |visit| visits.push(visit));
        visits.pop().expect("there is an outcome")
    }

    /// Tries one at a hub that speaks TLS, with the certificate in a folder, which page and node
    /// trust for the authority of this file.
    pub fn over_tls(browser: Browser, pair: Pair, certificate: &Path, authority: &Path) -> Self {
        let attempt = || {
            let lab = prepared(browser, pair)?;
            let counters = [Side::A, Side::B].map(|side| Counters::start(&lab, side));
            let hub = Hub::over_tls(&lab, certificate, authority).map_err(Outcome::Wrong)?;
            let mut talk = Talk::first(&lab, browser, hub).map_err(Outcome::Wrong)?;
            let opened = talk.open_by_invite();
            let opened = opened.map_err(|words| apart(&words, &counters))?;
            judged(&mut talk, pair, &lab, &counters, opened).map_err(Outcome::Wrong)
        };
        let outcome = catch_unwind(AssertUnwindSafe(attempt))
            .unwrap_or_else(|panic| Err(broken(&*panic)))
            .unwrap_or_else(|outcome| outcome);
        Self { browser, pair, opener: Opener::Page, outcome }
    }

    /// Tries one so many times, and gives each with `tell`. The browser with what it has stored,
    /// what the node has stored and the routers are the same in all of them, as long as nothing
    /// fails; between two the page is left, hub and node are ended, the routers forget what they
    /// have mapped, and all is started anew. The page opens the session the first time, then they
    /// take turns.
    pub fn series(browser: Browser, pair: Pair, runs: usize, mut tell: impl FnMut(Self)) {
        let mut done = 0;
        while done < runs {
            let (mut opener, left) = (Opener::Page, runs - done);
            let mut told = |opener, outcome| {
                done += 1;
                tell(Self { browser, pair, opener, outcome });
            };
            let mut series = || some(browser, pair, left, &mut opener, &mut told);
            let failed = match catch_unwind(AssertUnwindSafe(&mut series)) {
                Ok(Ok(())) => continue,
                Ok(Err(outcome)) => outcome,
                Err(panic) => broken(&*panic),
            };
            told(opener, failed);
        }
    }
}

/// A laboratory, if a page can be visited in it.
fn prepared(browser: Browser, pair: Pair) -> Result<Lab, Outcome> {
    browser.find().map_err(Outcome::NotRun)?;
    let lab = Lab::up(pair.a, pair.b);
    let hub = Hub::start(&lab).map_err(Outcome::Wrong)?;
    match hub.has_page(&lab).map_err(Outcome::Wrong)? {
        true => Ok(lab),
        false => Err(Outcome::NotRun("this binary was built without the page".to_owned())),
    }
}

/// They do not come together.
fn apart(words: &str, counters: &[Counters<'_>; 2]) -> Outcome {
    Outcome::Wrong(format!("{words}; packets: {}", seen(counters)))
}

/// The laboratory itself has failed.
fn broken(panic: &(dyn Any + Send)) -> Outcome {
    Outcome::Wrong(format!("the laboratory: {}", said(panic)))
}

/// One laboratory's visits, until one fails.
fn some(
    browser: Browser,
    pair: Pair,
    runs: usize,
    opener: &mut Opener,
    told: &mut impl FnMut(Opener, Outcome),
) -> Result<(), Outcome> {
    let lab = prepared(browser, pair)?;
    let counters = [Side::A, Side::B].map(|side| Counters::start(&lab, side));
    let hub = Hub::start(&lab).map_err(Outcome::Wrong)?;
    let mut talk = Talk::first(&lab, browser, hub).map_err(Outcome::Wrong)?;
    for nth in 1..=runs {
        let opened = match (nth, *opener) {
            (1, _) => talk.open_by_invite(),
            (_, Opener::Page) => talk.open_by_page(),
            (_, Opener::Node) => talk.open_by_node(),
        };
        let opened = opened.map_err(|words| apart(&words, &counters))?;
        let outcome = judged(&mut talk, pair, &lab, &counters, opened).map_err(Outcome::Wrong)?;
        told(*opener, outcome);
        if nth < runs {
            *opener = if *opener == Opener::Page { Opener::Node } else { Opener::Page };
            talk = talk.anew(&lab, &counters).map_err(Outcome::Wrong)?;
        }
    }
    Ok(())
}

/// Talks until the path is settled, and compares what all say of it.
fn judged(
    talk: &mut Talk,
    pair: Pair,
    lab: &Lab,
    counters: &[Counters<'_>; 2],
    opened: Opened,
) -> Result<Outcome, String> {
    let is_final =
        |path: &Option<Reported>| path.as_ref().is_some_and(|path| path.is_final(pair.expect));
    let after = settled(talk, counters, Talk::exchange, Talk::reported, is_final)?;
    let reported = after.ok_or_else(|| format!("no path is reported: {}", talk.node.words()))?;
    let faults = talk.visitor.faults()?;
    if !faults.is_empty() {
        return Err(format!("the page complains: {}", faults.join("; ")));
    }
    let outcome = judge(pair, lab, counters, &reported, opened)?;
    talk.visitor.see_connected(reported.is_relayed())?;
    Ok(outcome)
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
