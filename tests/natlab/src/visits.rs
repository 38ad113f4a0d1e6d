//! What came of pairs of a page and a node, as a part of the document.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::kind::{Kind, Nat};
use crate::matrix::Row;
use crate::pair::SQUARE;
use crate::path::Way;
use crate::trial::Trial;
use crate::visit::Visit;
use crate::visitor::Browser;

/// The rows of each browser.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits {
    browsers: BTreeMap<Browser, Vec<Row>>,
}

impl Visits {
    /// Takes in one more.
    pub(crate) fn add(&mut self, visit: &Visit) {
        let rows = self.browsers.entry(visit.browser).or_default();
        let Visit { pair, outcome, .. } = visit.clone();
        let at = rows.iter().position(|row| row.pair == pair);
        let at = at.unwrap_or_else(|| {
            rows.push(Row::new(pair));
            rows.len() - 1
        });
        rows[at].add(&Trial { pair, outcome });
    }

    /// Every row, with its browser.
    fn rows(&self) -> impl Iterator<Item = (Browser, &Row)> {
        self.browsers.iter().flat_map(|(browser, rows)| rows.iter().map(|row| (*browser, row)))
    }

    pub(crate) fn is_right(&self) -> bool {
        self.rows().all(|(_, row)| row.wrong.is_empty())
    }

    /// What must be said loudly.
    pub(crate) fn loud(&self) -> Vec<String> {
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

    pub(crate) fn write(&self, text: &mut String) {
        if self.browsers.is_empty() {
            return;
        }
        text.push_str(INTRODUCTION);
        for (browser, rows) in &self.browsers {
            let names = SQUARE.map(Nat::name);
            let _ = writeln!(text, "\n| {browser} | {} |", names.join(" | "));
            let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
            for a in SQUARE {
                let of = |b| {
                    rows.iter().find(|row| row.pair.a == Kind::of(a) && row.pair.b == Kind::of(b))
                };
                let cells = SQUARE.map(|b| of(b).map_or("–".to_owned(), Row::mark));
                let _ = writeln!(text, "| {} | {} |", a.name(), cells.join(" | "));
            }
        }
        text.push_str("\n| browser | its host | the node's host | | way of the packets |\n");
        text.push_str("|---|---|---|---|---|\n");
        let in_square = |kind: Kind| SQUARE.contains(&kind.nat) && kind == Kind::of(kind.nat);
        let others =
            self.rows().filter(|(_, Row { pair, .. })| !in_square(pair.a) || !in_square(pair.b));
        for (browser, row) in others {
            let ways: Vec<String> = row.ways.iter().map(Way::to_string).collect();
            let (a, b, mark, ways) = (row.pair.a, row.pair.b, row.mark(), ways.join(", "));
            let _ = writeln!(text, "| {browser} | {a} | {b} | {mark} | {ways} |");
        }
    }
}

const INTRODUCTION: &str = "
## A page and a node

The page in a headless browser behind the router of the row, a node behind that of the column: the \
page follows the node's invite. The time is from the node's knowing its new contact to the session's \
being verified, the median of all runs. Browsers keep the addresses of their own interfaces to \
themselves. The hub speaks no TLS here, so they are told to trust its name as they would trust a \
certificate. A pair is right only if the page's badge, the node's report and the packets that were \
counted agree.
";
