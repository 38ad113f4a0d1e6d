//! A diagnosis as lines of text: for a terminal, or for everybody to read.

use crate::diagnosis::Diagnosis;
use crate::finding::{Finding, Verdict};
use crate::text::Text;

/// The column at which lines are broken.
const WIDTH: usize = 96;

/// What stands before the words: a mark, and what was looked at.
const INDENT: usize = 14;

/// How a diagnosis is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without colours.
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Owner,
    Anybody,
}

impl Diagnosis {
    /// For the person at the screen: with hosts, addresses and paths.
    #[must_use]
    pub fn text(&self, style: Style) -> String {
        self.lines(style, Reader::Owner)
    }

    /// For everybody: without hosts, addresses, paths, names and ids. `version` is that of the
    /// program, `machine` what kind of machine it ran on.
    #[must_use]
    pub fn report(&self, version: &str, machine: &str) -> String {
        let head = format!("tincan {version}, {machine}\n");
        head + &self.lines(Style::Plain, Reader::Anybody)
    }

    fn lines(&self, style: Style, reader: Reader) -> String {
        let mut lines = String::new();
        for finding in self.findings() {
            lines.push_str(&finding.lines(style, reader));
        }
        // Without fractions of the language's own: they are 11 KB of the page.
        let tenths = self.took().as_millis() / 100;
        lines.push_str(&format!("{} ({}.{} s)\n", self.summary(), tenths / 10, tenths % 10));
        lines
    }
}

impl Finding {
    fn lines(&self, style: Style, reader: Reader) -> String {
        let read = |text: &Text| match reader {
            Reader::Owner => text.shown(),
            Reader::Anybody => text.safe(),
        };
        let (on, off) = match (style, self.verdict) {
            (Style::Plain, _) => ("", ""),
            (Style::Coloured, Verdict::Good) => ("\u{1b}[32m", "\u{1b}[0m"),
            (Style::Coloured, Verdict::Unknown) => ("\u{1b}[2m", "\u{1b}[0m"),
            (Style::Coloured, Verdict::Notice) => ("\u{1b}[33m", "\u{1b}[0m"),
            (Style::Coloured, Verdict::Problem) => ("\u{1b}[31m", "\u{1b}[0m"),
        };
        let head = format!("{on}{}{off} {:<12}", self.verdict.mark(), self.check.title());
        let mut lines = format!("{head}{}\n", wrapped(&read(&self.what), INDENT));
        let pad = " ".repeat(INDENT);
        if !self.meaning.is_empty() {
            lines.push_str(&format!("{pad}{}\n", wrapped(&read(&self.meaning), INDENT)));
        }
        if !self.remedy.is_empty() {
            lines.push_str(&format!("{pad}→ {}\n", wrapped(&read(&self.remedy), INDENT + 2)));
        }
        lines
    }
}

/// Breaks a sentence into lines, of which all but the first are indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let width = word.chars().count();
        if !lines.is_empty() {
            if column + 1 + width > WIDTH {
                lines.push('\n');
                lines.push_str(&" ".repeat(indent));
                column = indent;
            } else {
                lines.push(' ');
                column += 1;
            }
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

#[cfg(test)]
mod tests;
