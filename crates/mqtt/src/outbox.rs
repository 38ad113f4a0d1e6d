//! QoS 1 publishes from the moment they are taken until the broker acknowledges them.
//!
//! Order is kept: what was in flight when a connection ended goes out again before what waits,
//! with the same packet id and the DUP flag if the broker still has the session, else as new. The
//! exception are suspects, which may be why connections end: they go last.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{DropReason, Publish, QueueFull};

#[derive(Debug)]
struct Entry {
    publish: Publish,
    /// When it was taken; its expiry counts from here.
    taken_ms: u64,
    /// Its packet id, kept while the broker may know it.
    id: Option<u16>,
    /// The broker may have it already.
    dup: bool,
    /// On how many connections it was sent.
    deliveries: u8,
    sent_ms: u64,
}

/// A publish whose turn it is.
#[derive(Debug)]
pub(crate) struct Next<'a> {
    pub(crate) publish: &'a Publish,
    pub(crate) id: u16,
    pub(crate) dup: bool,
    /// What is left of its expiry.
    pub(crate) expiry: Option<Duration>,
}

/// A publish that is given up, by its token.
pub(crate) type Dropped = (u64, DropReason);

#[derive(Debug)]
pub(crate) struct Outbox {
    /// Sent on this connection, in the order of sending.
    in_flight: VecDeque<Entry>,
    waiting: VecDeque<Entry>,
    /// Those that many connections did not survive; they wait until nothing else does.
    suspects: VecDeque<Entry>,
    /// How many may be in flight: the broker's receive maximum.
    window: usize,
    max_queued: usize,
    suspect_after: u8,
    last_id: u16,
}

impl Outbox {
    pub(crate) fn new(max_queued: usize, suspect_after: u8) -> Self {
        Self {
            in_flight: VecDeque::new(),
            waiting: VecDeque::new(),
            suspects: VecDeque::new(),
            window: usize::from(u16::MAX),
            // Packet ids are 16 bits, and some are for subscriptions.
            max_queued: max_queued.min(usize::from(u16::MAX) / 2),
            suspect_after: suspect_after.max(1),
            last_id: 0,
        }
    }

    pub(crate) fn push(&mut self, now_ms: u64, publish: Publish) -> Result<(), QueueFull> {
        let queued = self.in_flight.len() + self.waiting.len() + self.suspects.len();
        if queued >= self.max_queued {
            return Err(QueueFull { queued });
        }
        let entry =
            Entry { publish, taken_ms: now_ms, id: None, dup: false, deliveries: 0, sent_ms: 0 };
        self.waiting.push_back(entry);
        Ok(())
    }

    /// A connection is accepted. Without the old session the broker knows no packet id.
    pub(crate) fn connected(&mut self, session_present: bool, receive_maximum: Option<u16>) {
        self.window = usize::from(receive_maximum.unwrap_or(u16::MAX));
        if !session_present {
            for entry in self.waiting.iter_mut().chain(&mut self.suspects) {
                entry.id = None;
                entry.dup = false;
            }
        }
    }

    /// The connection is gone: what was in flight waits again, before the rest, or as a suspect.
    pub(crate) fn disconnected(&mut self) {
        let is_suspect = |entry: &Entry| entry.deliveries >= self.suspect_after;
        let (suspects, mut again): (VecDeque<_>, VecDeque<_>) =
            self.in_flight.drain(..).partition(is_suspect);
        self.suspects.extend(suspects);
        again.append(&mut self.waiting);
        self.waiting = again;
    }

    /// Drops what has expired before it could be sent.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Vec<Dropped> {
        let mut dropped = vec![];
        let mut is_alive = |entry: &Entry| {
            let alive = entry.expires_ms().is_none_or(|at| now_ms < at);
            if !alive {
                dropped.push((entry.publish.token, DropReason::Expired));
            }
            alive
        };
        self.waiting.retain(&mut is_alive);
        self.suspects.retain(&mut is_alive);
        dropped
    }

    /// The publish to send next, if the window has room. `taken` names packet ids in use
    /// elsewhere. Answer with [`sent`](Self::sent) or [`give_up`](Self::give_up).
    pub(crate) fn next(&mut self, now_ms: u64, taken: impl Fn(u16) -> bool) -> Option<Next<'_>> {
        if self.in_flight.len() >= self.window {
            return None;
        }
        if self.waiting.is_empty() && self.in_flight.is_empty() {
            // One at a time: if it is the one, the others are not blamed for it.
            self.waiting.extend(self.suspects.pop_front());
        }
        let id = match self.waiting.front()?.id {
            Some(id) => id,
            None => self.free_id(taken),
        };
        let entry = self.waiting.front_mut()?;
        entry.id = Some(id);
        let left_ms = entry.expires_ms().map(|at| at.saturating_sub(now_ms));
        let expiry = left_ms.map(Duration::from_millis);
        Some(Next { publish: &entry.publish, id, dup: entry.dup, expiry })
    }

    pub(crate) fn sent(&mut self, now_ms: u64) {
        if let Some(mut entry) = self.waiting.pop_front() {
            entry.dup = true;
            entry.deliveries = entry.deliveries.saturating_add(1);
            entry.sent_ms = now_ms;
            self.in_flight.push_back(entry);
        }
    }

    pub(crate) fn give_up(&mut self) -> Option<u64> {
        self.waiting.pop_front().map(|entry| entry.publish.token)
    }

    /// Takes a PUBACK; returns the token, or `None` if nothing waits for it.
    pub(crate) fn acknowledged(&mut self, id: u16) -> Option<u64> {
        let at = self.in_flight.iter().position(|entry| entry.id == Some(id))?;
        self.in_flight.remove(at).map(|entry| entry.publish.token)
    }

    /// A packet id that is free here; `taken` names those in use elsewhere.
    pub(crate) fn free_id(&mut self, taken: impl Fn(u16) -> bool) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !taken(self.last_id) && !self.uses_id(self.last_id) {
                return self.last_id;
            }
        }
    }

    fn uses_id(&self, id: u16) -> bool {
        let mut entries = self.in_flight.iter().chain(&self.waiting).chain(&self.suspects);
        entries.any(|entry| entry.id == Some(id))
    }

    /// When the oldest publish in flight was sent.
    pub(crate) fn oldest_sent_ms(&self) -> Option<u64> {
        self.in_flight.front().map(|entry| entry.sent_ms)
    }

    /// When the next waiting publish expires.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        self.waiting.iter().chain(&self.suspects).filter_map(Entry::expires_ms).min()
    }
}

impl Entry {
    fn expires_ms(&self) -> Option<u64> {
        let expiry = u64::try_from(self.publish.expiry?.as_millis()).unwrap_or(u64::MAX);
        Some(self.taken_ms.saturating_add(expiry))
    }
}
