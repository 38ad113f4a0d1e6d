//! Where the lines of a chat come from: the terminal's editor, or plain standard input.

use std::io::{self, BufRead};
use std::thread;

use tokio::sync::mpsc;

use crate::chat::terminal::Terminal;
use crate::failure::Failure;

/// What was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// A line, without its break.
    Line(String),
    /// There will be no more: Ctrl-D, or the end of the input.
    End,
    /// Ctrl-C.
    Interrupted,
}

/// Lines as they are entered.
///
/// The queue has no bound: a person's typing fills it, or a script's pipe, whose reader thread
/// waits for `go`.
#[derive(Debug)]
pub(crate) struct Input {
    entered: mpsc::UnboundedReceiver<Entered>,
    /// Of plain input: allows its thread to read one more line.
    go: Option<std::sync::mpsc::Sender<()>>,
    ended: bool,
}

impl Input {
    /// From the terminal, which also shows what happens above the prompt.
    pub(crate) fn from_terminal() -> Result<(Self, Terminal), Failure> {
        let (sender, entered) = mpsc::unbounded_channel();
        let terminal = Terminal::start(sender)?;
        Ok((Self { entered, go: None, ended: false }, terminal))
    }

    /// From standard input that is no terminal, line by line as they are asked for.
    pub(crate) fn from_stdin() -> Self {
        let (sender, entered) = mpsc::unbounded_channel();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        thread::spawn(move || {
            let mut lines = io::stdin().lock().lines();
            while gone.recv().is_ok() {
                let next = match lines.next() {
                    Some(Ok(line)) => Entered::Line(line),
                    Some(Err(_)) | None => Entered::End,
                };
                let last = next == Entered::End;
                if sender.send(next).is_err() || last {
                    return;
                }
            }
        });
        let first = go.send(());
        Self { entered, go: first.is_ok().then_some(go), ended: false }
    }

    /// The next; after `End` nothing ever comes.
    pub(crate) async fn next(&mut self) -> Entered {
        if self.ended {
            return std::future::pending().await;
        }
        let next = self.entered.recv().await.unwrap_or(Entered::End);
        self.ended = next == Entered::End;
        if let Some(go) = &self.go {
            // Its thread ends only after the last line, and then no more are wanted.
            let _ = go.send(());
        }
        next
    }
}
