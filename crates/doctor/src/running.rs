//! Another `tincan` on the same home.

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::text::{Text, words};

/// How the node stands that runs on the home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Running {
    /// Nobody does.
    Nobody,
    /// It is connected to its broker.
    Connected,
    /// It is not, for this reason if it knows one.
    NotConnected(Option<String>),
    /// It does not answer.
    Silent,
}

impl Running {
    /// `broker_reached` says whether we got in ourselves.
    pub(crate) fn judge(&self, broker_reached: bool) -> Option<Finding> {
        let found = |verdict, code, what: Text| Finding::new(Check::Running, verdict, code, what);
        Some(match self {
            Self::Nobody => return None,
            Self::Connected => found(
                Verdict::Good,
                "node_connected",
                "A tincan runs on this home, and is connected to its broker.".into(),
            ),
            Self::NotConnected(reason) => {
                let because = match reason {
                    Some(reason) => Text::private(format!(": {reason}"), ""),
                    None => Text::default(),
                };
                let found = found(
                    Verdict::Notice,
                    "node_not_connected",
                    words!["A tincan runs on this home, and is not connected", because, "."],
                );
                match broker_reached {
                    true => found.meaning("The broker lets us in: it will get there in a moment."),
                    false => found.meaning("It goes on trying."),
                }
            }
            Self::Silent => found(
                Verdict::Problem,
                "node_silent",
                "A tincan runs on this home, but does not answer.".into(),
            )
            .remedy("Stop that one, and start it again."),
        })
    }
}
