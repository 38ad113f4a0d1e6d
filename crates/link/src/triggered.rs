//! Checks that are sent again because the peer's came (triggered checks, RFC 8445 §7.3.1.4).
//!
//! Our own checks of a pair may all have been dropped by the peer's router, which lets in only
//! whom the peer has sent to; the next is up to two seconds away by then. A check of the peer's
//! says that the way is open. The agent keeps to its schedule all the same, so what it asked last
//! is said once more: the transaction is the same, and whichever answer comes counts.

use crate::ice::{Datagram, Path};

/// As many as pairs that are checked.
const MAX_CHECKS: usize = 64;

/// The last check of each pair that has never been answered.
#[derive(Debug, Default)]
pub(crate) struct Triggered {
    checks: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    path: Path,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The agent has asked so.
    Asked(Vec<u8>),
    /// So did the peer since.
    Wanted(Vec<u8>),
    /// It was said again: what comes next is the agent's.
    Repeated,
    /// Nothing is to be hurried any more.
    Answered,
}

impl Triggered {
    /// The agent asks on a path.
    pub(crate) fn asked(&mut self, path: Path, request: &[u8]) {
        let state = State::Asked(request.to_vec());
        let has_room = self.checks.len() < MAX_CHECKS;
        match self.checks.iter_mut().find(|check| check.path == path) {
            Some(Check { state: State::Answered, .. }) => {}
            Some(check) => check.state = state,
            None if has_room => self.checks.push(Check { path, state }),
            None => {}
        }
    }

    /// An answer came on a path.
    pub(crate) fn answered(&mut self, path: Path) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.path == path) {
            check.state = State::Answered;
        }
    }

    /// The peer asks on a path.
    pub(crate) fn peer_asks(&mut self, path: Path) {
        let check = self.checks.iter_mut().find(|check| check.path == path);
        if let Some(Check { state, .. }) = check
            && let State::Asked(request) = state
        {
            *state = State::Wanted(std::mem::take(request));
        }
    }

    /// What is to be said again, where the agent has not asked anew meanwhile.
    pub(crate) fn poll(&mut self) -> Option<Datagram> {
        let is_wanted = |check: &&mut Check| matches!(check.state, State::Wanted(_));
        let check = self.checks.iter_mut().find(is_wanted)?;
        let State::Wanted(bytes) = std::mem::replace(&mut check.state, State::Repeated) else {
            return None;
        };
        Some(Datagram { path: check.path, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { local: ([192, 0, 2, 1], 1).into(), remote: ([192, 0, 2, 2], port).into() }
    }

    /// What is said again when the peer asks.
    fn again(triggered: &mut Triggered, path: Path) -> Option<Vec<u8>> {
        triggered.peer_asks(path);
        let datagram = triggered.poll()?;
        assert_eq!(datagram.path, path);
        assert!(triggered.poll().is_none());
        Some(datagram.bytes)
    }

    #[test]
    fn a_check_is_said_again_once_however_often_the_peer_asks() {
        let mut triggered = Triggered::default();
        assert_eq!(again(&mut triggered, path(1)), None, "the agent has not asked there");
        triggered.asked(path(1), b"first");
        triggered.asked(path(1), b"second");
        assert_eq!(again(&mut triggered, path(2)), None);
        assert_eq!(again(&mut triggered, path(1)), Some(b"second".to_vec()));
        assert_eq!(again(&mut triggered, path(1)), None);
        triggered.asked(path(1), b"third");
        assert_eq!(again(&mut triggered, path(1)), Some(b"third".to_vec()));
    }

    #[test]
    fn a_check_that_the_agent_repeats_at_the_same_time_is_not_said_twice() {
        let mut triggered = Triggered::default();
        triggered.asked(path(1), b"first");
        triggered.peer_asks(path(1));
        triggered.asked(path(1), b"second");
        assert!(triggered.poll().is_none());
    }

    #[test]
    fn a_pair_that_has_answered_is_left_to_the_agent() {
        let mut triggered = Triggered::default();
        triggered.asked(path(1), b"first");
        triggered.answered(path(1));
        triggered.asked(path(1), b"consent");
        assert_eq!(again(&mut triggered, path(1)), None);
    }

    #[test]
    fn no_more_checks_are_kept_than_pairs_are_checked() {
        let mut triggered = Triggered::default();
        (0..1_000).for_each(|port| triggered.asked(path(port), b"check"));
        assert_eq!(triggered.checks.len(), MAX_CHECKS);
    }
}
