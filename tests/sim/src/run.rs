//! Runs plans: one, or as many as asked on as many threads as there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::coverage::Coverage;
use crate::draw::draw;
use crate::invariant::{Breach, Invariant};
use crate::plan::Plan;
use crate::world::{START, World};

/// How a run went.
#[derive(Debug)]
pub struct Outcome {
    /// The first invariant that did not hold, if one did not.
    pub breach: Option<Breach>,
    /// What was entered.
    pub coverage: Coverage,
    /// From the end of all faults until everything was delivered, in virtual time.
    pub drained_in: Duration,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

/// Runs a plan. A panic is a breach like any other.
#[must_use]
pub fn run(plan: &Plan, traced: bool) -> Outcome {
    let lived = catch_unwind(AssertUnwindSafe(|| World::new(plan.clone(), traced).live()));
    match lived {
        Ok(report) => Outcome {
            breach: report.breach,
            coverage: report.coverage,
            drained_in: report.drained_in,
            trace: report.trace,
        },
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let what = text.unwrap_or("a panic without words").to_owned();
            let breach = Breach { invariant: Invariant::NoPanic, at: START, what };
            Outcome {
                breach: Some(breach),
                coverage: Coverage::default(),
                drained_in: Duration::ZERO,
                trace: Vec::new(),
            }
        }
    }
}

/// How many runs went.
#[derive(Debug, Default)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// The seeds that failed, with the breach.
    pub failed: Vec<(u64, Breach)>,
    /// What all of them have entered.
    pub coverage: Coverage,
    /// The longest time from the end of all faults until everything was delivered, and its seed.
    /// Runs of people who were still asking each other do not count: a request that was lost is
    /// repeated a day later.
    pub slowest: (Duration, u64),
}

/// Runs the seeds `from .. from + count` on `threads` threads, until `max_failed` have failed.
#[must_use]
pub fn run_seeds(from: u64, count: u64, threads: usize, max_failed: usize) -> Tally {
    let next = AtomicU64::new(from);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        return;
                    }
                    let plan = draw(seed);
                    let outcome = run(&plan, false);
                    let mut tally = tally.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    if !tally.take(seed, plan.setting.friends, outcome, max_failed) {
                        return;
                    }
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    tally.failed.sort_by_key(|(seed, _)| *seed);
    tally
}

impl Tally {
    /// Adds a run; false if enough have failed.
    fn take(&mut self, seed: u64, friends: bool, outcome: Outcome, max_failed: usize) -> bool {
        if self.failed.len() >= max_failed {
            return false;
        }
        self.runs += 1;
        self.coverage.add(&outcome.coverage);
        if friends {
            self.slowest = self.slowest.max((outcome.drained_in, seed));
        }
        self.failed.extend(outcome.breach.map(|breach| (seed, breach)));
        self.failed.len() < max_failed
    }
}
