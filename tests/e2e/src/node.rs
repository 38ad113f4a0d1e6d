//! A node as a process: `tincan listen` on a home of its own, driven over its control socket.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tincan_node::engine::{
    Answer, Command as Ask, ContactStatus, Cursor, Delivery, Event, MessageView, Query, Reply,
    Status, Target,
};
use tincan_node::{Handle, wire::UserId};
use tokio::time::{Duration, Instant, timeout};

use crate::PATIENCE;
use crate::process::{Finished, Process, tincan_under};

/// How long to wait for an event before looking again: what is looked at may have no event.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A node that can be stopped and started again.
#[derive(Debug)]
pub struct NodeProcess {
    home: TempDir,
    /// What starts the binary, if it is not started directly.
    wrapper: Vec<String>,
    flags: Vec<String>,
    process: Option<Process>,
    handle: Option<Handle>,
    id: UserId,
}

impl NodeProcess {
    /// Starts one with a new home. `flags` say where people meet.
    pub async fn start(name: &str, flags: &[&str]) -> Self {
        Self::start_under(&[], name, flags).await
    }

    /// The same, started by another program.
    pub async fn start_under(wrapper: &[&str], name: &str, flags: &[&str]) -> Self {
        let home = TempDir::with_prefix("tincan-").expect("there is room");
        Self::start_in(home, wrapper, name, flags).await
    }

    /// The same, with its home in this folder.
    pub async fn start_in(home: TempDir, wrapper: &[&str], name: &str, flags: &[&str]) -> Self {
        let wrapper: Vec<String> = wrapper.iter().map(|word| (*word).to_owned()).collect();
        let mut flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        flags.extend(["--name".to_owned(), name.to_owned()]);
        let (process, handle) = run(home.path(), &wrapper, &flags).await;
        connected(&handle).await;
        let id = handle.id().await.expect("it runs");
        Self { home, wrapper, flags, process: Some(process), handle: Some(handle), id }
    }

    /// Starts one that need not reach the broker.
    pub async fn start_alone(name: &str, flags: &[&str]) -> Self {
        let home = TempDir::with_prefix("tincan-").expect("there is room");
        let mut flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        flags.extend(["--name".to_owned(), name.to_owned()]);
        let (process, handle) = run(home.path(), &[], &flags).await;
        let id = handle.id().await.expect("it runs");
        Self { home, wrapper: Vec::new(), flags, process: Some(process), handle: Some(handle), id }
    }

    /// Who it is.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// Its process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").pid()
    }

    /// Its home directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its control socket.
    ///
    /// # Panics
    /// When it does not run.
    pub fn handle(&self) -> &Handle {
        self.handle.as_ref().expect("it runs")
    }

    /// Another command on the same home.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = tincan_under(&self.wrapper, &[]);
        command.arg("--home").arg(self.home()).args(words);
        command
    }

    /// Runs another command on the same home to its end.
    pub fn run(&self, words: &[&str]) -> Finished {
        Process::run(&mut self.command(words))
    }

    /// The first line of `tincan status` that is wanted, as soon as there is one.
    ///
    /// # Panics
    /// When there is none in time.
    pub fn status_line(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let status = self.run(&["status"]);
            assert_eq!(status.code, Some(0), "{status:?}");
            if let Some(line) = status.output.iter().find(|line| is_wanted(line)) {
                return line.clone();
            }
            assert!(std::time::Instant::now() < end, "{status:?}");
        }
    }

    /// Waits until its list of contacts has `id` with this status, and gives the entry.
    ///
    /// # Panics
    /// When it has not in time.
    pub fn until_listed(&self, id: &str, status: &str) -> Value {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let list = self.run(&["contact", "list", "--json"]);
            let is_it = |line: &Value| line["id"] == id && line["status"] == status;
            if let Some(found) = list.json().into_iter().find(is_it) {
                return found;
            }
            assert!(std::time::Instant::now() < end, "{id} is not {status}: {list:?}");
        }
    }

    /// Ends it, and waits until it has ended.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self) -> Finished {
        self.handle = None;
        self.process.take().expect("it runs").terminate()
    }

    /// Ends it without a word, as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.handle = None;
        self.process.take().expect("it runs").kill();
    }

    /// Stops it where it is, as the sleep of a machine does.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        self.process.as_ref().expect("it runs").signal(Signal::STOP);
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&self) {
        self.process.as_ref().expect("it runs").signal(Signal::CONT);
    }

    /// Starts it again on its home.
    pub async fn start_again(&mut self) {
        self.start_again_alone().await;
        connected(self.handle()).await;
    }

    /// Starts it again on its home; it need not reach the broker.
    pub async fn start_again_alone(&mut self) {
        let flags = self.flags.clone();
        self.launch(&flags).await;
    }

    /// Starts it again on its home with other flags; it need not reach the broker.
    pub async fn start_again_with(&mut self, flags: &[&str]) {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.launch(&flags).await;
    }

    async fn launch(&mut self, flags: &[String]) {
        let (process, handle) = run(self.home.path(), &self.wrapper, flags).await;
        self.process = Some(process);
        self.handle = Some(handle);
    }

    /// Says each of the texts to `contact`, in this order.
    ///
    /// # Panics
    /// When one is refused.
    pub async fn say(&self, contact: UserId, texts: impl Iterator<Item = String>) {
        for content in texts {
            let ask = Ask::SendMessage { contact, content, reply: None };
            self.handle().command(ask).await.expect("it is a contact");
        }
    }

    /// The whole conversation, in the order in which it is shown.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn history(&self, contact: UserId) -> Vec<MessageView> {
        let mut pages = Vec::new();
        let mut before: Option<Cursor> = None;
        loop {
            let query = Query::History { contact, before, limit: 1_000 };
            let answer = self.handle().query(query).await.expect("it can be read");
            let Answer::Messages { messages, more } = answer else { panic!("not {answer:?}") };
            before = messages.first().map(|first| Cursor {
                h: first.h,
                outgoing: first.outgoing,
                id: first.id,
            });
            pages.push(messages);
            if !more {
                break;
            }
        }
        pages.into_iter().rev().flatten().collect()
    }

    /// Waits until nothing that was said waits for delivery any more.
    ///
    /// # Panics
    /// When that takes longer than `patience`.
    pub async fn until_delivered(&self, patience: Duration) {
        let mut events = self.handle().events().await;
        let end = Instant::now() + patience;
        loop {
            let status = self.handle().status().await.expect("it runs");
            let waiting: u64 = status.contacts.iter().map(|contact| contact.waiting).sum();
            if waiting == 0 && self.all_shown_delivered(&status).await {
                return;
            }
            assert!(Instant::now() < end, "{waiting} are not delivered: {status:#?}");
            // A lot is said while much is delivered: one look for all of it is enough.
            let _ = timeout(LOOK_AGAIN, events.next()).await;
            tokio::task::yield_now().await;
        }
    }

    /// Whether the last page of every conversation shows it, too: the history is read from the
    /// disk, to which an acknowledgement gets a moment after the engine has it.
    async fn all_shown_delivered(&self, status: &Status) -> bool {
        for contact in &status.contacts {
            let page = self.handle().history(contact.id, 1_000).await.expect("it can be read");
            let waits = |message: &MessageView| {
                message.outgoing && matches!(message.state, Delivery::Queued | Delivery::Sent)
            };
            if page.iter().any(waits) {
                return false;
            }
        }
        true
    }

    async fn until_accepted(&self, contact: UserId) {
        let mut events = self.handle().events().await;
        let end = Instant::now() + PATIENCE;
        loop {
            let contacts = self.handle().contacts().await.expect("it runs");
            let found = contacts.iter().find(|known| known.id == contact);
            if found.is_some_and(|known| known.status == ContactStatus::Accepted) {
                return;
            }
            assert!(Instant::now() < end, "not accepted: {found:#?}");
            let _ = timeout(LOOK_AGAIN, events.next()).await;
        }
    }
}

/// Makes two nodes contacts of each other, by an invite of the first.
///
/// # Panics
/// When they do not become that.
pub async fn befriend(first: &NodeProcess, second: &NodeProcess) {
    let status = first.handle().shell_status().await.expect("it runs");
    let ask = Ask::CreateInvite { hub: status.hub, brokers: Vec::new(), uses: 1, ttl_secs: 3_600 };
    let reply = first.handle().command(ask).await.expect("it runs");
    let Reply::Invite { invite } = reply else { panic!("not {reply:?}") };
    let target = Target::Invite(invite);
    second.handle().add(target, None).await.expect("the invite is good");
    first.until_accepted(second.id()).await;
    second.until_accepted(first.id()).await;
}

async fn run(home: &Path, wrapper: &[String], flags: &[String]) -> (Process, Handle) {
    let mut command = tincan_under(wrapper, &[]);
    command.arg("--home").arg(home).args(flags).args(["listen", "--json"]);
    let process = Process::start(&mut command);
    let end = Instant::now() + PATIENCE;
    loop {
        match Handle::connect(home).await {
            Ok(handle) => return (process, handle),
            Err(error) if Instant::now() > end => panic!("{error}: {:?}", process.terminate()),
            // Nothing tells that a socket has appeared.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Waits until the node has reached the broker.
async fn connected(handle: &Handle) {
    let mut events = handle.events().await;
    let end = Instant::now() + PATIENCE;
    loop {
        let broker = handle.status().await.expect("it runs").broker;
        if broker.state == tincan_node::engine::BrokerState::Connected {
            return;
        }
        assert!(Instant::now() < end, "not connected: {broker:?}");
        while let Ok(Some(event)) = timeout(LOOK_AGAIN, events.next()).await {
            if matches!(event, Event::Broker(_)) {
                break;
            }
        }
    }
}
