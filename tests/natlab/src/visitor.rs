//! Somebody with the page, in a real browser on one of the laboratory's hosts.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::bare;
use crate::hosting::is_installed;
use crate::hub::Hub;
use crate::lab::Lab;
use crate::plan::Side;
use crate::service::Service;

/// How long a deed may take: longer than the page's own tests wait for what they want to see.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a browser may take to end by itself.
const END: Duration = Duration::from_secs(5);

/// Set to do without browsers.
const SKIP: &str = "TINCAN_SKIP_BROWSERS";

/// Which browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Browser {
    /// Chromium, or what is made of it.
    Chromium,
    /// Firefox.
    Firefox,
}

impl Browser {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }

    /// Whether it can be started.
    ///
    /// # Errors
    /// What is missing.
    pub fn find(self) -> Result<(), String> {
        if std::env::var_os(SKIP).is_some() {
            return Err(format!("{SKIP} is set"));
        }
        let (variable, names): (_, &[&str]) = match self {
            Self::Chromium => ("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]),
            Self::Firefox => ("FIREFOX", &["firefox-esr", "firefox"]),
        };
        let is_there =
            std::env::var_os(variable).is_some() || names.iter().any(|n| is_installed(n));
        if !is_there {
            return Err(format!("there is no {self}; install {}", names[0]));
        }
        if !is_installed("node") {
            return Err("there is no node; install nodejs".to_owned());
        }
        if !folder().join("node_modules").is_dir() {
            return Err("tests/browser has no packages; run npm ci there".to_owned());
        }
        Ok(())
    }
}

impl fmt::Display for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
        })
    }
}

impl FromStr for Browser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|browser| browser.name() == text);
        found.ok_or_else(|| format!("`{text}` is neither chromium nor firefox"))
    }
}

/// The tests of the page, whose harness starts browsers.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../browser")
}

/// A person; the browser ends when it is dropped.
#[derive(Debug)]
pub struct Visitor {
    process: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Value>,
    folder: TempDir,
}

impl Visitor {
    /// Starts a browser on a side's host, for the page of this hub.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(lab: &Lab, side: Side, browser: Browser, hub: &Hub) -> Result<Self, String> {
        let own = Service::folder("page")?;
        let told = |error: std::io::Error| format!("{browser}: {error}");
        let errors = File::create(own.path().join("stderr")).map_err(told)?;
        let mut command = lab.host(side).command("node");
        let mut process = bare(&mut command)
            .args(["lab/visitor.js", browser.name(), hub.place()])
            .args(hub.authority())
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(told)?;
        let output = process.stdout.take().ok_or("its output is piped")?;
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else { continue };
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let input = process.stdin.take();
        let visitor = Self { process, input, answers, folder: own };
        visitor.answer()?;
        Ok(visitor)
    }

    /// Follows an invite under this name, and is in the conversation then.
    ///
    /// # Errors
    /// What the page shows instead.
    pub fn follow(&mut self, link: &str, name: &str) -> Result<(), String> {
        self.ask(&json!({"deed": "follow", "link": link, "name": name})).map(drop)
    }

    /// Leaves the page; the browser stays, with what it has stored.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn leave(&mut self) -> Result<(), String> {
        self.ask(&json!({"deed": "leave"})).map(drop)
    }

    /// Loads the page, and sees in its list that the contact is there.
    ///
    /// # Errors
    /// What the page shows instead.
    pub fn come_back(&mut self) -> Result<(), String> {
        self.ask(&json!({"deed": "comeBack"})).map(drop)
    }

    /// Opens the conversation with a contact in the list.
    ///
    /// # Errors
    /// What the page shows instead.
    pub fn open_chat(&mut self, name: &str) -> Result<(), String> {
        self.ask(&json!({"deed": "openChat", "name": name})).map(drop)
    }

    /// Says something, which is delivered then.
    ///
    /// # Errors
    /// What the page shows instead.
    pub fn say(&mut self, text: &str) -> Result<(), String> {
        self.ask(&json!({"deed": "say", "text": text})).map(drop)
    }

    /// Sees a message.
    ///
    /// # Errors
    /// What the page shows instead.
    pub fn see(&mut self, text: &str) -> Result<(), String> {
        self.ask(&json!({"deed": "sees", "text": text})).map(drop)
    }

    /// The page says that they are connected, by a relay or directly.
    ///
    /// # Errors
    /// What the page shows instead.
    pub fn see_connected(&mut self, by_relay: bool) -> Result<(), String> {
        let kind = if by_relay { "relay" } else { "direct" };
        self.ask(&json!({"deed": "connected", "kind": kind})).map(drop)
    }

    /// What the page complained about.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn faults(&mut self) -> Result<Vec<String>, String> {
        let faults = self.ask(&json!({"deed": "faults"}))?;
        serde_json::from_value(faults).map_err(|error| error.to_string())
    }

    fn ask(&mut self, deed: &Value) -> Result<Value, String> {
        let input = self.input.as_mut().ok_or("its input is piped")?;
        // Who has ended reads nothing, and answers nothing either.
        let _ = writeln!(input, "{deed}");
        self.answer()
    }

    fn answer(&self) -> Result<Value, String> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(mut answer) => match answer["ok"].take() {
                Value::Null => Err(answer["error"].as_str().unwrap_or("no reason").to_owned()),
                ok => Ok(ok),
            },
            Err(error) => {
                let said = fs::read_to_string(self.folder.path().join("stderr"));
                Err(format!("the browser: {error}: {}", said.unwrap_or_default()))
            }
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        // It ends with its input, and takes the browser's processes along.
        self.input = None;
        while self.answers.recv_timeout(END).is_ok() {}
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
