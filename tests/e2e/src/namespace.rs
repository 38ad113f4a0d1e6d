//! Tests that need a machine of their own: they run once more in name spaces in which they may
//! mount file systems and set up networks.

use std::process::{Command, Output};

use crate::skipped;

/// Set in the run inside.
const INSIDE: &str = "TEST_IN_NAMESPACE";

/// What a test needs to be free to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// What is mounted where.
    Mount,
    /// The interfaces, of which only a loopback that is down is there at first.
    Network,
}

impl Namespace {
    /// True in a run in which it may be changed. Else the test of this name is run once more as
    /// such a one, and there is nothing more to do: a machine that has no such name spaces is
    /// told of loudly.
    ///
    /// # Panics
    /// When the test fails inside.
    pub fn is_free(self, name: &str) -> bool {
        if std::env::var_os(INSIDE).is_some() {
            return true;
        }
        match self.way() {
            Ok(mut command) => {
                command.arg(std::env::current_exe().expect("a test knows where it is"));
                command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
                let output = command.env(INSIDE, "1").output().expect("it ran a moment ago");
                let text = String::from_utf8_lossy(&output.stdout);
                let errors = String::from_utf8_lossy(&output.stderr);
                let passed = output.status.success() && text.contains("1 passed");
                assert!(passed, "{text}\n{errors}");
            }
            Err(why) => skipped(name, &format!("this machine allows no name space for it ({why})")),
        }
        false
    }

    /// A command that runs another in such a name space: of a user of its own, or with the rights
    /// that we have.
    fn way(self) -> Result<Command, String> {
        let kind = match self {
            Self::Mount => "--mount",
            Self::Network => "--net",
        };
        let mut why = String::new();
        for words in [&["--user", "--map-root-user", kind][..], &[kind]] {
            let way = || {
                let mut command = Command::new("unshare");
                command.args(words);
                command
            };
            match way().args(self.trial()).output() {
                Ok(Output { status, .. }) if status.success() => return Ok(way()),
                Ok(output) => why = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                Err(error) => why = format!("unshare: {error}"),
            }
        }
        Err(why)
    }

    /// What must work in it.
    fn trial(self) -> &'static [&'static str] {
        match self {
            Self::Mount => &["mount", "-t", "tmpfs", "tmpfs", "/tmp"],
            Self::Network => &["ip", "link", "add", "trial", "type", "veth"],
        }
    }
}
