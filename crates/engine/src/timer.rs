//! Every deadline of the engine, each a named variant.

use std::collections::{BTreeMap, BTreeSet};

use tincan_wire::UserId;

use crate::time::Time;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The broker did not answer: 10 s after CONNECT.
    BrokerConnect,
    /// The wait after a failed or lost link to the broker is over.
    BrokerBackoff,
    /// The link to the broker has stood for 30 s: its backoff is reset.
    BrokerStable,
    /// The network changed while the link to the broker was young: it is made anew.
    BrokerMoved,
    /// Replay positions that have changed are written, about once a minute.
    ReplayFlush,
    /// A prekey is a week old, or one is two weeks old.
    Prekeys,
    /// Once an hour: old messages fail, old requests and invites go.
    Housekeeping,
    /// The next heartbeat to this contact is due.
    Heartbeat(UserId),
    /// Nothing was heard from this contact for 2.5 of their intervals.
    Offline(UserId),
    /// Our request to this contact went unanswered for long enough: repeat it.
    RequestRepeat(UserId),
    /// The attempt to connect is 15 s old.
    Attempt(UserId),
    /// The wait after a failed attempt is over.
    AttemptBackoff(UserId),
    /// The contact did not say hello within 10 s.
    Hello(UserId),
    /// ICE has been disconnected for 5 s: restart it; 15 s later: a new session.
    Recovery(UserId),
    /// ICE has been disconnected for 5 min: close.
    GiveUp(UserId),
    /// The session has stood for 30 s: its backoff is reset.
    Stable(UserId),
    /// The session has been idle: close it.
    Idle(UserId),
    /// The first message of a batch has waited long enough.
    Batch(UserId),
    /// The disk gave no page of the outbox: ask again.
    OutboxPage(UserId),
    /// The disk did not take acknowledgements: try again.
    Unsaved(UserId),
    /// The oldest message sent is still unacknowledged: ask by `sync`.
    AckOverdue(UserId),
    /// Nothing was heard on the channel for 1.5 s: ping, and at last take the path for lost.
    Silence(UserId),
    /// Local candidates found so far go out.
    Trickle(UserId),
    /// The contact is there and has not answered our offer: say it again.
    TellAgain(UserId),
    /// Candidates without an offer have been held for 30 s.
    HeldCandidates(UserId),
    /// A typing notice was not repeated.
    TypingEnds(UserId),
}

/// Deadlines by name: setting one again moves it.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    at: BTreeMap<Timer, Time>,
    order: BTreeSet<(Time, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.clear(timer);
        self.at.insert(timer, at);
        self.order.insert((at, timer));
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.at.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    pub(crate) fn at(&self, timer: Timer) -> Option<Time> {
        self.at.get(&timer).copied()
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes one timer that is due at `now`, the earliest first.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let (at, timer) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_a_timer_again_moves_it() {
        let mut timers = Timers::default();
        timers.set(Timer::BrokerBackoff, Time::from_millis(5));
        timers.set(Timer::BrokerBackoff, Time::from_millis(9));
        assert_eq!(timers.next(), Some(Time::from_millis(9)));
        assert_eq!(timers.pop_due(Time::from_millis(8)), None);
        assert_eq!(timers.pop_due(Time::from_millis(9)), Some(Timer::BrokerBackoff));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn due_timers_come_earliest_first() {
        let mut timers = Timers::default();
        timers.set(Timer::Prekeys, Time::from_millis(2));
        timers.set(Timer::ReplayFlush, Time::from_millis(1));
        let now = Time::from_millis(3);
        assert_eq!(timers.pop_due(now), Some(Timer::ReplayFlush));
        assert_eq!(timers.pop_due(now), Some(Timer::Prekeys));
        assert_eq!(timers.pop_due(now), None);
    }
}
