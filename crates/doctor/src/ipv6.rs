//! IPv6.

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::text::{Text, words};
use crate::udp::{Stun, StunAnswer, seen_at};

/// What there is of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Whether this machine has an address that is routed outside.
    pub has_address: bool,
    /// What came of asking a STUN server; `None` where none has IPv6.
    pub stun: Option<Stun>,
}

impl Ipv6 {
    pub(crate) fn judge(&self) -> Finding {
        let answer = self.stun.as_ref().map(|stun| stun.answer);
        match (self.has_address, answer) {
            (_, Some(Some(StunAnswer { mapped, took }))) => {
                let what = words![
                    "IPv6 works: the STUN server answers in ",
                    Text::time(took),
                    seen_at(mapped),
                    "."
                ];
                Finding::new(Check::Ipv6, Verdict::Good, "ipv6_works", what)
                    .meaning("With people who have IPv6, too, no router's ports stand in the way.")
                    .latency(took)
            }
            (true, Some(None)) => {
                let what = "This machine has an IPv6 address, but nothing comes back over IPv6.";
                Finding::new(Check::Ipv6, Verdict::Notice, "ipv6_broken", what)
                    .meaning("It costs a moment at each connection, until IPv4 is taken.")
                    .remedy("Look into the router's IPv6 settings, or ask your provider.")
            }
            (true, None) => {
                let what = "This machine has an IPv6 address; the server has none to try it with.";
                Finding::new(Check::Ipv6, Verdict::Unknown, "ipv6_untried", what)
            }
            (false, _) => {
                let what = "This network has no IPv6.";
                Finding::new(Check::Ipv6, Verdict::Notice, "ipv6_missing", what)
                    .meaning("People who have nothing else are reached through the relay.")
                    .remedy("If your provider offers IPv6, switch it on in the router.")
            }
        }
    }
}
