//! The binary as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::PATIENCE;

/// The binary that was built with this program: in its folder or, where tests lie in a folder of
/// their own, in the one above.
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it is");
    let folder = own.parent().expect("it lies in a folder");
    let above = folder.parent().expect("there is one above");
    let folder = if folder.ends_with("deps") { above } else { folder };
    let binary = folder.join("tincan");
    assert!(binary.is_file(), "build it first: cargo build -p tincan (no {})", binary.display());
    binary
}

/// An example of the SDK, built with these tests.
///
/// # Panics
/// When it was not built.
pub fn example(name: &str) -> PathBuf {
    let example = binary().with_file_name("examples").join(name);
    let how = format!("cargo build -p tincan-node --example {name}");
    assert!(example.is_file(), "build it first: {how} (no {})", example.display());
    example
}

/// The binary with nothing of this user's surroundings: no variables, no config file.
pub fn tincan(words: &[&str]) -> Command {
    bare(Command::new(binary()), words)
}

/// The same, started by another program, such as one that shows it another clock.
pub fn tincan_under(wrapper: &[String], words: &[&str]) -> Command {
    let Some((program, more)) = wrapper.split_first() else { return tincan(words) };
    let mut command = Command::new(program);
    command.args(more).arg(binary());
    bare(command, words)
}

fn bare(mut command: Command, words: &[&str]) -> Command {
    let own: Vec<_> = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("TINCAN_"))
        .collect();
    for name in own {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").args(words).stdin(Stdio::null());
    command
}

/// A process whose lines are read as they come; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed to stdout that was not read before.
    pub output: Vec<String>,
    /// What it printed to stderr.
    pub errors: String,
}

impl Finished {
    /// What it printed, each line an object of JSON.
    ///
    /// # Panics
    /// When it has failed, or a line is none.
    pub fn json(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.output.iter().map(|line| object(line)).collect()
    }

    /// The same of a command that prints one line.
    ///
    /// # Panics
    /// When it prints another number of them.
    pub fn one_json(&self) -> Value {
        let [value] = <[Value; 1]>::try_from(self.json()).expect("it prints one line");
        value
    }
}

/// A line of output that is an object of JSON.
///
/// # Panics
/// When it is none.
pub fn object(line: &str) -> Value {
    let value = serde_json::from_str(line);
    let value: Value = value.unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(value.is_object(), "each line is an object: {line}");
    value
}

impl Process {
    /// Starts it, with a pipe for everything.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let errors = Some(errors_of(child.stderr.take().expect("it is piped")));
        Self { input: child.stdin.take(), child, lines, errors }
    }

    /// Runs it to its end.
    pub fn run(command: &mut Command) -> Finished {
        Self::run_with(command, "")
    }

    /// Runs it to its end, with `text` as its standard input.
    pub fn run_with(command: &mut Command, text: &str) -> Finished {
        let mut process = Self::start(command);
        let mut input = process.input.take().expect("it is piped");
        // Who has ended already reads nothing.
        let _ = input.write_all(text.as_bytes());
        drop(input);
        process.finish()
    }

    /// Types a line into its standard input.
    ///
    /// # Panics
    /// When that is closed.
    pub fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("it is open"), "{line}").unwrap();
    }

    /// Its standard input; `None` once closed.
    pub fn input(&mut self) -> &mut Option<ChildStdin> {
        &mut self.input
    }

    /// The next line of its output for which `wanted` gives something.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn wait_for<T>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return found;
                    }
                }
                Err(_) => {
                    let _ = self.child.kill();
                    panic!("waited for {what} in vain; stderr: {}", self.take_errors());
                }
            }
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("process ids are small");
        kill_process(Pid::from_raw(pid).expect("process ids are not 0"), signal)
            .expect("it is ours and runs");
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(self) -> Finished {
        self.signal(Signal::TERM);
        self.finish()
    }

    /// Ends it without a word, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("it is ours and runs");
        self.child.wait().expect("it is ours");
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn finish(mut self) -> Finished {
        self.input = None;
        let mut output = Vec::new();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => output.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("it does not end; stderr: {}", self.take_errors());
                }
            }
        }
        let code = self.child.wait().expect("it is ours").code();
        Finished { code, output, errors: self.take_errors() }
    }

    fn take_errors(&mut self) -> String {
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A test that is over needs no more lines, but the process must not block on them.
            let _ = sender.send(line);
        }
    });
    lines
}

fn errors_of(mut errors: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = errors.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}
