//! The other process's end of the control socket.

mod in_memory;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tincan_engine::{Answer, Command, Event, Query, Reply};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

pub(crate) use in_memory::{Heard, Screen};

use super::ControlError;
use super::connection::read_line;
use super::line::{self, MAX_ANSWER_BYTES, ShellAsk, parse_error};
use crate::events;
use crate::feed::{Feed, Reader};
use crate::handle::EVENT_BOUNDS;
use crate::home::Home;
use crate::request::{RequestError, ShellError, ShellStatus};

/// Requests that may wait to be written; more wait where they come from.
const MAX_LINES: usize = 256;

/// What the node tells without being asked.
#[derive(Clone, Debug)]
pub(crate) enum Update {
    Event(Arc<Event>),
    /// So many events were lost on the way here.
    Missed(u64),
}

impl Update {
    fn size(&self) -> usize {
        match self {
            Self::Event(event) => events::size_of(event),
            Self::Missed(_) => size_of::<Self>(),
        }
    }
}

/// A connection to a node in another process. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Client {
    lines: mpsc::Sender<Vec<u8>>,
    next: AtomicU64,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    waiting: HashMap<u64, oneshot::Sender<Result<Value, RequestError>>>,
    /// `None` once the connection has ended.
    updates: Option<Feed<Update>>,
}

impl Shared {
    fn with<R>(&self, call: impl FnOnce(&mut State) -> R) -> R {
        call(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Client {
    pub(crate) async fn connect(home: &Path) -> Result<Self, ControlError> {
        let path = Home::control_socket(home);
        let stream = UnixStream::connect(&path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ControlError::NotRunning { home: home.to_owned() }
            }
            _ => ControlError::Unusable { path, reason: error.to_string() },
        })?;
        let (reader, writer) = stream.into_split();
        let (lines, lines_out) = mpsc::channel(MAX_LINES);
        let updates = Some(Feed::new(EVENT_BOUNDS));
        let state = State { waiting: HashMap::new(), updates };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        tokio::spawn(read(BufReader::new(reader), Arc::clone(&shared)));
        tokio::spawn(write(writer, lines_out));
        Ok(Self { lines, next: AtomicU64::new(1), shared })
    }

    pub(crate) async fn command(&self, command: &Command) -> Result<Reply, RequestError> {
        self.ask(command).await
    }

    pub(crate) async fn query(&self, query: &Query) -> Result<Answer, RequestError> {
        self.ask(query).await
    }

    pub(crate) async fn status(&self) -> Result<ShellStatus, RequestError> {
        self.ask(&ShellAsk::Status).await
    }

    pub(crate) async fn set_hub(&self, origin: &str) -> Result<(), RequestError> {
        let ask = ShellAsk::SetHub { origin: origin.to_owned() };
        self.ask::<_, Value>(&ask).await.map(drop)
    }

    pub(crate) async fn stop(&self) -> Result<(), RequestError> {
        self.ask::<_, Value>(&ShellAsk::Stop).await.map(drop)
    }

    /// All events from now on; the receiver ends with the connection.
    pub(crate) async fn subscribe(&self) -> Reader<Update> {
        let receiver = self.shared.with(|state| match &state.updates {
            Some(updates) => updates.subscribe(),
            None => Feed::new(EVENT_BOUNDS).subscribe(),
        });
        // If it fails the connection is over, and the receiver ends as well.
        let _ = self.ask::<_, Value>(&serde_json::json!({ "subscribe": true })).await;
        receiver
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        question: &Q,
    ) -> Result<A, RequestError> {
        let bad = |reason: String| ShellError::BadRequest { reason };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let value = serde_json::to_value(question).map_err(|error| bad(error.to_string()))?;
        let mut line = line::request(id, value).into_bytes();
        line.push(b'\n');
        let (answer, answered) = oneshot::channel();
        let open = self.shared.with(|state| {
            let open = state.updates.is_some();
            if open {
                state.waiting.insert(id, answer);
            }
            open
        });
        if !open || self.lines.send(line).await.is_err() {
            return Err(RequestError::Closed);
        }
        let value = answered.await.map_err(|_| RequestError::Closed)??;
        serde_json::from_value(value).map_err(|error| {
            bad(format!("the node's answer is not understood ({error}); is it another version?"))
                .into()
        })
    }
}

async fn write(mut writer: OwnedWriteHalf, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(mut bytes) = lines.recv().await {
        while let Ok(more) = lines.try_recv() {
            bytes.extend_from_slice(&more);
        }
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read(mut reader: BufReader<OwnedReadHalf>, shared: Arc<Shared>) {
    let mut line = Vec::new();
    while let Ok(true) = read_line(&mut reader, &mut line, MAX_ANSWER_BYTES).await {
        take(&line, &shared);
        line.clear();
    }
    shared.with(|state| {
        state.updates = None;
        state.waiting.clear();
    });
}

/// What a line says; one that says nothing we know is for a newer program.
fn take(line: &[u8], shared: &Shared) {
    let Ok(mut value) = serde_json::from_slice::<Value>(line) else { return };
    if let Some(name) = value.get("event").and_then(Value::as_str) {
        let update = if name == "missed" {
            value.get("missed").and_then(Value::as_u64).map(Update::Missed)
        } else {
            serde_json::from_value(value).ok().map(|event| Update::Event(Arc::new(event)))
        };
        if let Some(update) = update {
            let bytes = update.size();
            shared.with(|state| state.updates.as_ref().map(|updates| updates.send(update, bytes)));
        }
        return;
    }
    let Some(id) = value.get("id").and_then(Value::as_u64) else { return };
    let result = match (value.get_mut("ok").map(Value::take), value.get_mut("error")) {
        (Some(ok), _) => Ok(ok),
        (None, Some(error)) => Err(parse_error(error.take())),
        (None, None) => return,
    };
    if let Some(answer) = shared.with(|state| state.waiting.remove(&id)) {
        // Whoever asked may be gone.
        let _ = answer.send(result);
    }
}
