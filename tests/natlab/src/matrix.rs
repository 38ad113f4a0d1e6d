//! What came of all pairs, as Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use crate::kind::{Kind, Nat};
use crate::pair::{Expect, Pair, SQUARE, pairs};
use crate::path::Way;
use crate::scene::{Condition, Figure};
use crate::trial::{Outcome, Trial};

/// All trials of one pair.
#[derive(Clone, Debug)]
pub struct Row {
    /// The pair.
    pub pair: Pair,
    /// Which ways packets took.
    pub ways: BTreeSet<Way>,
    /// The kinds of candidates of the path.
    pub kinds: BTreeSet<String>,
    /// From opening to verified, of every right trial.
    pub verified: Vec<Duration>,
    /// What was to be seen of trials that took long.
    pub slow: Vec<String>,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// Why it was not tried.
    pub not_run: Option<String>,
}

impl Row {
    pub(crate) fn new(pair: Pair) -> Self {
        Self {
            pair,
            ways: BTreeSet::new(),
            kinds: BTreeSet::new(),
            verified: Vec::new(),
            slow: Vec::new(),
            wrong: Vec::new(),
            not_run: None,
        }
    }

    /// Takes in a trial.
    pub(crate) fn add(&mut self, trial: &Trial) {
        match &trial.outcome {
            Outcome::Right { way, kinds, opened, slow } => {
                let ms = opened.verified.as_millis();
                self.slow.extend(slow.iter().map(|words| format!("{ms} ms: {words}")));
                self.ways.insert(*way);
                self.kinds.insert(kinds.clone());
                self.verified.push(opened.verified);
            }
            Outcome::Wrong(words) => self.wrong.push(words.clone()),
            Outcome::NotRun(words) => self.not_run = Some(words.clone()),
        }
    }

    /// How often it was tried.
    pub fn runs(&self) -> usize {
        self.verified.len() + self.wrong.len()
    }

    /// The median time to verified.
    pub fn median(&self) -> Option<Duration> {
        let mut all = self.verified.clone();
        all.sort();
        all.get(all.len() / 2).copied()
    }

    /// The longest time to verified.
    pub(crate) fn longest(&self) -> String {
        self.verified.iter().max().map_or(String::new(), |time| format!("{} ms", time.as_millis()))
    }

    /// In a few characters.
    pub fn mark(&self) -> String {
        let letter = match self.pair.expect {
            Expect::Direct => "D",
            Expect::Relay => "T",
        };
        let runs = self.runs();
        match self.median() {
            _ if self.not_run.is_some() => format!("{letter} not run"),
            _ if runs == 0 => "–".to_owned(),
            Some(median) if self.wrong.is_empty() => format!("{letter} {} ms", median.as_millis()),
            _ => format!("{letter} **FAILED** {}/{runs}", self.wrong.len()),
        }
    }
}

/// All trials of one pair on a worse path: times to verified, sorted, and failures.
#[derive(Clone, Debug, Default)]
struct Worse {
    verified: Vec<Duration>,
    failed: Vec<String>,
}

impl Worse {
    fn at(&self, share: f64) -> Duration {
        self.verified.get(quantile(self.verified.len(), share)).copied().unwrap_or_default()
    }

    fn misses(&self, condition: Condition) -> bool {
        condition.target().is_some_and(|(share, target)| self.at(share) > target)
    }
}

/// What came of all that was tried.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    rows: Vec<Row>,
    worse: BTreeMap<(Condition, String), Worse>,
    figures: Vec<Figure>,
}

impl Matrix {
    /// Takes in a trial of the table.
    pub fn add(&mut self, trial: &Trial) {
        let pair = trial.pair;
        let at = self.rows.iter().position(|row| (row.pair.a, row.pair.b) == (pair.a, pair.b));
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row::new(pair));
            self.rows.len() - 1
        });
        self.rows[at].add(trial);
    }

    /// Takes in a trial under a condition, which counts for its time.
    pub fn add_under(&mut self, condition: Condition, trial: &Trial) {
        let worse = self.worse.entry((condition, trial.pair.to_string())).or_default();
        match &trial.outcome {
            Outcome::Right { opened, .. } => worse.verified.push(opened.verified),
            Outcome::Wrong(words) | Outcome::NotRun(words) => worse.failed.push(words.clone()),
        }
        worse.verified.sort();
    }

    /// Takes in what a scene has come to.
    pub fn add_figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// The rows, in the order in which they came.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of a pair, whichever of the two is first.
    pub fn row(&self, a: Kind, b: Kind) -> Option<&Row> {
        self.rows.iter().find(|row| [(a, b), (b, a)].contains(&(row.pair.a, row.pair.b)))
    }

    /// What must be said loudly: what was wrong, and what was not run.
    pub fn loud(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for row in &self.rows {
            lines.extend(row.slow.iter().map(|words| format!("SLOW: {}: {words}", row.pair)));
            lines.extend(row.wrong.iter().map(|words| format!("FAILED: {}: {words}", row.pair)));
        }
        for ((condition, pair), worse) in &self.worse {
            let what = format!("{pair}, {condition}");
            lines.extend(worse.failed.iter().map(|words| format!("FAILED: {what}: {words}")));
            lines.extend(worse.misses(*condition).then(|| format!("MISSED: {what}")));
        }
        for figure in &self.figures {
            let Figure { what, took, .. } = figure;
            lines.extend(took.as_ref().err().map(|words| format!("FAILED: {what}: {words}")));
            let time = took.as_ref().map_or(0.0, Duration::as_secs_f64);
            lines.extend(figure.is_missed().then(|| format!("MISSED: {what}: {time:.2} s")));
        }
        let not_run: Vec<&Row> = self.rows.iter().filter(|row| row.not_run.is_some()).collect();
        if let Some(why) = not_run.first().and_then(|row| row.not_run.as_ref()) {
            let names: Vec<String> = not_run.iter().map(|row| row.pair.to_string()).collect();
            lines.push(format!("NOT RUN: {} pairs: {why}: {}", names.len(), names.join(", ")));
        }
        lines
    }

    /// Whether all that was tried came out right.
    pub fn is_right(&self) -> bool {
        self.worse.iter().all(|((at, _), worse)| worse.failed.is_empty() && !worse.misses(*at))
            && self.rows.iter().all(|row| row.wrong.is_empty())
            && self.figures.iter().all(|figure| figure.took.is_ok() && !figure.is_missed())
    }

    /// The whole document.
    pub fn markdown(&self) -> String {
        let mut text = String::from(INTRODUCTION);
        self.write_square(&mut text);
        self.write_others(&mut text);
        self.write_conditions(&mut text);
        self.write_figures(&mut text);
        write_loud(&mut text, self.loud());
        text
    }

    fn write_square(&self, text: &mut String) {
        let names = SQUARE.map(Nat::name);
        let _ = writeln!(text, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
        for (nth, a) in SQUARE.into_iter().enumerate() {
            let cells = SQUARE.into_iter().enumerate().map(|(other, b)| match () {
                () if other < nth => String::new(),
                () => self.row(Kind::of(a), Kind::of(b)).map_or("–".to_owned(), Row::mark),
            });
            let cells: Vec<String> = cells.collect();
            let _ = writeln!(text, "| {} | {} |", a.name(), cells.join(" | "));
        }
    }

    fn write_others(&self, text: &mut String) {
        text.push_str(
            "\n## Every pair\n\n| pair | | way of the packets | candidates | slowest | runs |\n",
        );
        text.push_str("|---|---|---|---|---:|---:|\n");
        for row in pairs().iter().filter_map(|pair| self.row(pair.a, pair.b)) {
            let ways: Vec<String> = row.ways.iter().map(Way::to_string).collect();
            let kinds: Vec<&str> = row.kinds.iter().map(String::as_str).collect();
            let (mark, ways, kinds) = (row.mark(), ways.join(", "), kinds.join(", "));
            let (name, longest, runs) = (row.pair, row.longest(), row.runs());
            let _ = writeln!(text, "| {name} | {mark} | {ways} | {kinds} | {longest} | {runs} |");
        }
    }

    fn write_conditions(&self, text: &mut String) {
        if self.worse.is_empty() {
            return;
        }
        text.push_str("\n## On a worse path\n\nFrom opening to verified.\n\n");
        text.push_str(
            "| pair and path | median | 95 % | runs | target |\n|---|---:|---:|---:|---|\n",
        );
        for ((condition, pair), worse) in &self.worse {
            let (half, most) = (worse.at(0.5).as_millis(), worse.at(0.95).as_millis());
            let runs = worse.verified.len() + worse.failed.len();
            let target = condition.target().map_or(String::new(), |(share, time)| {
                let missed = if worse.misses(*condition) { " **MISSED**" } else { "" };
                format!("{:.0} % in {} ms{missed}", share * 100.0, time.as_millis())
            });
            let what = format!("{pair}, {condition}");
            let _ = writeln!(text, "| {what} | {half} ms | {most} ms | {runs} | {target} |");
        }
    }

    fn write_figures(&self, text: &mut String) {
        if self.figures.is_empty() {
            return;
        }
        text.push_str("\n## Under a live chat\n\nFrom the end of what happens to the first host ");
        text.push_str("until one message each way is delivered.\n\n");
        text.push_str("| what happens | median | slowest | runs | target |\n");
        text.push_str("|---|---:|---:|---:|---|\n");
        let mut seen = BTreeSet::new();
        for Figure { what, target, .. } in &self.figures {
            if !seen.insert(what) {
                continue;
            }
            let all: Vec<&Figure> = self.figures.iter().filter(|it| it.what == *what).collect();
            let mut took: Vec<Duration> =
                all.iter().filter_map(|it| it.took.clone().ok()).collect();
            took.sort();
            let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
            let at = |at: usize| took.get(at).copied().map_or("**FAILED**".to_owned(), seconds);
            let (median, slowest) =
                (at(quantile(took.len(), 0.5)), at(took.len().saturating_sub(1)));
            let failed = all.len() - took.len();
            let failed = if failed == 0 { String::new() } else { format!(", {failed} **FAILED**") };
            let missed = if all.iter().any(|it| it.is_missed()) { " **MISSED**" } else { "" };
            let target = target.map_or(String::new(), seconds);
            let runs = format!("{}{failed}", all.len());
            let _ = writeln!(text, "| {what} | {median} | {slowest} | {runs} | {target}{missed} |");
        }
    }
}

/// What was not as it should be, each with how often.
pub(crate) fn write_loud(text: &mut String, loud: Vec<String>) {
    if loud.is_empty() {
        return;
    }
    text.push_str("\n## What was not as it should be\n\n");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in loud {
        *counts.entry(line.replace('\n', " ")).or_default() += 1;
    }
    for (line, count) in counts {
        let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
        let _ = writeln!(text, "- {line}{times}");
    }
}

/// The index of a share of so many sorted samples.
fn quantile(samples: usize, share: f64) -> usize {
    let mut at = 0;
    while at + 1 < samples && ((at + 1) as f64) < share * samples as f64 {
        at += 1;
    }
    at
}

const INTRODUCTION: &str = "\
# The NAT matrix

Written by `cargo xtask natlab`: two nodes and a hub, the real binary, behind two real kernels' \
routers of each kind (`tests/natlab`). D: they must connect directly; T: only a relay brings them \
together. The time is the median from a message's being written to the session's being verified at \
both ends. A pair is right only if both ends report the path that the packets were seen to take at \
the hosts and outside the routers; where they must connect directly, a relay may carry the first \
five seconds. The same with a page in a browser at one end is in \
[natlab-browsers.md](natlab-browsers.md).

![The matrix](natlab.svg)

";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meeting::Opened;

    fn trial(outcome: Outcome) -> Trial {
        Trial { pair: pairs()[0], outcome }
    }

    fn right(ms: u64) -> Outcome {
        let time = Duration::from_millis(ms);
        let opened = Opened { verified: time, delivered: time };
        Outcome::Right { way: Way::Direct, kinds: "host–host".to_owned(), opened, slow: None }
    }

    #[test]
    fn a_pair_shows_its_median() {
        let mut matrix = Matrix::default();
        for ms in [300, 100, 200] {
            matrix.add(&trial(right(ms)));
        }
        assert_eq!(matrix.rows()[0].mark(), "D 200 ms");
        assert!(matrix.is_right() && matrix.loud().is_empty());
        assert!(
            matrix
                .markdown()
                .contains("| open–open | D 200 ms | direct | host–host | 300 ms | 3 |")
        );
    }

    #[test]
    fn one_failure_is_loud() {
        let mut matrix = Matrix::default();
        matrix.add(&trial(right(100)));
        matrix.add(&trial(Outcome::Wrong("no session".to_owned())));
        assert_eq!(matrix.rows()[0].mark(), "D **FAILED** 1/2");
        assert!(!matrix.is_right());
        assert_eq!(matrix.loud(), ["FAILED: open–open: no session"]);
    }

    #[test]
    fn what_was_not_run_is_loud() {
        let mut matrix = Matrix::default();
        matrix.add(&trial(Outcome::NotRun("no relay".to_owned())));
        assert_eq!(matrix.rows()[0].mark(), "D not run");
        assert_eq!(matrix.loud(), ["NOT RUN: 1 pairs: no relay: open–open"]);
    }

    #[test]
    fn quantiles_are_samples() {
        assert_eq!([quantile(1, 0.95), quantile(20, 0.95), quantile(20, 0.5)], [0, 18, 9]);
    }
}
