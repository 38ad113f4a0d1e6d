//! When a link wants to be woken, and what it does when something took too long.

use std::time::{Duration, Instant};

use crate::event::{Event, Failure};
use crate::ice::Path;
use crate::link::{Link, Phase};
use crate::quiet::Stage;
use crate::sctp::Sctp;

/// Least time between two wake-ups that a link asks for.
const LEAST_TICK: Duration = Duration::from_millis(1);
/// Longest pause imposed on a layer that keeps asking for *now* (trap 7).
const LONGEST_TICK: Duration = Duration::from_millis(64);

/// Keeps wake-ups apart, whatever the layers below ask for.
#[derive(Debug)]
pub(crate) struct Pace {
    last_tick: Option<Instant>,
    spacing: Duration,
    /// Whether the deadline given out last was due at the last tick already.
    stale: bool,
    path: Option<Path>,
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace { last_tick: None, spacing: LEAST_TICK, stale: false, path: None }
    }

    pub(crate) fn ticked(&mut self, now: Instant) {
        self.last_tick = Some(now);
        // A layer that did not use its turn gets the next one later.
        self.spacing = if self.stale { (self.spacing * 2).min(LONGEST_TICK) } else { LEAST_TICK };
        self.stale = false;
    }

    /// The deadline to give out for one that a layer asked for.
    fn apply(&mut self, deadline: Instant) -> Instant {
        let Some(last) = self.last_tick else { return deadline };
        self.stale = deadline <= last;
        if self.stale { last + self.spacing } else { deadline.max(last + LEAST_TICK) }
    }

    /// Notes the path; true when it is another than before.
    pub(crate) fn path_changed(&mut self, path: Option<Path>) -> bool {
        let changed = path.is_some() && self.path.is_some() && path != self.path;
        if path.is_some() {
            self.path = path;
        }
        changed
    }
}

impl Link {
    /// When [`handle_timeout`](Link::handle_timeout) is due; may be in the past. `None` once the
    /// link is over, or before it has anything to wait for.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        if self.phase == Phase::Over {
            return None;
        }
        let ice = self.ice.poll_timeout();
        let dtls = self.dtls.as_ref().and_then(|dtls| dtls.poll_timeout());
        let sctp = self.sctp.as_ref().and_then(Sctp::poll_timeout);
        let own = self.own_deadlines().into_iter().map(|(deadline, _)| deadline).min();
        let deadline = [ice, dtls, sctp, own].into_iter().flatten().min()?;
        Some(self.pace.apply(deadline))
    }

    pub(crate) fn check_deadlines(&mut self, now: Instant) {
        for (deadline, expiry) in self.own_deadlines() {
            if deadline <= now && self.phase != Phase::Over {
                self.expire(now, expiry);
            }
        }
    }

    fn expire(&mut self, now: Instant, expiry: Expiry) {
        match expiry {
            Expiry::Answer => self.finish(Event::Failed(Failure::NoAnswer)),
            Expiry::Path | Expiry::Return => self.finish(Event::Failed(Failure::IceTimeout)),
            Expiry::Opening => {
                let dtls_up = self.dtls.as_ref().is_some_and(|dtls| dtls.is_connected());
                let failure = if dtls_up { Failure::SctpTimeout } else { Failure::DtlsTimeout };
                self.finish(Event::Failed(failure));
            }
            Expiry::Retry => self.guarded((), |link| link.doubt_session(now)),
            Expiry::Silence => {
                self.silent_since = Some(now);
                self.push_event(Event::IceDisconnected);
            }
            Expiry::Quiet => self.guarded((), |link| link.path_is_quiet(now)),
            Expiry::Stall => self.finish(Event::Failed(Failure::Stalled)),
        }
    }

    /// The peer answers nothing on a DTLS session that looked established: it may have lost it.
    fn doubt_session(&mut self, now: Instant) {
        if let Phase::Opening { retry, .. } = &mut self.phase {
            *retry = None;
        }
        self.sctp = None;
        self.held = None;
        if let Some(dtls) = &mut self.dtls {
            dtls.start_over(now);
        }
        self.drive(now);
    }

    /// Somewhere on the path something may be gone. Of a path without a relay ICE tells soon
    /// enough, and only it knows whether there is another.
    fn path_is_quiet(&mut self, now: Instant) {
        let stage = self.quiet.advance();
        if !self.ice.is_relayed() {
            return;
        }
        match stage {
            Stage::Lively => {}
            Stage::Quiet => self.push_event(Event::RelayedPathQuiet),
            Stage::Doubtful => {
                let waiting = self.sctp.as_ref().and_then(Sctp::waiting_since);
                self.ice.doubt_path(self.quiet.owed_since(waiting));
                self.drive(now);
            }
        }
    }

    /// The link's own deadlines, each with what it means.
    fn own_deadlines(&self) -> Vec<(Instant, Expiry)> {
        let mut deadlines = Vec::with_capacity(3);
        match self.phase {
            Phase::New | Phase::Over => {}
            Phase::Offered { until } => deadlines.push((until, Expiry::Answer)),
            Phase::Checking { until } => deadlines.push((until, Expiry::Path)),
            Phase::Opening { until, retry } => {
                deadlines.push((until, Expiry::Opening));
                deadlines.extend(retry.map(|retry| (retry, Expiry::Retry)));
            }
            Phase::Open => {
                deadlines.push(match (self.silent_since, self.ice.last_consent()) {
                    (Some(since), _) => (since + self.config.disconnect_timeout, Expiry::Return),
                    (None, consent) => {
                        let heard = consent.unwrap_or(self.now);
                        (heard + self.config.disconnect_after, Expiry::Silence)
                    }
                });
                let stall = self.config.stall_timeout;
                let stalled = self.sctp.as_ref().and_then(|sctp| sctp.stall_deadline(stall));
                deadlines.extend(stalled.map(|deadline| (deadline, Expiry::Stall)));
                let waiting = self.sctp.as_ref().and_then(Sctp::waiting_since);
                let rtt = self.ice.rtt().or(self.sctp.as_ref().and_then(Sctp::rtt));
                let quiet = self.quiet.deadline(waiting, rtt);
                deadlines.extend(quiet.map(|deadline| (deadline, Expiry::Quiet)));
            }
        }
        deadlines
    }
}

/// What a deadline of the link itself is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    /// The offer was not answered.
    Answer,
    /// No path was found.
    Path,
    /// DTLS or SCTP did not open.
    Opening,
    /// SCTP's opening went unanswered on a DTLS session only this end may believe in.
    Retry,
    /// The path's checks are unanswered.
    Silence,
    /// The silent path did not return.
    Return,
    /// The path owes an answer.
    Quiet,
    /// Outstanding data did not move.
    Stall,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_that_always_asks_for_now_is_slowed_to_64_ms() {
        let start = Instant::now();
        let mut pace = Pace::new();
        let (mut now, mut ticks) = (start, 0);
        while now < start + Duration::from_secs(1) {
            now = pace.apply(start).max(now);
            pace.ticked(now);
            ticks += 1;
        }
        assert!((15..40).contains(&ticks), "{ticks} ticks in a second");
        let later = now + Duration::from_millis(3);
        assert_eq!(pace.apply(later), later, "an honest deadline is kept");
    }
}
