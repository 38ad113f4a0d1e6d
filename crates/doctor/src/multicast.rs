//! Multicast DNS, by which machines of one network find each other's names.

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::text::{Text, words};

/// What came of asking the multicast group of DNS (RFC 6762).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Multicast {
    /// Our own question came back to us.
    Works,
    /// The group was joined, but nothing came back.
    Silent,
    /// The group could not be joined, for this reason.
    Refused(String),
}

impl Multicast {
    pub(crate) fn judge(&self) -> Finding {
        let found = |verdict, code, what: Text| Finding::new(Check::Mdns, verdict, code, what);
        let meaning = "Browsers on this network that hide their addresses behind .local names are \
            found a little later, by what they send themselves.";
        match self {
            Self::Works => {
                found(Verdict::Good, "mdns_works", "Multicast DNS works on this machine.".into())
            }
            Self::Silent => found(
                Verdict::Notice,
                "mdns_silent",
                "Multicast DNS does not work: what is sent to everybody does not come back.".into(),
            )
            .meaning(meaning)
            .remedy("Allow UDP port 5353 in this machine's firewall, if you want it."),
            Self::Refused(reason) => {
                let because = Text::private(format!(" ({reason})"), "");
                found(
                    Verdict::Notice,
                    "mdns_refused",
                    words!["Multicast DNS cannot be used on this network", because, "."],
                )
                .meaning(meaning)
                .remedy("Nothing has to be done.")
            }
        }
    }
}
