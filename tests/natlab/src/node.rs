//! `tincan listen` on one of the laboratory's hosts.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{bare, binary};
use crate::control::{Control, Events};
use crate::lab::Lab;
use crate::plan::Side;

/// How long it may take to start and to reach the broker.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a node logs.
const LOG: &str = "debug";

/// Names a folder in which the log of every node is left.
const LOGS: &str = "NATLAB_LOGS";

/// A node; killed when dropped.
#[derive(Debug)]
pub struct Node {
    process: Child,
    home: TempDir,
    name: String,
    hub: String,
    side: Side,
    flags: Vec<String>,
    control: Control,
    events: Events,
    id: String,
    contact: String,
}

impl Node {
    /// Starts one on a side's host, at the hub of this origin, and waits until it has reached the
    /// broker.
    ///
    /// # Errors
    /// Why it has not, as far as it tells.
    pub fn start(lab: &Lab, side: Side, hub: &str) -> Result<Self, String> {
        Self::start_with(lab, side, hub, &[])
    }

    /// The same with further flags.
    ///
    /// # Errors
    /// The same.
    pub fn start_with(lab: &Lab, side: Side, hub: &str, flags: &[&str]) -> Result<Self, String> {
        let home = TempDir::with_prefix("natlab-").map_err(|error| error.to_string())?;
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (process, control, events) = launch(lab, side, &home, hub, &flags)?;
        let (id, contact) = (id_of(&home)?, String::new());
        let (name, hub) = (name_of(side), hub.to_owned());
        let node = Self { process, home, name, hub, side, flags, control, events, id, contact };
        node.reaching_the_broker()
    }

    /// Ends it without a word, does something, and starts it anew in the same home: it has the
    /// contacts that it had, and nothing else of what it knew of the network.
    ///
    /// # Errors
    /// The same as when it is started.
    pub fn started_after(mut self, lab: &Lab, between: impl FnOnce()) -> Result<Self, String> {
        self.end();
        between();
        let (process, control, events) =
            launch(lab, self.side, &self.home, &self.hub, &self.flags)?;
        (self.process, self.control, self.events) = (process, control, events);
        self.reaching_the_broker()
    }

    fn reaching_the_broker(mut self) -> Result<Self, String> {
        let status = command_status(&mut self.control)?;
        if status["state"] == "connected" {
            return Ok(self);
        }
        let is_it = |event: &Value| event["event"] == "broker" && event["state"] == "connected";
        match self.events.until(Instant::now() + PATIENCE, is_it) {
            Some(_) => Ok(self),
            None => Err(format!("{} does not reach the broker: {}", self.name, self.words())),
        }
    }

    /// What it is called, by itself and by its contacts.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes it and another contacts of each other, by an invite of this one.
    ///
    /// # Errors
    /// When they do not become that.
    pub fn befriend(&mut self, other: &mut Self) -> Result<(), String> {
        let ask = json!({"command": "create_invite", "hub": self.hub, "brokers": [],
            "uses": 1, "ttl_secs": 3600});
        let invite = self.control.ask(ask)?["invite"].take();
        let target = json!({ "invite": invite });
        other.control.ask(json!({"command": "add_contact", "target": target, "nickname": null}))?;
        (self.contact, other.contact) = (other.id.clone(), self.id.clone());
        let end = Instant::now() + PATIENCE;
        self.until_accepted(end)?;
        other.until_accepted(end).map(drop)
    }

    /// An invite link, as a person passes it on.
    ///
    /// # Errors
    /// When it makes none.
    pub fn invite(&self) -> Result<String, String> {
        let value = self.run(&["invite", "--json"])?;
        value["link"].as_str().map(str::to_owned).ok_or_else(|| format!("no link: {value}"))
    }

    /// Talks with the one contact that it has from now on.
    ///
    /// # Errors
    /// When it has none.
    pub fn take_contact(&mut self) -> Result<(), String> {
        let answer = self.control.ask(json!({"command": "list_contacts"}))?;
        let id = answer["contacts"][0]["id"].as_str();
        id.ok_or_else(|| format!("no contact: {answer}"))?.clone_into(&mut self.contact);
        Ok(())
    }

    /// The moment at which somebody became a contact.
    ///
    /// # Errors
    /// When nobody does.
    pub fn until_accepted(&self, end: Instant) -> Result<Instant, String> {
        let is_it =
            |event: &Value| event["event"] == "contact" && event["contact"]["status"] == "accepted";
        self.events
            .until(end, is_it)
            .ok_or_else(|| format!("they do not become contacts: {}", self.words()))
    }

    /// Says something to the contact; gives the message's id.
    ///
    /// # Errors
    /// When the node refuses it.
    pub fn say(&mut self, content: &str) -> Result<String, String> {
        let contact = &self.contact;
        let ask = json!({"command": "send_message", "contact": contact, "content": content,
            "reply": null});
        let answer = self.control.ask(ask)?;
        let id = answer["message"]["id"].as_str();
        id.map(str::to_owned).ok_or_else(|| format!("the message has no id: {answer}"))
    }

    /// The moment at which the session was verified.
    pub fn until_verified(&self, end: Instant) -> Option<Instant> {
        let is_it = |event: &Value| event["event"] == "peer" && event["state"] == "connected";
        self.events.until(end, is_it)
    }

    /// The moment at which the message was on the other's disk.
    pub fn until_delivered(&self, id: &str, end: Instant) -> Option<Instant> {
        self.events.until(end, |event| {
            let is_there = event["state"] == "delivered" || event["state"] == "read";
            let ids = event["ids"].as_array();
            event["event"] == "delivery"
                && is_there
                && ids.is_some_and(|ids| ids.iter().any(|i| i == id))
        })
    }

    /// What `tincan status --json` says of the session with the contact.
    pub fn peer(&self) -> Value {
        self.status()["contacts"][0]["peer"].take()
    }

    /// What `tincan status --json` says.
    pub fn status(&self) -> Value {
        self.run(&["status", "--json"]).unwrap_or(Value::Null)
    }

    /// What another command on its home prints.
    fn run(&self, words: &[&str]) -> Result<Value, String> {
        let mut command = Command::new(binary());
        bare(&mut command).arg("--home").arg(at(&self.home)).args(words);
        let output = command.output().map_err(|error| error.to_string())?;
        let errors = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {errors}"))
    }

    /// How it sees things, for whoever must find out what went wrong.
    pub fn words(&self) -> String {
        let status = self.status();
        let peer = &status["contacts"][0]["peer"];
        format!(
            "broker {} ({}), session {} after {} attempts, reason {}, path {}, dropped {}",
            status["broker"]["state"],
            status["broker"]["reason"],
            peer["state"],
            peer["attempts"],
            peer["reason"],
            peer["path"],
            status["dropped"],
        )
    }

    /// Leaves the log where somebody asked for it.
    fn keep_log(&self) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if let Some(folder) = std::env::var_os(LOGS) {
            let nth = NEXT.fetch_add(1, Ordering::Relaxed);
            let kept = PathBuf::from(folder).join(format!("{nth:04}-{}.log", self.name));
            // Whoever asked for it sees that it is not there.
            let _ = fs::copy(log_of(&self.home), kept);
        }
    }
}

impl Node {
    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.keep_log();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

fn name_of(side: Side) -> String {
    format!("host-{}", side.letter())
}

/// Starts the process, and waits until it answers.
fn launch(
    lab: &Lab,
    side: Side,
    home: &TempDir,
    hub: &str,
    flags: &[String],
) -> Result<(Child, Control, Events), String> {
    let errors = File::create(log_of(home)).map_err(|error| error.to_string())?;
    let mut command = lab.host(side).command(binary());
    bare(&mut command)
        .arg("--home")
        .arg(at(home))
        .args(["--hub", hub, "--name", &name_of(side), "listen", "--json"])
        .args(flags)
        .env("TINCAN_LOG", LOG)
        .env("NO_COLOR", "1")
        .stdout(Stdio::null())
        .stderr(errors);
    let process = command.spawn().map_err(|error| error.to_string())?;
    let mut process = Unowned(Some(process));
    let control = until_connected(home, &mut process, Instant::now() + PATIENCE)?;
    let events = Control::connect(&at(home)).map_err(|error| error.to_string())?;
    let events = events.into_events()?;
    let process = process.0.take().ok_or("it was started")?;
    Ok((process, control, events))
}

/// A process that nobody has taken over yet.
struct Unowned(Option<Child>);

impl Drop for Unowned {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn until_connected(home: &TempDir, process: &mut Unowned, end: Instant) -> Result<Control, String> {
    loop {
        let error = match Control::connect(&at(home)) {
            Ok(control) => return Ok(control),
            Err(error) => error,
        };
        let has_ended = process.0.as_mut().is_some_and(|it| !matches!(it.try_wait(), Ok(None)));
        if has_ended || Instant::now() > end {
            let said = fs::read_to_string(log_of(home)).unwrap_or_default();
            return Err(format!("the node does not start: {error}: {said}"));
        }
        // Nothing tells that a socket has appeared.
        thread::sleep(Duration::from_millis(10));
    }
}

/// Its home, which it wants for itself.
fn at(folder: &TempDir) -> PathBuf {
    folder.path().join("home")
}

fn log_of(folder: &TempDir) -> PathBuf {
    folder.path().join("stderr")
}

/// The state of its broker.
fn command_status(control: &mut Control) -> Result<Value, String> {
    Ok(control.ask(json!({"command": "get_status"}))?["status"]["broker"].take())
}

fn id_of(home: &TempDir) -> Result<String, String> {
    let mut command = Command::new(binary());
    bare(&mut command).arg("--home").arg(at(home)).args(["id", "--json"]);
    let output = command.output().map_err(|error| error.to_string())?.stdout;
    let value: Value = serde_json::from_slice(&output).map_err(|error| error.to_string())?;
    value["id"].as_str().map(str::to_owned).ok_or_else(|| format!("an id without id: {value}"))
}
