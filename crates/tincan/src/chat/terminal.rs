//! The chat on a terminal: a line editor below, and what happens above it.
//!
//! The editor blocks, so it has a thread of its own; so has what is printed above it, because
//! the editor takes one line at a time from there.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor, ExternalPrinter};
use tokio::sync::mpsc;

use crate::chat::gate::{Gate, Watch};
use crate::chat::input::Entered;
use crate::chat::marks::rows;
use crate::failure::Failure;

/// What stands before the line that is being typed.
const PROMPT: &str = "> ";

/// Lines that wait to be shown, at most: a page of history and what comes meanwhile.
const MAX_WAITING: usize = 2_048;

/// Columns and lines of a terminal that does not say.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

type LineEditor = Editor<Watch, MemHistory>;

/// A terminal with a line editor on it; as it was again when dropped.
#[derive(Debug)]
pub(crate) struct Terminal {
    above: mpsc::Sender<String>,
    gate: Arc<Gate>,
    before: Option<Termios>,
}

impl Terminal {
    /// Whether a person can be talked with: input and output are terminals.
    pub(crate) fn is_there() -> bool {
        io::stdin().is_terminal()
            && io::stdout().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Starts the editor; what is entered goes to `entered`.
    pub(crate) fn start(entered: mpsc::UnboundedSender<Entered>) -> Result<Self, Failure> {
        let before = tcgetattr(io::stdin()).ok();
        let fault = |error: ReadlineError| {
            Failure::Failed(format!("this terminal cannot be used: {error}"))
        };
        let mut editor =
            LineEditor::with_history(Config::default(), MemHistory::new()).map_err(fault)?;
        editor.set_auto_add_history(true);
        let mut printer = editor.create_external_printer().map_err(fault)?;
        let gate = Gate::new();
        editor.set_helper(Some(Watch(gate.clone())));
        if let Some(before) = &before {
            be_quiet(before);
        }
        let (above, mut lines) = mpsc::channel::<String>(MAX_WAITING);
        let (prompting, printing) = (gate.clone(), gate.clone());
        thread::spawn(move || {
            while let Some(line) = lines.blocking_recv() {
                if printing.pass(|| printer.print(line)).is_err() {
                    break;
                }
            }
        });
        let modes = before.clone();
        thread::spawn(move || edit(&mut editor, &prompting, modes.as_ref(), &entered));
        Ok(Self { above, gate, before })
    }

    /// Shows text above the prompt; it ends with a line break.
    pub(crate) async fn print_above(&self, text: String) -> Result<(), Failure> {
        self.above.send(text).await.map_err(|_| Failure::NobodyReads)
    }

    /// Columns and lines.
    pub(crate) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => DEFAULT_SIZE,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.gate.leave();
        // Takes the prompt away, ends bracketed paste and raw mode. A terminal that has closed
        // takes none of it, and need not.
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(b"\r\x1b[J\x1b[?2004l").and_then(|()| stdout.flush());
        restore(self.before.as_ref());
    }
}

/// Between two lines the editor leaves the terminal as it found it: keys that are pressed then
/// shall not show where they were pressed, but in the next line.
fn be_quiet(before: &Termios) {
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
    // A terminal that is gone shows nothing.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &quiet);
}

/// Puts the terminal's modes back as they were.
fn restore(before: Option<&Termios>) {
    if let Some(before) = before {
        // One that is gone has none.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    }
}

/// Reads lines until the person has had enough or the terminal is gone.
fn edit(
    editor: &mut LineEditor,
    gate: &Gate,
    before: Option<&Termios>,
    entered: &mpsc::UnboundedSender<Entered>,
) {
    loop {
        let line = editor.readline(PROMPT);
        if gate.is_left() {
            // A key that was pressed while we end: the editor has changed the modes once more.
            return restore(before);
        }
        let next = match line {
            Ok(line) => {
                take_back(&line);
                gate.next_line();
                Entered::Line(line)
            }
            Err(ReadlineError::Signal(_)) => continue,
            Err(ReadlineError::Interrupted) => Entered::Interrupted,
            Err(_) => Entered::End,
        };
        let last = !matches!(next, Entered::Line(_));
        if last {
            gate.stay_open();
        }
        if entered.send(next).is_err() || last || gate.is_left() {
            return;
        }
    }
}

/// Takes the entered line off the screen: what was said appears above, with its mark.
fn take_back(line: &str) {
    let (columns, _) = Terminal::size();
    let mut up = rows(&format!("{PROMPT}{line}"), columns);
    let last_row = line.rsplit('\n').next().unwrap_or_default();
    let width = unicode_width::UnicodeWidthStr::width(last_row)
        + if last_row.len() == line.len() { PROMPT.len() } else { 0 };
    if width > 0 && width.is_multiple_of(columns) {
        // The editor goes to the next row when a row is exactly full.
        up += 1;
    }
    let mut stdout = io::stdout().lock();
    let _ = write!(stdout, "\x1b[{up}A\r\x1b[J").and_then(|()| stdout.flush());
}
