//! The command line as a process: what needs neither a hub nor another person.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

mod backup;
mod bad_input;
mod config;
mod doctor;
mod help;
mod own_id;

use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The binary on a home of its own, with nothing of this user's surroundings.
struct Cli {
    folder: TempDir,
}

impl Cli {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tincan"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .args(words)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What it printed, having succeeded.
    fn good(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one line of complaint with which it ended.
    fn complaint(&self, words: &[&str], code: i32) -> String {
        complaint(&self.run(words), code)
    }
}

fn complaint(output: &Output, code: i32) -> String {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("tincan: "), "{errors}");
    errors
}
