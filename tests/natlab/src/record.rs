//! Visits that are over, one a line in a file, so that a long run can be stopped and gone on with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::meeting::Opened;
use crate::pair::Pair;
use crate::path::Way;
use crate::trial::Outcome;
use crate::visit::{Opener, Visit};

/// A file of visits.
#[derive(Debug)]
pub struct Record {
    file: Mutex<File>,
}

impl Record {
    /// Opens one, and gives what is in it.
    ///
    /// # Errors
    /// When it is no such file, or cannot be written.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<Visit>)> {
        let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
        let told = |nth: usize| {
            let words = format!("{}: line {} is no visit", path.display(), nth + 1);
            io::Error::new(io::ErrorKind::InvalidData, words)
        };
        let lines = text.lines().enumerate();
        let visits = lines.map(|(nth, line)| parse(line).ok_or_else(|| told(nth)));
        let visits = visits.collect::<io::Result<Vec<_>>>()?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok((Self { file: Mutex::new(file) }, visits))
    }

    /// Adds one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, visit: &Visit) -> io::Result<()> {
        let line = format!("{}\n", print(visit));
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

fn print(visit: &Visit) -> Value {
    let Visit { browser, pair, opener, outcome } = visit;
    let mut line = json!({
        "browser": browser.name(), "page": pair.a.to_string(), "node": pair.b.to_string(),
        "opener": opener.to_string(),
    });
    match outcome {
        Outcome::Right { way, kinds, opened, slow: _ } => {
            line["way"] = way.to_string().into();
            line["kinds"] = kinds.clone().into();
            line["verified_micros"] = (opened.verified.as_micros() as u64).into();
            line["delivered_micros"] = (opened.delivered.as_micros() as u64).into();
        }
        Outcome::Wrong(words) => line["wrong"] = words.clone().into(),
        Outcome::NotRun(words) => line["not_run"] = words.clone().into(),
    }
    line
}

fn parse(line: &str) -> Option<Visit> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| line[key].as_str();
    let micros = |key: &str| line[key].as_u64().map(Duration::from_micros);
    let pair = Pair::expected(text("page")?.parse().ok()?, text("node")?.parse().ok()?);
    let opener = [Opener::Page, Opener::Node];
    let opener = opener.into_iter().find(|it| Some(it.to_string().as_str()) == text("opener"))?;
    let outcome = match (text("wrong"), text("not_run")) {
        (Some(words), _) => Outcome::Wrong(words.to_owned()),
        (_, Some(words)) => Outcome::NotRun(words.to_owned()),
        (None, None) => Outcome::Right {
            way: Way::ALL.into_iter().find(|way| Some(way.to_string().as_str()) == text("way"))?,
            kinds: text("kinds")?.to_owned(),
            opened: Opened {
                verified: micros("verified_micros")?,
                delivered: micros("delivered_micros")?,
            },
            slow: None,
        },
    };
    Some(Visit { browser: text("browser")?.parse().ok()?, pair, opener, outcome })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visitor::Browser;

    fn check(outcome: Outcome) {
        let pair = Visit::pairs()[1];
        let visit = Visit { browser: Browser::Firefox, pair, opener: Opener::Node, outcome };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("visits");
        let (record, before) = Record::open(&path).unwrap();
        assert!(before.is_empty());
        record.add(&visit).unwrap();
        record.add(&visit).unwrap();
        let (_, after) = Record::open(&path).unwrap();
        assert_eq!(format!("{after:?}"), format!("{:?}", [&visit, &visit]));
    }

    #[test]
    fn visits_are_read_as_they_were_written() {
        let opened = Opened {
            verified: Duration::from_micros(120_001),
            delivered: Duration::from_millis(130),
        };
        let kinds = "srflx–host".to_owned();
        check(Outcome::Right { way: Way::Hairpin, kinds, opened, slow: None });
        check(Outcome::Wrong("no session:\n none".to_owned()));
        check(Outcome::NotRun("no browser".to_owned()));
    }

    #[test]
    fn a_line_that_is_no_visit_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("visits");
        fs::write(&path, "{}\n").unwrap();
        assert!(Record::open(&path).unwrap_err().to_string().ends_with("line 1 is no visit"));
    }
}
