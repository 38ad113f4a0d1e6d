//! Finds the page behind a message, although the store only answers what lies *before* a place.
//!
//! A place need not hold a message: one asks before a guessed moment `h`. Too early a guess
//! gives nothing new, too late a one a page that does not reach back to the message; so the
//! guess gallops, then halves the bracket. Every question ends it or narrows it, and the whole
//! takes 64 questions at the very most; two are usual.

/// A search for the page behind the message at `h`.
#[derive(Clone, Debug)]
pub struct Gallop {
    /// Nothing lies between the message and this moment.
    too_early: u64,
    /// More than a page lies between the message and this moment; `None`: not known yet.
    too_late: Option<u64>,
    step: u64,
    newest: u64,
}

/// What to ask the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The page before this moment.
    Before(u64),
    /// The last page.
    End,
}

/// What the answer was, seen from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It holds nothing newer.
    Nothing,
    /// It holds only newer ones, so some may be missing between.
    Gap,
}

impl Gallop {
    /// Begins behind a message at `h`; the page is expected to span `guess_ms`, and the newest
    /// message known of is at `newest`.
    #[must_use]
    pub fn new(h: u64, guess_ms: u64, newest: u64) -> Self {
        Self { too_early: h, too_late: None, step: guess_ms.max(1), newest }
    }

    /// The next question.
    #[must_use]
    pub fn ask(&self) -> Ask {
        match self.too_late {
            None => match self.too_early.saturating_add(self.step) {
                guess if guess > self.newest => Ask::End,
                guess => Ask::Before(guess),
            },
            Some(too_late) => Ask::Before(self.too_early + (too_late - self.too_early).div_ceil(2)),
        }
    }

    /// Takes the answer to [`ask`](Self::ask) in. False: no page can connect, because more than
    /// a page is at one and the same moment.
    pub fn learn(&mut self, found: Found) -> bool {
        match (self.ask(), found) {
            // The end holds nothing newer: the caller is there. Asking more gives nothing.
            (Ask::End, Found::Nothing) => return false,
            (Ask::End, Found::Gap) => {
                self.too_late = Some(self.newest.max(self.too_early).saturating_add(1))
            }
            (Ask::Before(guess), Found::Nothing) => {
                self.too_early = guess;
                self.step = self.step.saturating_mul(16);
            }
            (Ask::Before(guess), Found::Gap) => {
                if self.too_late == Some(guess) {
                    return false;
                }
                self.too_late = Some(guess);
            }
        }
        self.too_late.is_none_or(|too_late| too_late > self.too_early + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: usize = 20;

    /// Plays the store over sorted moments; returns the page behind `at` and the questions asked.
    fn find(moments: &[u64], at: usize, guess: u64) -> (Vec<u64>, usize) {
        let last = moments[at];
        let mut gallop = Gallop::new(last, guess, *moments.last().unwrap());
        for questions in 1.. {
            let before = match gallop.ask() {
                Ask::Before(h) => moments.partition_point(|moment| *moment < h),
                Ask::End => moments.len(),
            };
            let page = &moments[before.saturating_sub(PAGE)..before];
            let newer: Vec<u64> = page.iter().copied().filter(|moment| *moment > last).collect();
            let connects = page.first().is_some_and(|first| *first <= last);
            let is_end = gallop.ask() == Ask::End;
            if connects && (is_end || !newer.is_empty()) {
                return (newer, questions);
            }
            let found = if connects { Found::Nothing } else { Found::Gap };
            assert!(gallop.learn(found), "gave up");
        }
        unreachable!()
    }

    #[test]
    fn an_even_history_takes_one_question() {
        let moments: Vec<u64> = (0..1_000).map(|n| n * 10).collect();
        let (newer, questions) = find(&moments, 500, 150);
        assert_eq!((newer.len(), questions), (14, 1));
    }

    #[test]
    fn a_night_and_a_burst_are_crossed() {
        let mut moments: Vec<u64> = (0..100).collect();
        moments.extend((0..10_000).map(|n| 36_000_000 + n));
        let (newer, questions) = find(&moments, 99, 20);
        assert!(!newer.is_empty() && questions < 30, "{questions}");
        assert_eq!(newer[0], 36_000_000);
    }

    #[test]
    fn at_the_end_there_is_nothing() {
        let moments: Vec<u64> = (0..100).collect();
        assert_eq!(find(&moments, 99, 20), (vec![], 1));
    }

    proptest! {
        #[test]
        fn what_is_found_connects(
            gaps in prop::collection::vec(prop_oneof![1..5_u64, 1..10_000_000_u64], 2..300),
            at in any::<prop::sample::Index>(),
            guess in 0..1_000_000_u64,
        ) {
            let moments: Vec<u64> = gaps.iter().scan(0, |sum, gap| { *sum += gap; Some(*sum) }).collect();
            let at = at.index(moments.len());
            let (newer, questions) = find(&moments, at, guess);
            prop_assert!(questions <= 64);
            prop_assert_eq!(newer.first(), moments.get(at + 1));
        }
    }
}
