//! What a command prints: lines for people, or JSON, one value a line.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// The standard output of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints `value` as JSON, or else `text` as it is.
    pub(crate) fn value(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json { self.json(value) } else { self.text(&text()) }
    }

    /// Prints one JSON value on a line of its own.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        write_all(&line)
    }

    /// Prints text and a line break.
    pub(crate) fn text(self, text: &str) -> Result<(), Failure> {
        write_all(format!("{text}\n").as_bytes())
    }

    /// Prints something for people only: nothing where JSON was asked for.
    pub(crate) fn note(self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.text(text) }
    }
}

/// Writes to stdout at once, so that a reader at the other end of a pipe sees every line.
fn write_all(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Writes a line to stderr; if that fails there is nobody left to tell.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "tincan: {line}");
}
