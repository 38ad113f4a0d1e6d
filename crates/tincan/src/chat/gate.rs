//! When text may be printed above the prompt: while the prompt is there.
//!
//! The editor itself prints what comes while a line is typed. Between an entered line and the
//! next prompt it would be printed as if there were no editor: it could be wiped together with
//! the entered line, or come to stand in the prompt.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

/// How long Enter waits for what is just being handed to the editor: that takes microseconds,
/// unless the editor has not taken what came before, and then it takes all of it later.
const HAND_OVER: Duration = Duration::from_millis(20);

/// How long leaving waits for the editor to come to its prompt: a terminal may be slow.
const LEAVE: Duration = Duration::from_secs(1);

/// Opened by the editor's prompt, shut by Enter. The thread of the editor calls
/// [`next_line`](Gate::next_line) before each line but the first and [`stay_open`](Gate::stay_open)
/// after the last; the one that prints calls [`pass`](Gate::pass); who puts the terminal back as
/// it was calls [`leave`](Gate::leave) first.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The prompt comes next.
    Prompting,
    /// It is there.
    Open,
    /// It is there, and something is being handed to the editor.
    Passing,
    /// A line was entered and still stands where it was typed.
    Entered,
    /// There will be no more.
    Left,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Prompting), changed: Condvar::new() })
    }

    /// Hands something over as soon as the prompt is there.
    pub(crate) fn pass<T>(&self, hand_over: impl FnOnce() -> T) -> T {
        let mut state = self.lock();
        while *state != State::Open {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state = State::Passing;
        drop(state);
        let outcome = hand_over();
        self.change(|state| if state == State::Passing { State::Open } else { state });
        outcome
    }

    /// What was entered has been taken off the screen, and another line is wanted.
    pub(crate) fn next_line(&self) {
        self.change(|state| if state == State::Left { state } else { State::Prompting });
    }

    /// Whether the terminal is another's again.
    pub(crate) fn is_left(&self) -> bool {
        *self.lock() == State::Left
    }

    /// Ends it, at a moment at which the editor changes nothing about the terminal.
    pub(crate) fn leave(&self) {
        let busy =
            |state: &mut State| matches!(state, State::Prompting | State::Passing | State::Entered);
        let waited = self.changed.wait_timeout_while(self.lock(), LEAVE, busy);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = State::Left;
    }

    /// There will be no more prompts, and nothing to spoil.
    pub(crate) fn stay_open(&self) {
        self.change(|state| if state == State::Left { state } else { State::Open });
    }

    fn prompt_is_drawn(&self) {
        self.change(|state| if state == State::Prompting { State::Open } else { state });
    }

    fn enter(&self) {
        let passing = |state: &mut State| *state == State::Passing;
        let waited = self.changed.wait_timeout_while(self.lock(), HAND_OVER, passing);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if *state != State::Left {
            *state = State::Entered;
        }
    }

    fn change(&self, next: impl FnOnce(State) -> State) {
        let mut state = self.lock();
        *state = next(*state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the editor tells of itself: it asks for hints when it draws the prompt, and for the
/// validity of a line when Enter is pressed.
#[derive(Debug)]
pub(crate) struct Watch(pub(crate) Arc<Gate>);

impl Hinter for Watch {
    type Hint = String;

    fn hint(&self, _line: &str, _pos: usize, _context: &Context<'_>) -> Option<String> {
        self.0.prompt_is_drawn();
        None
    }
}

impl Validator for Watch {
    fn validate(&self, _line: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.0.enter();
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for Watch {
    type Candidate = String;
}

impl Highlighter for Watch {}

impl Helper for Watch {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn what_comes_between_two_prompts_waits_for_the_second() {
        let gate = Gate::new();
        gate.prompt_is_drawn();
        assert_eq!(gate.pass(|| 1), 1);
        gate.enter();
        // The editor draws once more when it leaves a line.
        gate.prompt_is_drawn();
        let (sender, passed) = channel();
        let printer = Arc::clone(&gate);
        let thread = thread::spawn(move || printer.pass(|| sender.send(()).is_ok()));
        gate.next_line();
        assert!(passed.try_recv().is_err(), "the prompt is not there yet");
        gate.prompt_is_drawn();
        assert_eq!(thread.join().ok(), Some(true));
        assert_eq!(passed.recv(), Ok(()));
    }

    #[test]
    fn enter_does_not_wait_for_long_for_what_the_editor_itself_must_take() {
        let gate = Gate::new();
        gate.prompt_is_drawn();
        gate.pass(|| gate.enter());
        assert_eq!(*gate.lock(), State::Entered);
    }

    #[test]
    fn who_leaves_waits_for_the_prompt_and_no_other_comes() {
        let gate = Gate::new();
        let drawing = Arc::clone(&gate);
        let thread = thread::spawn(move || drawing.prompt_is_drawn());
        gate.leave();
        assert_eq!(thread.join().ok(), Some(()));
        gate.enter();
        gate.next_line();
        assert!(gate.is_left());
    }

    #[test]
    fn after_the_last_line_everything_passes() {
        let gate = Gate::new();
        gate.stay_open();
        gate.pass(|| ());
        gate.pass(|| ());
    }
}
