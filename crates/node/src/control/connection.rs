//! One connection to the control socket: a screen.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tincan_engine::{Command, Event};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::line::{self, Ask, MAX_REQUEST_BYTES, ShellAsk};
use crate::feed::{NoItem, Reader};
use crate::handle::Local;
use crate::request::{Request, RequestError, ShellError};

/// Requests of one connection whose answers may wait to be made and written; the next is read
/// when one has gone out.
const MAX_WAITING: usize = 256;

/// Of these a question to the store takes so many, as its answer is a page of up to 1 MiB.
const PLACES_OF_A_PAGE: u32 = 32;

/// Lines that may wait to be written. Answers and events stand still when it is full; events
/// beyond those that a handle keeps are lost to this connection, and counted.
const MAX_LINES: usize = 256;

/// Lines that mean nothing, before the connection is closed: whoever sends them is no client.
const MAX_GARBAGE: u32 = 100;

/// How many bytes of lines are joined to one write.
const WRITE_BYTES: usize = 64 * 1024;

/// Serves until the other end is gone.
pub(super) async fn serve(stream: UnixStream, local: Local) {
    let (reader, writer) = stream.into_split();
    let (lines, lines_out) = mpsc::channel(MAX_LINES);
    let write = tokio::spawn(write(writer, lines_out));
    let screen = local.screens.fetch_add(1, Ordering::Relaxed);
    let mut connection = Connection {
        screen,
        showed_chat: false,
        local,
        lines,
        places: Arc::new(Semaphore::new(MAX_WAITING)),
        subscription: None,
        garbage: 0,
    };
    connection.read(BufReader::new(reader)).await;
    connection.end().await;
    // Answers that are under way still go out, if the other end only stopped talking.
    let _ = write.await;
}

/// A line without its end, and the place that is free again once it is written.
type Line = (String, Option<OwnedSemaphorePermit>);

struct Connection {
    screen: u64,
    /// Whether it ever opened a chat.
    showed_chat: bool,
    local: Local,
    lines: mpsc::Sender<Line>,
    places: Arc<Semaphore>,
    subscription: Option<JoinHandle<()>>,
    garbage: u32,
}

impl Connection {
    async fn read<R: AsyncRead + Unpin>(&mut self, mut reader: BufReader<R>) {
        let mut line = Vec::new();
        loop {
            line.clear();
            match read_line(&mut reader, &mut line, MAX_REQUEST_BYTES).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let error = ShellError::BadRequest { reason: error.to_string() };
                    self.answer::<()>(None, Err(error.into())).await;
                    return;
                }
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            if !self.handle(&line).await {
                return;
            }
        }
    }

    /// `false` when the connection is to end.
    async fn handle(&mut self, line: &[u8]) -> bool {
        let (id, ask) = line::parse(line);
        let (Some(id), Ok(ask)) = (id, ask.as_ref()) else {
            let error = ask.err().unwrap_or(ShellError::Busy);
            self.garbage += 1;
            return self.answer::<()>(id, Err(error.into())).await && self.garbage < MAX_GARBAGE;
        };
        let places = if matches!(ask, Ask::Query(_)) { PLACES_OF_A_PAGE } else { 1 };
        let place = Arc::clone(&self.places).acquire_many_owned(places).await;
        let Ok(place) = place else { return false };
        match ask {
            Ask::Command(command) => {
                let command = self.on_this_screen(command.clone());
                let asked = self.local.submit(|answer| Request::Command { command, answer }).await;
                self.answer_later(id, place, flatten(asked));
            }
            Ask::Query(query) => {
                let (store, query) = (Arc::clone(&self.local.store), query.clone());
                let asked = async move { store.query(query).await.map_err(RequestError::from) };
                self.answer_later(id, place, asked);
            }
            Ask::Subscribe(on) => {
                self.subscribe(*on);
                return self.answer(Some(id), Ok(Nothing {})).await;
            }
            Ask::Shell(ShellAsk::Status) => {
                let asked = self.local.submit(|answer| Request::Status { answer }).await;
                self.answer_later(id, place, flatten(asked));
            }
            Ask::Shell(ShellAsk::SetHub { origin }) => {
                let origin = origin.clone();
                let asked = self.local.submit(|answer| Request::SetHub { origin, answer }).await;
                let asked = flatten(asked);
                self.answer_later(id, place, async { asked.await.map(|()| Nothing {}) });
            }
            Ask::Shell(ShellAsk::Stop) => {
                let open = self.answer(Some(id), Ok(Nothing {})).await;
                // Gone already is as good.
                let _ = self.local.requests.send(Request::Stop).await;
                return open;
            }
        }
        true
    }

    /// The connection is the screen, whatever number the command has.
    fn on_this_screen(&mut self, command: Command) -> Command {
        let screen = self.screen;
        match command {
            Command::OpenChat { contact, .. } => {
                self.showed_chat = true;
                Command::OpenChat { contact, screen }
            }
            Command::CloseChat { contact, .. } => Command::CloseChat { contact, screen },
            Command::CloseScreen { .. } => Command::CloseScreen { screen },
            other => other,
        }
    }

    fn answer_later<T: Serialize + Send + 'static>(
        &self,
        id: u64,
        place: OwnedSemaphorePermit,
        result: impl Future<Output = Result<T, RequestError>> + Send + 'static,
    ) {
        let lines = self.lines.clone();
        tokio::spawn(async move {
            let result = result.await;
            let line = line::answer(Some(id), result.as_ref());
            // Whoever asked may be gone.
            let _ = lines.send((line, Some(place))).await;
        });
    }

    async fn answer<T: Serialize>(&self, id: Option<u64>, result: Result<T, RequestError>) -> bool {
        self.lines.send((line::answer(id, result.as_ref()), None)).await.is_ok()
    }

    fn subscribe(&mut self, on: bool) {
        match (on, &self.subscription) {
            (true, None) => {
                let events = self.local.events.subscribe();
                let lines = self.lines.clone();
                self.subscription = Some(tokio::spawn(forward(events, lines)));
            }
            (false, Some(_)) => {
                if let Some(task) = self.subscription.take() {
                    task.abort();
                }
            }
            _ => {}
        }
    }

    async fn end(self) {
        if let Some(task) = self.subscription {
            task.abort();
        }
        if self.showed_chat {
            let command = Command::CloseScreen { screen: self.screen };
            // A node that is gone has no screens.
            let _ = self.local.submit(|answer| Request::Command { command, answer }).await;
        }
    }
}

/// The answer to a command that has nothing to tell: `{}`.
#[derive(Serialize)]
struct Nothing {}

/// Events that were lost because this connection is too slow.
#[derive(Serialize)]
struct Missed {
    event: &'static str,
    missed: u64,
}

type Asked<T> = Result<tokio::sync::oneshot::Receiver<Result<T, RequestError>>, RequestError>;

async fn flatten<T>(asked: Asked<T>) -> Result<T, RequestError> {
    asked?.await.map_err(|_| RequestError::Closed)?
}

async fn forward(mut events: Reader<Arc<Event>>, lines: mpsc::Sender<Line>) {
    loop {
        let line = match events.recv().await {
            Ok(event) => serde_json::to_string(&*event),
            Err(NoItem::Missed(missed)) => {
                serde_json::to_string(&Missed { event: "missed", missed })
            }
            Err(NoItem::Ended) => return,
        };
        let Ok(line) = line else { continue };
        if lines.send((line, None)).await.is_err() {
            return;
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut lines: mpsc::Receiver<Line>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    while let Some(first) = lines.recv().await {
        let mut next = Some(first);
        while let Some((line, place)) = next {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
            places.extend(place);
            next = if bytes.len() < WRITE_BYTES { lines.try_recv().ok() } else { None };
        }
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
        bytes.clear();
        bytes.shrink_to(WRITE_BYTES);
        places.clear();
    }
}

/// Reads a line without its end into `line`; `false` at the end of the stream.
///
/// # Errors
/// The stream's, or that a line is longer than `limit`.
pub(crate) async fn read_line<R: AsyncRead + Unpin>(
    reader: &mut BufReader<R>,
    line: &mut Vec<u8>,
    limit: usize,
) -> io::Result<bool> {
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            // A last line without an end was cut off: nobody can say what it should have been.
            return Ok(false);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        if line.len() + taken > limit {
            return Err(io::Error::other(format!("a line is longer than {limit} bytes")));
        }
        line.extend_from_slice(&available[..taken]);
        reader.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(true);
        }
    }
}
