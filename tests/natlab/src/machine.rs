//! A machine: a network name space in which programs and threads can run.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Programs of the system are where Debian puts them, whether or not that is on the path.
const MORE_PLACES: &str = ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";

/// One machine. Its name space is gone when it is dropped and nothing runs there any more.
#[derive(Debug)]
pub struct Machine {
    name: String,
}

impl Machine {
    /// For a name space that somebody has just made, or is about to make.
    pub(crate) fn new(name: String) -> Self {
        Self { name }
    }

    fn handle(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    /// A command that runs on it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = system("nsenter");
        command.arg(format!("--net={}", self.handle())).arg(program);
        command
    }

    /// Runs a shell script on it.
    ///
    /// # Panics
    /// When a line of it fails.
    pub fn sh(&self, script: &str) -> String {
        run(self.command("sh").args(["-ec", script]), "")
    }

    /// Sets kernel parameters and interfaces: a shell script, then lines of `ip`.
    pub(crate) fn configure(&self, script: &str, lines: &[String]) {
        let script = format!("{script}\nip -batch /dev/stdin");
        run(self.command("sh").args(["-ec", &script]), &text(lines));
    }

    /// Changes its interfaces, addresses and routes.
    ///
    /// # Panics
    /// When `ip` refuses one.
    pub fn ip(&self, lines: &[String]) {
        run(system("ip").args(["-n", &self.name, "-batch", "-"]), &text(lines));
    }

    /// Adds rules.
    ///
    /// # Panics
    /// When `nft` refuses them.
    pub fn nft(&self, rules: &str) {
        run(self.command("nft").args(["-f", "-"]), rules);
    }

    /// What `nft` prints, as JSON.
    pub(crate) fn ask_nft(&self, words: &[&str]) -> String {
        run(self.command("nft").arg("-j").args(words), "")
    }

    /// Runs `call` on a thread that is on this machine: its sockets are this machine's.
    ///
    /// # Panics
    /// When the thread cannot get there, or `call` panics.
    pub fn enter<T: Send>(&self, call: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                let handle = File::open(self.handle()).expect("the machine is there");
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&handle), network)
                    .expect("an enclosure's name spaces are ours");
                call()
            });
            there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The enclosure ends it at the latest.
        let _ = system("ip").args(["netns", "del", &self.name]).stderr(Stdio::null()).status();
    }
}

/// Runs lines of `ip` outside of any machine.
pub(crate) fn ip(lines: &[String]) {
    run(system("ip").args(["-batch", "-"]), &text(lines));
}

/// A program of the system.
pub(crate) fn system(program: &str) -> Command {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(MORE_PLACES);
    let mut command = Command::new(program);
    command.env("PATH", path).env("LC_ALL", "C");
    command
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn run(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut pipe = child.stdin.take().expect("it is piped");
    // Whoever has failed already reads nothing.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it is ours");
    let errors = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {errors}\n{input}");
    String::from_utf8_lossy(&stdout).into_owned()
}
