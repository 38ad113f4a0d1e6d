//! A path that owes an answer: the first sign that it is dead, long before it counts as lost.
//!
//! It costs little to be wrong: whoever is told asks a relay whether it is still there, and a
//! path that is left for another is returned to when it answers.

use std::time::{Duration, Instant};

/// Least time that an answer is owed before a path counts as quiet. An acknowledgement may wait
/// 200 ms at the other end (RFC 9260 §6.2).
const LEAST: Duration = Duration::from_millis(500);
/// On slow paths as many round trips.
const ROUND_TRIPS: u32 = 3;

/// How quiet a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It owes no answer for long.
    Lively,
    /// It does.
    Quiet,
    /// For twice as long: another path is as good.
    Doubtful,
}

/// Who was asked and heard when, on the path that data takes.
#[derive(Debug)]
pub(crate) struct Quiet {
    /// The first check that was sent and nothing was heard since.
    asked: Option<Instant>,
    heard: Option<Instant>,
    stage: Stage,
}

impl Quiet {
    pub(crate) fn new() -> Quiet {
        Quiet { asked: None, heard: None, stage: Stage::Lively }
    }

    /// A check went out.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// Something authentic came, or the path is a new one.
    pub(crate) fn heard(&mut self, now: Instant) {
        *self = Quiet { asked: None, heard: Some(now), stage: Stage::Lively };
    }

    /// Since when it owes an answer. `unacknowledged` is since when data has waited in vain.
    pub(crate) fn owed_since(&self, unacknowledged: Option<Instant>) -> Option<Instant> {
        let owed = [self.asked, unacknowledged].into_iter().flatten().min()?;
        Some(self.heard.map_or(owed, |heard| heard.max(owed)))
    }

    /// When the next stage begins.
    pub(crate) fn deadline(
        &self,
        unacknowledged: Option<Instant>,
        rtt: Option<Duration>,
    ) -> Option<Instant> {
        let owed = self.owed_since(unacknowledged)?;
        let patience = LEAST.max(rtt.unwrap_or_default() * ROUND_TRIPS);
        match self.stage {
            Stage::Lively => Some(owed + patience),
            Stage::Quiet => Some(owed + patience * 2),
            Stage::Doubtful => None,
        }
    }

    /// The deadline has come.
    pub(crate) fn advance(&mut self) -> Stage {
        self.stage = match self.stage {
            Stage::Lively => Stage::Quiet,
            Stage::Quiet | Stage::Doubtful => Stage::Doubtful,
        };
        self.stage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_was_asked_nothing_owes_nothing() {
        let start = Instant::now();
        let mut quiet = Quiet::new();
        quiet.heard(start);
        assert_eq!(quiet.deadline(None, None), None);
    }

    #[test]
    fn an_answer_is_owed_from_the_first_question_after_the_last_word() {
        let start = Instant::now();
        let mut quiet = Quiet::new();
        quiet.asked(start);
        quiet.asked(start + SECOND);
        assert_eq!(quiet.deadline(None, None), Some(start + LEAST));
        quiet.heard(start + SECOND);
        assert_eq!(quiet.deadline(None, None), None);
        assert_eq!(quiet.deadline(Some(start), None), Some(start + SECOND + LEAST));
    }

    #[test]
    fn two_stages_follow_each_other_and_a_word_ends_them() {
        let start = Instant::now();
        let mut quiet = Quiet::new();
        quiet.asked(start);
        assert_eq!(quiet.advance(), Stage::Quiet);
        assert_eq!(quiet.deadline(None, None), Some(start + LEAST * 2));
        assert_eq!(quiet.advance(), Stage::Doubtful);
        assert_eq!(quiet.deadline(None, None), None);
        quiet.heard(start + SECOND);
        quiet.asked(start + SECOND);
        assert_eq!(quiet.deadline(None, None), Some(start + SECOND + LEAST));
    }

    #[test]
    fn a_slow_path_is_given_three_round_trips() {
        let start = Instant::now();
        let mut quiet = Quiet::new();
        quiet.asked(start);
        assert_eq!(quiet.deadline(None, Some(SECOND)), Some(start + SECOND * 3));
    }
}
