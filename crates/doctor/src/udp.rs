//! UDP out and back: what a STUN server saw of us.

use std::net::SocketAddr;
use std::time::Duration;

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::place::Place;
use crate::text::{Text, words};

/// What came of asking a STUN server by IPv4, or by IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stun {
    /// Which server.
    pub place: Place,
    /// Its answer, if one came.
    pub answer: Option<StunAnswer>,
}

/// A STUN server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StunAnswer {
    /// Where we are, seen from outside; `None` where a browser does not tell.
    pub mapped: Option<SocketAddr>,
    /// How long it took.
    pub took: Duration,
}

impl Stun {
    /// By IPv4. `relay_by_stream` says whether a relay works over TCP or TLS.
    pub(crate) fn judge(&self, relay_by_stream: bool) -> Finding {
        match self.answer {
            Some(StunAnswer { mapped, took }) => {
                let what = words![
                    "UDP gets out and back: the STUN server answers in ",
                    Text::time(took),
                    seen_at(mapped),
                    "."
                ];
                Finding::new(Check::Udp, Verdict::Good, "udp_works", what).latency(took)
            }
            None if relay_by_stream => self
                .silent(Verdict::Notice)
                .meaning("Every connection goes through the relay over TCP, which is slower.")
                .remedy(REMEDY),
            None => self
                .silent(Verdict::Problem)
                .meaning(
                    "No direct connection can be made, except with people on the same network, and \
                     no relay over TCP takes its place.",
                )
                .remedy(REMEDY),
        }
    }

    fn silent(&self, verdict: Verdict) -> Finding {
        let what = words!["Nothing comes back over UDP from ", self.place.name(), "."];
        Finding::new(Check::Udp, verdict, "udp_blocked", what)
    }
}

/// The end of a sentence about an answer.
pub(crate) fn seen_at(mapped: Option<SocketAddr>) -> Text {
    let Some(mapped) = mapped else { return Text::default() };
    words![", and sees us at ", Text::address(mapped.ip())]
}

const REMEDY: &str = "This network lets no UDP out, or the server's UDP port is closed. Ask who runs \
    this network to allow UDP; if it happens everywhere, ask who runs the hub.";

/// Where nobody can be asked.
pub(crate) fn untried() -> Finding {
    Finding::new(
        Check::Udp,
        Verdict::Unknown,
        "no_stun",
        "No STUN server is known, so UDP was not tried.",
    )
    .meaning("Only people on the same network are sure to be reached directly.")
    .remedy("Use a hub, which has one.")
}
