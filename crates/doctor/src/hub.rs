//! The hub over HTTP.

use std::time::Duration;

use crate::check::Check;
use crate::fault::Fault;
use crate::finding::{Finding, Verdict};
use crate::place::Place;
use crate::text::{Text, words};

/// What came of asking a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Where it is.
    pub place: Place,
    /// How long its public settings took, the connection included.
    pub answered: Result<Duration, Fault>,
    /// Whether it let us in to ask for relays; `None` where that was not tried.
    pub admitted: Option<Result<(), Fault>>,
}

impl Hub {
    /// `is_needed` says whether without it no broker is known.
    pub(crate) fn judge(&self, is_needed: bool) -> Finding {
        let name = words!["The hub at ", self.place.name(), " "];
        let bad = if is_needed { Verdict::Problem } else { Verdict::Notice };
        match (&self.answered, &self.admitted) {
            (Err(fault), _) => {
                Finding::new(Check::Hub, bad, fault.code(), words![name, fault.words(), "."])
                    .meaning(if is_needed {
                        "Without it nobody can be found, and nobody finds you."
                    } else {
                        "The broker is named beside it, but which relays there are is not known."
                    })
                    .remedy(fault.remedy())
            }
            (Ok(_), Some(Err(fault))) => {
                Finding::new(Check::Hub, bad, fault.code(), words![name, fault.words(), "."])
                    .meaning("It tells where its broker is, but gives us no token or no relay.")
                    .remedy(fault.remedy())
            }
            (Ok(took), _) => {
                let what = words![name, "answers in ", Text::time(*took), "."];
                Finding::new(Check::Hub, Verdict::Good, "hub_answers", what).latency(*took)
            }
        }
    }
}

/// Where no hub and no broker is known.
pub(crate) fn nowhere() -> Finding {
    Finding::new(Check::Hub, Verdict::Problem, "no_hub", "No hub and no broker is known.")
        .meaning("There is no place to meet anybody, and nothing of the network can be measured.")
        .remedy(
            "Name a hub with --hub, or in the config file, or take somebody's invite link. \
             `tincan chat` brings a hub of its own along.",
        )
}
