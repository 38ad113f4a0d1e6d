//! One address of the broker, over one transport.

use std::time::Duration;

use crate::check::Check;
use crate::fault::Fault;
use crate::finding::{Finding, Verdict};
use crate::place::Place;
use crate::text::{Text, words};

/// What came of signing in at one address of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Where it is.
    pub place: Place,
    /// What came of it.
    pub outcome: Result<Reached, Fault>,
}

/// A broker that let us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Until the transport was open: TCP, and TLS and WebSocket where they are used.
    pub opened: Duration,
    /// From CONNECT to its answer, and SUBSCRIBE to its.
    pub signed_in: Duration,
}

impl Broker {
    /// `others_work` says whether there is another way in.
    pub(crate) fn judge(&self, others_work: bool) -> Finding {
        match &self.outcome {
            Ok(Reached { opened, signed_in }) => {
                let took = *opened + *signed_in;
                let what = words![
                    "The broker lets us in by ",
                    self.place.full_name(),
                    ": connected in ",
                    Text::time(*opened),
                    ", signed in after ",
                    Text::time(*signed_in),
                    " more."
                ];
                Finding::new(Check::Broker, Verdict::Good, "broker_reached", what).latency(took)
            }
            Err(fault) => {
                let verdict = if others_work { Verdict::Notice } else { Verdict::Problem };
                let what =
                    words!["The broker by ", self.place.full_name(), " ", fault.words(), "."];
                let meaning = if others_work {
                    "Another way to the broker works, and is taken."
                } else {
                    "Without the broker nobody can be found, and nobody finds you."
                };
                let found =
                    Finding::new(Check::Broker, verdict, fault.code(), what).meaning(meaning);
                if others_work { found } else { found.remedy(fault.remedy()) }
            }
        }
    }
}

/// Where a hub is known, but no broker could be tried.
pub(crate) fn none() -> Finding {
    Finding::new(
        Check::Broker,
        Verdict::Problem,
        "no_broker",
        "The hub names no broker that can be used from here.",
    )
    .meaning("Without a broker nobody can be found, and nobody finds you.")
    .remedy("Ask who runs the hub, or name a broker with --broker.")
}
