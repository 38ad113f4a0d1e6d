//! The reference: what was said to whom and what became of it, kept in the simplest way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tincan_engine::{Delivery, Time};
use tincan_wire::MessageId;

/// By this every content begins; nothing else that an engine sends does.
pub const MARK: &str = "said by ";

/// One thing that was said.
#[derive(Clone, Debug)]
pub struct Said {
    /// The words, of which no two are alike.
    pub content: String,
    /// What the one who said it was told.
    pub fate: Fate,
}

/// What the one who said something was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet, or never, since the process died: it may be on its disk or not.
    Open,
    /// It is on the sender's disk.
    Stored(MessageId),
    /// It was not taken, and so must not be anywhere.
    Refused,
}

/// What was said, and what screens were told of it.
#[derive(Debug, Default)]
pub struct Model {
    said: BTreeMap<(usize, usize), Vec<Said>>,
    said_bytes: usize,
    commands: BTreeMap<u64, (usize, usize, usize)>,
    /// Those whose sender has given up on them.
    given_up: BTreeSet<MessageId>,
    /// For each node, the messages of others that its screens were shown.
    shown: BTreeSet<(usize, MessageId)>,
    /// For each sender, how far screens were told that a message has come in this run.
    told: BTreeMap<(usize, MessageId), Delivery>,
    /// For node, contact and direction, the positions in the order of the display.
    places: BTreeMap<(usize, usize, bool), Places>,
}

/// Positions by their place in the display.
type Places = BTreeMap<(u64, MessageId), u64>;

impl Model {
    /// Someone says something new by the command of this number; gives the words.
    pub fn say(&mut self, command: u64, from: usize, to: usize, bytes: usize) -> String {
        let list = self.said.entry((from, to)).or_default();
        let mut content = format!("{MARK}{from} to {to}: {}.", list.len());
        let padding = bytes.saturating_sub(content.len());
        content.extend(std::iter::repeat_n('x', padding));
        self.said_bytes += content.len();
        self.commands.insert(command, (from, to, list.len()));
        list.push(Said { content: content.clone(), fate: Fate::Open });
        content
    }

    /// A command of [`Model::say`] was answered.
    pub fn answer(&mut self, command: u64, fate: Fate) {
        if let Some((from, to, nth)) = self.commands.remove(&command)
            && let Some(said) = self.said.get_mut(&(from, to)).and_then(|list| list.get_mut(nth))
        {
            said.fate = fate;
        }
    }

    /// The bytes of all that anybody has said.
    #[must_use]
    pub fn said_bytes(&self) -> usize {
        self.said_bytes
    }

    /// What `from` has said to `to`, in order.
    #[must_use]
    pub fn said(&self, from: usize, to: usize) -> &[Said] {
        self.said.get(&(from, to)).map_or(&[], Vec::as_slice)
    }

    /// Someone gives up on a message.
    pub fn give_up(&mut self, id: MessageId) {
        self.given_up.insert(id);
    }

    /// Whether somebody gave up on it.
    #[must_use]
    pub fn is_given_up(&self, id: MessageId) -> bool {
        self.given_up.contains(&id)
    }

    /// A screen shows a message of another; false if one did before.
    pub fn show(&mut self, node: usize, id: MessageId) -> bool {
        self.shown.insert((node, id))
    }

    /// Screens are told how far a message of ours has come; gives what they were told before in
    /// this run.
    pub fn tell(&mut self, node: usize, id: MessageId, state: Delivery) -> Option<Delivery> {
        self.told.insert((node, id), state)
    }

    /// How far screens of this run were told that a message has come.
    #[must_use]
    pub fn told(&self, node: usize, id: MessageId) -> Option<Delivery> {
        self.told.get(&(node, id)).copied()
    }

    /// A run of a node ends, and with it what its screens show.
    pub fn forget_screens(&mut self, node: usize) {
        self.told.retain(|(of, _), _| *of != node);
    }

    /// A message takes its place in a history.
    ///
    /// # Errors
    /// The order of the display is not that of the positions; in words.
    pub fn place(
        &mut self,
        (node, other, outgoing): (usize, usize, bool),
        (h, id, s): (u64, MessageId, u64),
    ) -> Result<(), String> {
        let places = self.places.entry((node, other, outgoing)).or_default();
        let before = places.range(..(h, id)).next_back().map(|(_, s)| *s);
        let after = places.range((h, id)..).next().map(|(_, s)| *s);
        if before.is_none_or(|before| before < s) && after.is_none_or(|after| s < after) {
            places.insert((h, id), s);
            return Ok(());
        }
        Err(format!("position {s} is displayed after {before:?} and before {after:?}"))
    }
}

/// Whether a message of this time may have been given up because of its age.
#[must_use]
pub fn is_too_old(timestamp: u64, now: Time, lifetime: Duration) -> bool {
    timestamp < (now - lifetime).as_millis()
}
