//! The end of all faults: everything works again, everyone is there, and what waits must arrive
//! within a bounded time.

use std::time::Duration;

use tincan_engine::{Command, Delivery, PeerState};

use super::deeds::SCREEN;
use super::process::{Asked, brief};
use super::{Happening, ROGUE, World};
use crate::invariant::Invariant;

/// Everything that waits arrives within this, once all faults have stopped. The longest wait is
/// for a sign of life of a contact that was given up: one heartbeat of 5 min, and an attempt.
const DRAINED_WITHIN: Duration = Duration::from_secs(6 * 60);
/// The same where people were still asking each other: a request is repeated after a minute, then
/// after a quarter of an hour, then once a day.
const ACQUAINTED_WITHIN: Duration = Duration::from_secs(25 * 3_600);
/// After this everyone has been heard twice: two heartbeats of 5 min, and some.
const PEACE_AFTER: Duration = Duration::from_secs(11 * 60);
/// How long the last acknowledgements may take to the disks.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

impl World {
    pub(super) fn heal(&mut self) {
        let now = self.now;
        self.note(|| "all faults stop".into());
        self.healed = true;
        self.broker.heal(now);
        self.walls_fall();
        for node in 0..self.nodes.len() {
            let slot = &mut self.nodes[node];
            slot.storage.heal(now);
            slot.asleep_until = now;
            slot.forgo_doom();
            slot.away = false;
            self.at(now, Happening::Wake { node });
            let slot = &self.nodes[node];
            if slot.engine.is_none() || slot.is_parting {
                self.at(now, Happening::Begin { node });
            } else {
                self.command(node, Command::Connect, Asked::Other);
                self.forgive(node);
                self.make_way(node);
            }
        }
    }

    /// Whoever was blocked is no longer.
    pub(super) fn forgive(&mut self, node: usize) {
        for who in std::mem::take(&mut self.nodes[node].blocked) {
            self.unblock(node, who);
        }
    }

    /// Where there are fewer sessions than contacts, a chat on a screen keeps others out by right.
    fn make_way(&mut self, node: usize) {
        if self.plan.setting.sessions < self.nodes.len() {
            self.command(node, Command::CloseScreen { screen: SCREEN }, Asked::Other);
        }
    }

    /// Runs until every outbox is empty.
    pub(super) fn drain_everything(&mut self) {
        let bound = if self.plan.setting.friends { DRAINED_WITHIN } else { ACQUAINTED_WITHIN };
        let end = self.now + bound;
        while self.breach.is_none() && !self.is_drained() {
            if !self.step(end) {
                let what = format!("not within {bound:?}: {}", self.undelivered());
                return self.broken(Invariant::NothingWaits, what);
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.nodes.iter().all(|node| {
            node.engine.is_some()
                && node.asked.is_empty()
                && self
                    .contacts_of(node.number)
                    .all(|other| node.disk.waiting(self.nodes[other].id).is_empty())
                && self.contacts_of(node.number).all(|other| self.counted(node.number, other) == 0)
        })
    }

    /// How many a node believes to wait for another. It may be wrong about them for a moment: what
    /// grew too old on a disk that refuses to be read is known when it is read.
    fn counted(&self, node: usize, other: usize) -> u64 {
        let contact = self.nodes[other].id;
        let Some(engine) = &self.nodes[node].engine else { return 0 };
        let view = engine.status().contacts.into_iter().find(|view| view.id == contact);
        view.map_or(0, |view| view.waiting)
    }

    fn contacts_of(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(move |other| {
            *other != node && self.nodes[node].disk.contacts.contains_key(&self.nodes[*other].id)
        })
    }

    fn undelivered(&self) -> String {
        let mut text = String::new();
        for node in 0..self.nodes.len() {
            for other in self.contacts_of(node) {
                let waiting = self.nodes[node].disk.waiting(self.nodes[other].id).len();
                let counted = self.counted(node, other);
                text += &format!(
                    "{waiting} from {node} to {other}, of which {node} counts {counted}; "
                );
            }
            text += &format!("{} unanswered of {node}; ", self.nodes[node].asked.len());
        }
        text
    }

    /// Both histories of each pair are the same conversation, and it is what was said.
    pub(super) fn check_end(&mut self) {
        if self.breach.is_some() {
            return;
        }
        self.run_until(self.now + SETTLED_AFTER);
        for node in 0..self.nodes.len() {
            let others: Vec<_> = self.contacts_of(node).collect();
            for other in others {
                self.check_histories(node, other);
                self.check_said(node, other);
                self.check_outbox(node, other);
            }
        }
        if self.plan.setting.goes_on {
            self.check_peace();
        }
        self.replay_all();
    }

    /// After a while without faults everyone sees each other online, and no session is left that
    /// neither stands nor is over.
    fn check_peace(&mut self) {
        self.run_until(self.now + PEACE_AFTER);
        let setting = &self.plan.setting;
        if !setting.friends || setting.sessions < self.nodes.len() {
            return;
        }
        for node in 0..self.nodes.len() {
            let Some(engine) = &self.nodes[node].engine else { continue };
            let odd = engine.status().contacts.into_iter().find(|contact| {
                let settled =
                    matches!(contact.peer.state, PeerState::Connected | PeerState::Closed);
                let is_ours = self.who.get(&contact.id).is_some_and(|other| *other != ROGUE);
                is_ours && !(contact.online && settled)
            });
            if let Some(contact) = odd {
                let (online, state) = (contact.online, contact.peer.state);
                let what = format!("{node} sees a contact as {state:?}, online: {online}");
                return self.broken(Invariant::NothingWaits, what);
            }
        }
    }

    /// Leaves out what one has given up on: the other may have it or not.
    fn check_histories(&mut self, node: usize, other: usize) {
        let (a, b) = (&self.nodes[node], &self.nodes[other]);
        let ours = a.disk.history(a.id, b.id);
        let theirs = b.disk.history(b.id, a.id);
        let failed: Vec<_> = ours
            .iter()
            .chain(&theirs)
            .filter(|message| message.outgoing && message.state == Delivery::Failed)
            .map(|message| message.id)
            .collect();
        let told = |list: Vec<tincan_engine::MessageView>| {
            let list = list.into_iter().filter(|message| !failed.contains(&message.id));
            list.map(|m| (m.id, m.lg, m.s, m.h, m.timestamp, m.content)).collect::<Vec<_>>()
        };
        let (ours, theirs) = (told(ours), told(theirs));
        if ours != theirs {
            let what = format!("{node} and {other} remember {} and {}", ours.len(), theirs.len());
            self.broken(Invariant::OnceInOrder, what);
        }
    }

    /// What was taken is there, in the order in which it was said; what was refused is not.
    fn check_said(&mut self, node: usize, other: usize) {
        let contact = self.nodes[other].id;
        let history = self.nodes[node].disk.history(self.nodes[node].id, contact);
        let mut kept = history.iter().filter(|message| message.outgoing);
        for said in self.model.said(node, other) {
            let is_kept = match said.fate {
                crate::model::Fate::Refused => false,
                crate::model::Fate::Stored(_) => true,
                crate::model::Fate::Open => history.iter().any(|m| m.content == said.content),
            };
            if is_kept && kept.next().is_none_or(|message| message.content != said.content) {
                let what = format!("{node} said `{}`, which is not there", brief(&said.content));
                return self.broken(Invariant::OnceInOrder, what);
            }
        }
        if let Some(message) = kept.next() {
            let what = format!("{node} never said `{}`", brief(&message.content));
            self.broken(Invariant::OnceInOrder, what);
        }
    }

    fn check_outbox(&mut self, node: usize, other: usize) {
        let waiting = self.counted(node, other);
        if waiting > 0 {
            let what = format!("{node} counts {waiting} for {other} that are delivered");
            self.broken(Invariant::NothingWaits, what);
        }
    }
}
