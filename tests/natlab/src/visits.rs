//! What came of all pairs of a page and a node, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::kind::{Kind, Nat};
use crate::matrix::{Row, write_loud};
use crate::pair::{Pair, SQUARE};
use crate::path::Way;
use crate::trial::Trial;
use crate::visit::{Opener, Visit};
use crate::visitor::Browser;

/// All visits.
#[derive(Clone, Debug, Default)]
pub struct Visits {
    browsers: BTreeMap<Browser, Vec<Pairing>>,
}

/// All visits of one pair by one browser.
#[derive(Clone, Debug)]
struct Pairing {
    all: Row,
    by_page: Row,
    by_node: Row,
}

impl Visits {
    /// Takes in one more.
    pub fn add(&mut self, visit: &Visit) {
        let Visit { browser, pair, opener, outcome } = visit.clone();
        let pairings = self.browsers.entry(browser).or_default();
        let at = pairings.iter().position(|it| is_of(it, pair)).unwrap_or_else(|| {
            let [all, by_page, by_node] = [Row::new(pair), Row::new(pair), Row::new(pair)];
            pairings.push(Pairing { all, by_page, by_node });
            pairings.len() - 1
        });
        let trial = Trial { pair, outcome };
        pairings[at].all.add(&trial);
        match opener {
            Opener::Page => pairings[at].by_page.add(&trial),
            Opener::Node => pairings[at].by_node.add(&trial),
        }
    }

    /// How often a browser has tried a pair.
    pub fn runs(&self, browser: Browser, pair: Pair) -> usize {
        let pairings = self.browsers.get(&browser).into_iter().flatten();
        pairings.filter(|it| is_of(it, pair)).map(|it| it.all.runs()).sum()
    }

    /// Every row, with its browser.
    fn rows(&self) -> impl Iterator<Item = (Browser, &Row)> {
        let browsers = self.browsers.iter();
        browsers.flat_map(|(browser, all)| in_order(all).map(move |it| (*browser, &it.all)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.browsers.is_empty()
    }

    /// Whether all that was tried came out right.
    pub fn is_right(&self) -> bool {
        self.rows().all(|(_, row)| row.wrong.is_empty())
    }

    /// What must be said loudly.
    pub fn loud(&self) -> Vec<String> {
        let line = |word: &str, browser: Browser, row: &Row, words: &String| {
            format!("{word}: {browser} at {} and a node at {}: {words}", row.pair.a, row.pair.b)
        };
        let of_row = |(browser, row): (Browser, &Row)| {
            let wrong = row.wrong.iter().map(|words| line("FAILED", browser, row, words));
            let not_run = row.not_run.iter().map(|words| line("NOT RUN", browser, row, words));
            wrong.chain(not_run).collect::<Vec<_>>()
        };
        self.rows().flat_map(of_row).collect()
    }

    /// The whole document.
    pub fn markdown(&self) -> String {
        let mut text = String::from(INTRODUCTION);
        for (browser, pairings) in &self.browsers {
            let _ = writeln!(text, "\n## {browser}\n\n{}\n", tally(pairings));
            write_square(&mut text, pairings);
            text.push_str(HEAD);
            for Pairing { all, by_page, by_node } in in_order(pairings) {
                let ways: Vec<String> = all.ways.iter().map(Way::to_string).collect();
                let kinds: Vec<&str> = all.kinds.iter().map(String::as_str).collect();
                let (a, b, ways, kinds) =
                    (all.pair.a, all.pair.b, ways.join(", "), kinds.join(", "));
                let (page, node, longest) = (by_page.mark(), by_node.mark(), all.longest());
                let runs = format!("{} + {}", by_page.runs(), by_node.runs());
                let _ = writeln!(
                    text,
                    "| {a} | {b} | {page} | {node} | {ways} | {kinds} | {longest} | {runs} |"
                );
            }
        }
        write_loud(&mut text, self.loud());
        text
    }
}

fn is_of(pairing: &Pairing, Pair { a, b, .. }: Pair) -> bool {
    (pairing.all.pair.a, pairing.all.pair.b) == (a, b)
}

/// In the order of the table, whatever order they came in.
fn in_order(pairings: &[Pairing]) -> impl Iterator<Item = &Pairing> {
    let known = Visit::pairs();
    let mut all: Vec<&Pairing> = pairings.iter().collect();
    all.sort_by_key(|pairing| known.iter().position(|pair| is_of(pairing, *pair)));
    all.into_iter()
}

/// How many of how many were right.
fn tally(pairings: &[Pairing]) -> String {
    let sum = |count: fn(&Pairing) -> usize| pairings.iter().map(count).sum::<usize>();
    let runs = sum(|it| it.all.runs());
    let right = runs - sum(|it| it.all.wrong.len());
    let by_node = sum(|it| it.by_node.runs());
    let least = pairings.iter().map(|it| it.all.runs()).min().unwrap_or_default();
    let most = pairings.iter().map(|it| it.all.runs()).max().unwrap_or_default();
    let each = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    format!(
        "{} pairs, {each} runs each: {right} of {runs} came out as the table says. The node opened \
         {by_node} of them, the page the rest.",
        pairings.len()
    )
}

fn write_square(text: &mut String, pairings: &[Pairing]) {
    let names = SQUARE.map(Nat::name);
    let _ = writeln!(text, "| page \\ node | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    for a in SQUARE {
        let of = |b| {
            let (a, b) = (Kind::of(a), Kind::of(b));
            pairings.iter().find(|it| (it.all.pair.a, it.all.pair.b) == (a, b))
        };
        let cells = SQUARE.map(|b| of(b).map_or("–".to_owned(), |it| it.all.mark()));
        let _ = writeln!(text, "| {} | {} |", a.name(), cells.join(" | "));
    }
}

const HEAD: &str = "
| the page at | the node at | opened by the page | by the node | way of the packets | candidates \
| slowest | runs |
|---|---|---|---|---|---|---:|---:|
";

const INTRODUCTION: &str = "\
# A page and a node behind every pair of routers

Written by `cargo xtask natlab`, as [natlab.md](natlab.md) is: the page in a headless browser behind \
one router, a node behind the other. D: they must connect directly; T: only a relay brings them \
together. A pair is right only if the page's badge, the node's report and the packets that were \
counted at the hosts and outside the routers agree; where they must connect directly, a relay may \
carry the first five seconds.

A browser takes seconds to start, so up to ten runs of a pair have one browser, one profile and one \
home of the node. Between two of them the page is left, node and hub are killed, all routers forget \
their mappings and what they let in, the counters are set to zero, and hub, node and page are started \
anew: no socket, port, candidate, allocation or session of the run before is left. Page and node take \
turns in who opens, and so offers: the page opens when a person opens the chat (the first time: \
follows the node's invite), the node when it has a message to deliver and the page shows no chat.

The time is from the opening (the first time: from the node's knowing its new contact) to the \
session's being verified at the node; it is the median of all runs. Browsers keep the addresses of \
their own interfaces to themselves. The hub speaks no TLS here, so they are told to trust its name as \
they would trust a certificate.
";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::meeting::Opened;
    use crate::trial::Outcome;

    fn visit(opener: Opener, outcome: Outcome) -> Visit {
        Visit { browser: Browser::Firefox, pair: Visit::pairs()[1], opener, outcome }
    }

    fn right(ms: u64) -> Outcome {
        let verified = Duration::from_millis(ms);
        Outcome::Right {
            way: Way::Direct,
            kinds: "srflx–host".to_owned(),
            opened: Opened { verified, delivered: verified },
            slow: None,
        }
    }

    #[test]
    fn a_row_tells_who_opened() {
        let mut visits = Visits::default();
        visits.add(&visit(Opener::Page, right(200)));
        visits.add(&visit(Opener::Node, right(100)));
        visits.add(&visit(Opener::Page, right(220)));
        assert_eq!(visits.runs(Browser::Firefox, Visit::pairs()[1]), 3);
        assert!(visits.is_right() && visits.loud().is_empty());
        let text = visits.markdown();
        assert!(text.contains(
            "1 pairs, 3 runs each: 3 of 3 came out as the table says. The node opened 1"
        ));
        assert!(text.contains(
            "| open | firewall | D 220 ms | D 100 ms | direct | srflx–host | 220 ms | 2 + 1 |"
        ));
    }

    #[test]
    fn one_failure_is_loud() {
        let mut visits = Visits::default();
        visits.add(&visit(Opener::Page, right(200)));
        visits.add(&visit(Opener::Node, Outcome::Wrong("no session".to_owned())));
        assert!(!visits.is_right());
        assert_eq!(visits.loud(), ["FAILED: Firefox at open and a node at firewall: no session"]);
        assert!(visits.markdown().contains("1 of 2 came out as the table says"));
    }
}
