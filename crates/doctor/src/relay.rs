//! A relay, over one transport.

use std::time::Duration;

use crate::check::Check;
use crate::fault::Fault;
use crate::finding::{Finding, Verdict};
use crate::place::Place;
use crate::text::{Text, words};

/// What came of having something relayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Where it is.
    pub place: Place,
    /// What came of it.
    pub outcome: Result<Relayed, Fault>,
}

/// A relay that relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// Until there was an address on it.
    pub allocated: Duration,
    /// Until what was sent through it was back.
    pub returned: Duration,
}

impl Relay {
    /// `others_work` says whether another relay or transport does; `is_needed` whether there are
    /// people who are reached in no other way, nearly always.
    pub(crate) fn judge(&self, others_work: bool, is_needed: bool) -> Finding {
        match &self.outcome {
            Ok(Relayed { allocated, returned }) => {
                let what = words![
                    "The relay works by ",
                    self.place.full_name(),
                    ": an address in ",
                    Text::time(*allocated),
                    ", and what was sent through it came back in ",
                    Text::time(*returned),
                    "."
                ];
                Finding::new(Check::Relay, Verdict::Good, "relay_works", what).latency(*returned)
            }
            Err(fault) => {
                let verdict =
                    if is_needed && !others_work { Verdict::Problem } else { Verdict::Notice };
                let what = words!["The relay by ", self.place.full_name(), " ", fault.words(), "."];
                let found = Finding::new(Check::Relay, verdict, fault.code(), what);
                if others_work {
                    found.meaning("Another way to a relay works, and is taken.")
                } else {
                    found.meaning(NONE_MEANING).remedy(fault.remedy())
                }
            }
        }
    }
}

const NONE_MEANING: &str = "Whoever cannot be reached directly cannot be reached at all.";

/// Where there is none to be tried.
pub(crate) fn none(is_needed: bool) -> Finding {
    let verdict = if is_needed { Verdict::Problem } else { Verdict::Notice };
    Finding::new(Check::Relay, verdict, "no_relay", "The hub names no relay.")
        .meaning(NONE_MEANING)
        .remedy("Ask who runs the hub to switch the relay on.")
}
