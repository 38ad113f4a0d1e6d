//! What the fuzz targets reach: what a node reads from its settings, from a hub and at its control
//! socket. Nothing else uses it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tincan_engine::{Answer, Event, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::broker::MeetingPlace;
use crate::control::{self, Heard, Update};
use crate::hub_client::{Ask, Challenge, HubConfig, Ice, Origin, exchange};
use crate::ice_servers;
use crate::request::{RequestError, ShellStatus};

/// A remembered meeting place, read and written again.
#[must_use]
pub fn meeting_place(setting: &str) -> String {
    MeetingPlace::from_setting(setting).to_setting()
}

/// Host and port of a STUN or TURN server.
#[must_use]
pub fn ice_url(url: &str) -> Option<(String, u16)> {
    ice_servers::parse(url).map(|url| (url.host, url.port))
}

/// Brokers and STUN servers of a hub's `/config.json`.
#[must_use]
pub fn hub_config(body: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    HubConfig::read(body).ok().map(|config| (config.brokers, config.stun))
}

/// Nonce and hub's name of its `/challenge`.
#[must_use]
pub fn hub_challenge(body: &[u8]) -> Option<(String, String)> {
    Challenge::read(body).ok().map(|challenge| (challenge.nonce, challenge.aud))
}

/// The URLs of its `/ice`.
#[must_use]
pub fn hub_ice(body: &[u8]) -> Option<Vec<String>> {
    let ice = Ice::read(body).ok()?;
    Some(ice.entries.into_iter().flat_map(|entry| entry.urls).collect())
}

/// The body of a hub's answer over HTTP, of which these are all bytes.
#[must_use]
pub fn hub_answer(bytes: &[u8]) -> Option<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let origin = Origin { secure: false, host: "hub".to_owned(), port: 80 };
    runtime.block_on(async {
        let (client, mut server) = tokio::io::duplex(bytes.len().max(1024));
        let hub = async {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                match server.read_u8().await {
                    Ok(byte) => asked.push(byte),
                    Err(_) => return,
                }
            }
            // The client may have had enough before all is written.
            let _ = server.write_all(bytes).await;
            let _ = server.shutdown().await;
        };
        let asked = exchange(client, &origin, "/config.json", Ask::Get);
        let ((), answer) = tokio::join!(hub, asked);
        answer.ok().map(|body| body.to_vec())
    })
}

/// A request of the control socket.
#[derive(Debug, PartialEq, Eq)]
pub struct ControlRequest {
    id: u64,
    ask: control::Ask,
}

impl ControlRequest {
    /// Reads a line.
    #[must_use]
    pub fn read(line: &[u8]) -> Option<Self> {
        let (id, ask) = control::parse(line);
        Some(Self { id: id?, ask: ask.ok()? })
    }

    /// As a client writes it.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        Some(control::request(self.id, self.ask.to_value().ok()?))
    }
}

/// The lines of a stream, as both ends of a control socket read them, with a buffer of so many
/// bytes; and whether one was refused because it is longer than `limit`.
#[must_use]
pub fn control_lines(stream: &[u8], buffer_bytes: usize, limit: usize) -> (Vec<Vec<u8>>, bool) {
    let mut lines = Vec::new();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return (lines, false);
    };
    runtime.block_on(async {
        let mut reader = BufReader::with_capacity(buffer_bytes.max(1), stream);
        loop {
            let mut line = Vec::new();
            match control::read_line(&mut reader, &mut line, limit).await {
                Ok(true) => lines.push(line),
                Ok(false) => return (lines, false),
                Err(_) => return (lines, true),
            }
        }
    })
}

/// A client of the control socket that waits for the answers to the requests 1 to `requests`.
#[derive(Debug)]
pub struct ControlScreen {
    screen: control::Screen,
}

/// What a line tells a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something happened.
    Event(Event),
    /// So many events were lost.
    Missed(u64),
    /// A request was done; the answer is JSON.
    Done(u64, String),
    /// A request was refused.
    Refused(u64, RequestError),
}

impl ControlScreen {
    /// One that has not heard anything yet.
    #[must_use]
    pub fn new(requests: u64) -> Self {
        Self { screen: control::Screen::new(requests) }
    }

    /// Reads a line.
    pub fn read(&mut self, line: &[u8]) -> Vec<Told> {
        let told = |heard| match heard {
            Heard::Update(Update::Event(event)) => Told::Event((*event).clone()),
            Heard::Update(Update::Missed(missed)) => Told::Missed(missed),
            Heard::Answer(id, Ok(value)) => Told::Done(id, value.to_string()),
            Heard::Answer(id, Err(error)) => Told::Refused(id, error),
        };
        self.screen.take(line).into_iter().map(told).collect()
    }
}

impl Told {
    /// The line that a node tells it with, if it has one.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Event(event) => serde_json::to_string(event).ok(),
            Self::Missed(missed) => {
                Some(serde_json::json!({ "event": "missed", "missed": missed }).to_string())
            }
            Self::Done(id, json) => {
                let value: Value = serde_json::from_str(json).ok()?;
                Some(control::answer(Some(*id), Ok(&value)))
            }
            Self::Refused(id, error) => Some(control::answer::<()>(Some(*id), Err(error))),
        }
    }
}

/// Whether an answer, where it is one to anything that can be asked, is the same when it is
/// written and read again.
#[must_use]
pub fn answers_last(json: &str) -> bool {
    fn lasts<T: Serialize + DeserializeOwned + PartialEq>(value: &Value) -> bool {
        let Ok(read) = serde_json::from_value::<T>(value.clone()) else { return true };
        let again = serde_json::to_value(&read).and_then(serde_json::from_value::<T>);
        again.is_ok_and(|again| again == read)
    }
    let Ok(value) = serde_json::from_str(json) else { return true };
    lasts::<Reply>(&value) && lasts::<Answer>(&value) && lasts::<ShellStatus>(&value)
}
