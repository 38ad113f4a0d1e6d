//! The disk of a node at work: transactions wait their turn, become durable, and are answered a
//! little later; and what can go wrong with each.

use std::collections::VecDeque;
use std::time::Duration;

use tincan_engine::store::{Op, TransactionId};
use tincan_engine::{Input, StoreFailure, Time};
use tincan_wire::UserId;

use super::{Happening, World, millis};
use crate::coverage::Row;
use crate::dice::Dice;
use crate::plan::Refuses;

/// How long a disk may hold back what `Op::may_linger` allows it to.
const LINGER: Duration = Duration::from_millis(50);

/// What waits for a disk, and how it is disposed.
pub(super) struct Storage {
    dice: Dice,
    jobs: VecDeque<Job>,
    next_job: u64,
    is_busy: bool,
    pub(super) slow: (Duration, Time),
    pub(super) bad: Option<(Refuses, Time)>,
    turn: bool,
    /// Answers that are on their way from a disk that has written already.
    unanswered: Vec<Time>,
}

/// One transaction or one question.
struct Job {
    number: u64,
    what: What,
}

enum What {
    Write { id: TransactionId, ops: Vec<Op> },
    Load { contact: UserId, after: u64, limit: usize },
}

impl Storage {
    pub(super) fn new(seed: u64, node: usize) -> Self {
        Self {
            dice: Dice::new(seed, &format!("disk {node}")),
            jobs: VecDeque::new(),
            next_job: 0,
            is_busy: false,
            slow: (Duration::ZERO, Time::default()),
            bad: None,
            turn: false,
            unanswered: Vec::new(),
        }
    }

    /// Nothing is wrong with it any more.
    pub(super) fn heal(&mut self, now: Time) {
        self.slow.1 = now;
        self.bad = None;
    }

    fn refuses(&mut self, job: &What, now: Time) -> Option<(StoreFailure, Row)> {
        let (refuses, until) = self.bad?;
        if now >= until {
            return None;
        }
        self.turn = !self.turn;
        let grows = match job {
            What::Write { ops, .. } => ops.iter().any(|op| matches!(op, Op::Append(_))),
            What::Load { .. } => false,
        };
        let is_load = matches!(job, What::Load { .. });
        let (row, holds) = match refuses {
            Refuses::All => (Row::DiskRefused, true),
            Refuses::Messages => (Row::DiskFull, grows),
            Refuses::Half => (Row::DiskHalf, self.turn && !is_load),
            Refuses::Pages => (Row::PageRefused, is_load),
        };
        holds.then(|| (StoreFailure("no space left on device".into()), row))
    }
}

impl World {
    pub(super) fn write(&mut self, node: usize, id: TransactionId, ops: Vec<Op>) {
        let lingers = !ops.is_empty() && ops.iter().all(Op::may_linger);
        if lingers {
            self.count(Row::Lingered);
        }
        self.give(node, What::Write { id, ops }, if lingers { LINGER } else { Duration::ZERO });
    }

    pub(super) fn load(&mut self, node: usize, contact: UserId, after: u64, limit: usize) {
        self.give(node, What::Load { contact, after, limit }, Duration::ZERO);
    }

    fn give(&mut self, node: usize, what: What, linger: Duration) {
        let slot = &mut self.nodes[node];
        let run = slot.run;
        let storage = &mut slot.storage;
        let number = storage.next_job;
        storage.next_job += 1;
        storage.jobs.push_back(Job { number, what });
        if linger > Duration::ZERO && !storage.is_busy {
            self.after(linger, Happening::DiskWakes { node, run });
        } else {
            self.disk_wakes(node, run);
        }
    }

    /// The disk takes on what waits: the first thing only, or everything in one commit.
    pub(super) fn disk_wakes(&mut self, node: usize, run: u64) {
        let now = self.now;
        let slot = &mut self.nodes[node];
        let storage = &mut slot.storage;
        if slot.run != run || storage.is_busy {
            return;
        }
        let grouped = storage.dice.chance(500);
        let taken = if grouped { storage.jobs.back() } else { storage.jobs.front() };
        let Some(job) = taken.map(|job| job.number) else { return };
        storage.is_busy = true;
        let slow = if storage.slow.1 > now { storage.slow.0 } else { Duration::ZERO };
        let takes = millis(1 + storage.dice.below(4)) + slow;
        if slow >= millis(500) {
            self.count(Row::SlowDisk);
        }
        self.after(takes, Happening::Disk { node, run, job });
    }

    /// The disk does everything up to this job, in order.
    pub(super) fn disk_turn(&mut self, node: usize, run: u64, job: u64) {
        if self.nodes[node].run != run {
            return;
        }
        while self.nodes[node].storage.jobs.front().is_some_and(|first| first.number <= job) {
            let Some(Job { what, .. }) = self.nodes[node].storage.jobs.pop_front() else { return };
            let refusal = self.nodes[node].storage.refuses(&what, self.now);
            let failure = refusal.map(|(failure, row)| {
                self.count(row);
                failure
            });
            let input = match what {
                What::Write { id, ops } => Input::Stored {
                    id,
                    result: match failure {
                        Some(failure) => Err(failure),
                        None => Ok(self.commit(node, ops)),
                    },
                },
                What::Load { contact, after, limit } => Input::Outbox {
                    contact,
                    result: match failure {
                        Some(failure) => Err(failure),
                        None => Ok(self.nodes[node].disk.outbox(contact, after, limit)),
                    },
                },
            };
            let now = self.now;
            let storage = &mut self.nodes[node].storage;
            let late = if storage.dice.chance(100) { storage.dice.below(30) } else { 0 };
            // Answers come in the order of the transactions.
            let answered =
                storage.unanswered.last().copied().unwrap_or(now).max(now + millis(late));
            storage.unanswered.retain(|at| *at > now);
            storage.unanswered.push(answered);
            self.at(answered, Happening::Input { node, run, input });
        }
        self.nodes[node].storage.is_busy = false;
        self.disk_wakes(node, run);
    }

    fn commit(&mut self, node: usize, ops: Vec<Op>) -> tincan_engine::store::Stored {
        let news = self.nodes[node].disk.unknown_messages(&ops);
        let stored = self.nodes[node].disk.apply(ops.clone());
        self.check_commit(node, &ops, &news);
        stored
    }

    /// The process dies: the first `kept` of what waits is on disk, the rest never was.
    pub(super) fn tear(&mut self, node: usize, kept: usize) {
        let now = self.now;
        let storage = &mut self.nodes[node].storage;
        let jobs = std::mem::take(&mut storage.jobs);
        storage.is_busy = false;
        let unanswered = storage.unanswered.iter().any(|at| *at > now);
        storage.unanswered.clear();
        let writes = jobs.into_iter().filter_map(|job| match job.what {
            What::Write { id, ops } => Some((id, ops)),
            What::Load { .. } => None,
        });
        let writes: Vec<_> = writes.collect();
        let (all, wrote) = (writes.len(), kept.min(writes.len()));
        for (id, ops) in writes.into_iter().take(kept) {
            if self.nodes[node]
                .storage
                .refuses(&What::Write { id, ops: ops.clone() }, now)
                .is_none()
            {
                self.commit(node, ops);
            }
        }
        if unanswered || wrote > 0 {
            self.count(Row::CrashUnanswered);
        }
        if all > 0 && wrote == 0 {
            self.count(Row::CrashWroteNone);
        }
        if wrote > 0 && wrote < all {
            self.count(Row::CrashWroteSome);
        }
    }
}
