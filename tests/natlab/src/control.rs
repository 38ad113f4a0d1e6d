//! A node's control socket (`docs/control-socket.md`).

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection for questions.
#[derive(Debug)]
pub struct Control {
    stream: BufReader<UnixStream>,
    next: u64,
}

impl Control {
    /// Connects to the node with this home.
    ///
    /// # Errors
    /// When none listens there, or not yet.
    pub fn connect(home: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(home.join("control.sock"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), next: 1 })
    }

    /// Asks with these fields, and gives what is `ok`.
    ///
    /// # Errors
    /// The node's words when it refuses.
    pub fn ask(&mut self, mut request: Value) -> Result<Value, String> {
        let id = self.next;
        self.next += 1;
        request["id"] = json!(id);
        let told = |error: io::Error| format!("the control socket: {error}");
        writeln!(self.stream.get_mut(), "{request}").map_err(told)?;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).map_err(told)?;
            let mut answer: Value =
                serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
            if answer["id"] != id {
                continue;
            }
            return match answer["ok"].take() {
                Value::Null => Err(answer.to_string()),
                ok => Ok(ok),
            };
        }
    }

    /// Makes of it a stream of events.
    ///
    /// # Errors
    /// When the node refuses.
    pub fn into_events(mut self) -> Result<Events, String> {
        self.ask(json!({"subscribe": true}))?;
        let _ = self.stream.get_ref().set_read_timeout(None);
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in self.stream.lines().map_while(Result::ok) {
                let Ok(event) = serde_json::from_str(&line) else { continue };
                if sender.send((Instant::now(), event)).is_err() {
                    return;
                }
            }
        });
        Ok(Events { receiver })
    }
}

/// What happens at a node, with the moment at which we heard of it.
#[derive(Debug)]
pub struct Events {
    receiver: Receiver<(Instant, Value)>,
}

impl Events {
    /// The moment of the first event that is wanted, if it comes before `end`. Those before it
    /// are gone then.
    pub fn until(&self, end: Instant, wanted: impl Fn(&Value) -> bool) -> Option<Instant> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (at, event) = self.receiver.recv_timeout(left).ok()?;
            if wanted(&event) {
                return Some(at);
            }
        }
    }
}
