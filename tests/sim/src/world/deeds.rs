//! What the plan says: people's deeds and the faults of everything.

use std::time::Duration;

use tincan_engine::{Command, Input, Target};
use tincan_wire::Invite;

use super::process::Asked;
use super::{Happening, World, millis};
use crate::coverage::Row;
use crate::plan::{Action, Flood};

/// The screen on which people open chats.
pub(super) const SCREEN: u64 = 1;

impl World {
    pub(super) fn deed(&mut self, place: usize) {
        let Some(action) = self.plan.actions.get(place).map(|timed| timed.action.clone()) else {
            return;
        };
        self.note(|| format!("{action:?}"));
        match action {
            Action::Send { from, to, count, bytes } => self.say(from, to, count, bytes),
            Action::Read { node, of } => self.tells(node, Row::Marked, |world| Command::MarkRead {
                contact: world.nodes[of].id,
            }),
            Action::Open { node, with } => self.tells(node, Row::Opened, |world| {
                Command::OpenChat { contact: world.nodes[with].id, screen: SCREEN }
            }),
            Action::Close { node, with } => self.tells(node, Row::ClosedChat, |world| {
                Command::CloseChat { contact: world.nodes[with].id, screen: SCREEN }
            }),
            Action::Type { node, to, on } => self.tells(node, Row::Typed, |world| {
                Command::Typing { contact: world.nodes[to].id, on }
            }),
            Action::Cancel { node, to, back } => self.cancel(node, to, back),
            Action::Block { node, who } => self.block(node, who),
            Action::Unblock { node, who } => self.unblock(node, who),
            Action::Leave { node } => {
                self.nodes[node].away = true;
                self.tells(node, Row::Left, |_| Command::Disconnect);
            }
            Action::Return { node } => {
                self.nodes[node].away = false;
                self.tells(node, Row::Returned, |_| Command::Connect);
            }
            Action::Quit { node, ms } => self.quit(node, ms),
            Action::Invite { node, guest } => self.invite(node, guest),
            fault => self.fault(fault),
        }
    }

    fn fault(&mut self, action: Action) {
        let until = |world: &Self, ms| world.now + millis(ms);
        match action {
            Action::Crash { node, after, kept, ms } => self.doom(node, after, kept, ms),
            Action::Sleep { node, ms } => {
                self.count(Row::Slept);
                let wakes = until(self, ms);
                let asleep = &mut self.nodes[node].asleep_until;
                *asleep = wakes.max(*asleep);
                self.at(wakes, Happening::Wake { node });
            }
            Action::Jump { node, by_ms } => self.nodes[node].clock.jump(by_ms),
            Action::Leap { node, by_ms } => {
                self.count(Row::Leapt);
                self.nodes[node].clock.leap(millis(by_ms));
                let local = self.nodes[node].local(self.now);
                self.nodes[node].waits.begin_anew(local);
            }
            Action::SlowDisk { node, each_ms, ms } => {
                self.nodes[node].storage.slow = (millis(each_ms), until(self, ms));
            }
            Action::BadDisk { node, refuses, ms } => {
                self.nodes[node].storage.bad = Some((refuses, until(self, ms)));
            }
            Action::Weather { weather, ms } => self.broker.weather = (weather, until(self, ms)),
            Action::BrokerDown { door, forget, ms } => {
                self.broker_down(door, forget, until(self, ms));
            }
            Action::CutOff { node, forget, unheard_ms } => {
                self.cut_off(node, forget, millis(unheard_ms));
            }
            Action::Split { side, ms } => self.broker.split = (side, until(self, ms)),
            Action::Wall { a, b, there, back, breaks, ms } => {
                self.wall(a, b, (there, back), breaks, until(self, ms));
            }
            Action::Kill { a, b, told } => self.kill(a, b, told),
            Action::Stall { a, b, each_ms, ms } => {
                let stall = (millis(each_ms), until(self, ms));
                self.paths.stalls.insert((a.min(b), a.max(b)), stall);
            }
            Action::Move { node, noticed } => self.relocate(node, noticed),
            Action::Impostor { node, to, ms } => {
                let until = until(self, ms);
                self.paths.impostors.insert((node, to), until);
            }
            Action::Flood { node, with, count } => self.flood(node, with, count),
            Action::Send { .. }
            | Action::Read { .. }
            | Action::Open { .. }
            | Action::Close { .. }
            | Action::Type { .. }
            | Action::Cancel { .. }
            | Action::Block { .. }
            | Action::Unblock { .. }
            | Action::Leave { .. }
            | Action::Return { .. }
            | Action::Quit { .. }
            | Action::Invite { .. } => {}
        }
    }

    /// A person gives a command, if there is a process to give it to.
    fn tells(&mut self, node: usize, row: Row, command: impl FnOnce(&Self) -> Command) {
        if self.nodes[node].engine.is_some() {
            self.count(row);
            let command = command(self);
            self.command(node, command, Asked::Other);
        }
    }

    fn say(&mut self, from: usize, to: usize, count: u64, bytes: usize) {
        for _ in 0..count {
            if self.nodes[from].engine.is_none() {
                return;
            }
            self.count(Row::Sent);
            let contact = self.nodes[to].id;
            let content = self.model.say(self.next_command + 1, from, to, bytes);
            let command = Command::SendMessage { contact, content, reply: None };
            self.command(from, command, Asked::Said);
        }
    }

    fn cancel(&mut self, node: usize, to: usize, back: usize) {
        let contact = self.nodes[to].id;
        let waiting = self.nodes[node].disk.waiting(contact);
        let Some(id) = waiting.iter().rev().nth(back).copied() else { return };
        if self.nodes[node].engine.is_some() {
            self.model.give_up(id);
            let command = Command::CancelMessage { contact, id };
            self.command(node, command, Asked::Cancel);
        }
    }

    fn block(&mut self, node: usize, who: usize) {
        if self.nodes[node].engine.is_some() {
            self.nodes[node].blocked.push(who);
        }
        self.tells(node, Row::Blocked, |world| Command::BlockContact {
            contact: world.nodes[who].id,
        });
    }

    pub(super) fn unblock(&mut self, node: usize, who: usize) {
        self.tells(node, Row::Unblocked, |world| Command::UnblockContact {
            contact: world.nodes[who].id,
        });
    }

    fn invite(&mut self, node: usize, guest: usize) {
        if self.nodes[node].engine.is_some() {
            let hub = Some("http://192.0.2.1:8080".to_owned());
            let command =
                Command::CreateInvite { hub, brokers: Vec::new(), uses: 1, ttl_secs: 31_536_000 };
            self.command(node, command, Asked::Invite { guest });
        }
    }

    /// The guest has got the invite.
    pub(super) fn join(&mut self, guest: usize, invite: Invite) {
        let target = Target::Invite(invite);
        self.tells(guest, Row::Invited, |_| Command::AddContact { target, nickname: None });
    }

    fn relocate(&mut self, node: usize, noticed: bool) {
        self.count(if noticed { Row::Readdressed } else { Row::ReaddressedUnnoticed });
        self.break_all(node);
        if noticed {
            self.input_after(Duration::ZERO, node, Input::NetworkChanged);
        }
        // The old link is dead, and without a word of the shell only the keep-alive finds out.
        let unheard = if noticed { 1 } else { 15_000 };
        self.cut_off(node, false, millis(unheard));
    }

    fn flood(&mut self, node: usize, with: Flood, count: usize) {
        self.count(match with {
            Flood::Devices => Row::FloodedDevices,
            Flood::Candidates => Row::FloodedCandidates,
            Flood::Offers => Row::FloodedOffers,
            Flood::Gaps => Row::FloodedGaps,
            Flood::Logs => Row::FloodedLogs,
            Flood::Garbage => Row::FloodedGarbage,
        });
        self.rogue_floods(node, with, count);
    }
}
