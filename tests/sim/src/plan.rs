//! The plan of a run: who takes part, and a list of timed actions. Everything that happens follows
//! from it, so that an action can be left out and the rest be run again.
//!
//! As text, a plan is one JSON object a line: first the setting, then the actions.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// A run from its first moment to the moment at which all faults stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Who takes part and how they are set.
    pub setting: Setting,
    /// What they and the faults do, in the order of time.
    pub actions: Vec<Timed>,
}

/// Who takes part and how they are set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// What the world's dice begin with.
    pub seed: u64,
    /// The machines, 2 to 8.
    pub nodes: Vec<Machine>,
    /// They are contacts of each other from the start; else who wants to talk asks first.
    pub friends: bool,
    /// `Config::window_messages` of all.
    pub window: usize,
    /// `Config::max_sessions` of all.
    pub sessions: usize,
    /// `Config::idle_after` of all, in seconds.
    pub idle_secs: u64,
    /// `Config::pause_bytes` of all; `resume_bytes` is a quarter of it.
    pub pause_bytes: usize,
    /// From the last action to the end of all faults, in milliseconds.
    pub tail_ms: u64,
    /// Everything that goes into the engines is recorded and played again.
    pub replayed: bool,
    /// Once everything is delivered the world goes on, until everyone must see each other online.
    #[serde(default)]
    pub goes_on: bool,
}

/// One machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// By how many milliseconds its wall clock is wrong.
    pub off_ms: i64,
    /// By how many millionths it runs too fast.
    pub drift_ppm: i64,
}

/// An action and when it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Milliseconds since the start.
    pub at: u64,
    /// What happens.
    #[serde(rename = "do")]
    pub action: Action,
}

/// What people and faults do. Nodes are numbers from 0; `ms` is how long a fault lasts, though
/// none outlasts the end of all faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each action says what its fields are for")]
pub enum Action {
    /// Someone says something, `count` times, each of about `bytes`.
    Send { from: usize, to: usize, count: u64, bytes: usize },
    /// Someone has seen everything of a contact.
    Read { node: usize, of: usize },
    /// Someone opens a chat.
    Open { node: usize, with: usize },
    /// Someone closes it.
    Close { node: usize, with: usize },
    /// Someone types.
    Type { node: usize, to: usize, on: bool },
    /// Someone gives up on a message of theirs: the `back`th from the last that waits.
    Cancel { node: usize, to: usize, back: usize },
    /// Someone blocks a contact.
    Block { node: usize, who: usize },
    /// Someone takes it back.
    Unblock { node: usize, who: usize },
    /// Someone leaves the broker, and stays away.
    Leave { node: usize },
    /// They come back.
    Return { node: usize },
    /// Someone ends the program as one should; it is started again after `ms`.
    Quit { node: usize, ms: u64 },
    /// Someone makes an invite, and another uses it.
    Invite { node: usize, guest: usize },

    /// The process dies after `after` more outputs. Of the transactions under way the first
    /// `kept` are on disk by then. It is started again after `ms`.
    Crash { node: usize, after: u64, kept: usize, ms: u64 },
    /// The process gets no time; what comes for it waits.
    Sleep { node: usize, ms: u64 },
    /// Somebody sets the wall clock.
    Jump { node: usize, by_ms: i64 },
    /// The machine is suspended for so long, while the rest of the world stands still.
    Leap { node: usize, by_ms: u64 },

    /// The disk needs `each_ms` for each transaction.
    SlowDisk { node: usize, each_ms: u64, ms: u64 },
    /// The disk refuses.
    BadDisk { node: usize, refuses: Refuses, ms: u64 },

    /// The broker mistreats messages.
    Weather { weather: Weather, ms: u64 },
    /// The broker is down, or as good as; every link to it ends. It may `forget` its sessions.
    BrokerDown { door: Door, forget: bool, ms: u64 },
    /// One link to the broker ends; the node hears of it after `unheard_ms`.
    CutOff { node: usize, forget: bool, unheard_ms: u64 },
    /// The nodes in the bit mask `side` and the rest do not reach each other at the broker.
    Split { side: u8, ms: u64 },

    /// The path between two nodes carries nothing from `a` to `b`, or back, or both ways. Where it
    /// `breaks` the connections, only an ICE restart or a new session mends them.
    Wall { a: usize, b: usize, there: bool, back: bool, breaks: bool, ms: u64 },
    /// The connections of two nodes end; each is told of it, or neither.
    Kill { a: usize, b: usize, told: bool },
    /// The path between two nodes takes `each_ms` longer.
    Stall { a: usize, b: usize, each_ms: u64, ms: u64 },
    /// A node gets another address, and its shell may notice it.
    Move { node: usize, noticed: bool },

    /// Somebody who has broken DTLS sits at the other end of each connection that `node` opens
    /// to `to`.
    Impostor { node: usize, to: usize, ms: u64 },
    /// A contact that means ill floods a node.
    Flood { node: usize, with: Flood, count: usize },
}

/// What a disk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refuses {
    /// Everything, reading included.
    All,
    /// What makes it grow: it is full.
    Messages,
    /// Every other transaction.
    Half,
    /// Reading the outbox.
    Pages,
}

/// How the broker meets who wants to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// It takes everyone.
    Open,
    /// It refuses the connection.
    Refuses,
    /// It refuses the credentials.
    RefusesCredentials,
    /// It does not answer.
    Silent,
}

/// Of 1,000 messages through the broker, so many meet this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Weather {
    /// Lost.
    pub lost: u64,
    /// Delivered twice.
    pub twice: u64,
    /// Delivered once more, up to a minute later.
    pub echoed: u64,
    /// Changed in one byte.
    pub damaged: u64,
    /// Marked as retained.
    pub retained: u64,
    /// Moved to another topic.
    pub moved: u64,
    /// Up to so many milliseconds later; topics overtake each other.
    pub late_ms: u64,
}

/// What a contact that means ill sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flood {
    /// Heartbeats of ever new devices.
    Devices,
    /// Candidates of sessions that do not exist.
    Candidates,
    /// Offers, each of a new session.
    Offers,
    /// Messages far ahead of a gap, by a connection of their own.
    Gaps,
    /// Messages of ever new logs, likewise.
    Logs,
    /// Bytes that are nothing.
    Garbage,
}

impl Plan {
    /// The plan as text.
    ///
    /// # Errors
    /// None that a plan can cause.
    pub fn print(&self) -> Result<String> {
        let mut text = serde_json::to_string(&self.setting)?;
        text.push('\n');
        for action in &self.actions {
            text.push_str(&serde_json::to_string(action)?);
            text.push('\n');
        }
        Ok(text)
    }

    /// Reads what [`Plan::print`] wrote. Empty lines and those that begin with `#` are skipped.
    ///
    /// # Errors
    /// A line is no setting or action; the message says which.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let (_, first) = lines.next().context("a plan begins with its setting")?;
        let setting = serde_json::from_str(first).context("the setting of the plan")?;
        let actions = lines
            .map(|(number, line)| {
                serde_json::from_str(line).with_context(|| format!("line {}", number + 1))
            })
            .collect::<Result<_>>()?;
        Ok(Self { setting, actions })
    }

    /// When all faults stop, in milliseconds since the start.
    #[must_use]
    pub fn end_ms(&self) -> u64 {
        self.actions.last().map_or(0, |last| last.at) + self.setting.tail_ms
    }
}

impl Plan {
    /// The highest number of a node that the actions name, plus one, but at least 2.
    #[must_use]
    pub fn people(&self) -> usize {
        let named = self.actions.iter().flat_map(|timed| timed.action.people());
        named.map(|node| node + 1).max().unwrap_or(0).max(2)
    }
}

impl Action {
    /// The nodes that an action names.
    fn people(&self) -> Vec<usize> {
        match self {
            Self::Send { from, to, .. } => vec![*from, *to],
            Self::Read { node, of: other }
            | Self::Open { node, with: other }
            | Self::Close { node, with: other }
            | Self::Type { node, to: other, .. }
            | Self::Cancel { node, to: other, .. }
            | Self::Block { node, who: other }
            | Self::Unblock { node, who: other }
            | Self::Invite { node, guest: other }
            | Self::Impostor { node, to: other, .. } => vec![*node, *other],
            Self::Wall { a, b, .. } | Self::Kill { a, b, .. } | Self::Stall { a, b, .. } => {
                vec![*a, *b]
            }
            Self::Leave { node }
            | Self::Return { node }
            | Self::Quit { node, .. }
            | Self::Crash { node, .. }
            | Self::Sleep { node, .. }
            | Self::Jump { node, .. }
            | Self::Leap { node, .. }
            | Self::SlowDisk { node, .. }
            | Self::BadDisk { node, .. }
            | Self::CutOff { node, .. }
            | Self::Move { node, .. }
            | Self::Flood { node, .. } => vec![*node],
            Self::Weather { .. } | Self::BrokerDown { .. } | Self::Split { .. } => Vec::new(),
        }
    }
}
