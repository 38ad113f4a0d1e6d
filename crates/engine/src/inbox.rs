//! What we hold of one log of a contact (protocol §6): deduplication and gaps.

use tincan_wire::Ranges;

/// Out-of-order positions that are held per log: more than any honest sender leaves open.
pub(crate) const MAX_OUT_OF_ORDER: u64 = 256;

/// One log of a contact.
///
/// `expected` runs ahead of `durable` while transactions are under way; a failed transaction
/// takes it back, so that what was not written is taken when it comes again.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// On our disk.
    durable: Ranges,
    /// On our disk or on its way there.
    expected: Ranges,
    /// The last position shown to a person.
    pub(crate) read: u64,
    /// The last position that the present session told the contact was read.
    pub(crate) read_told: u64,
}

/// What to do with a position that has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// New: store it.
    Take,
    /// Held or on its way to the disk: acknowledge again, once it is durable.
    Known,
    /// Too far ahead of a gap: drop it, it will come again.
    TooFar,
}

impl Inbox {
    pub(crate) fn new(have: Ranges, read: u64) -> Self {
        Self { expected: have.clone(), durable: have, read, read_told: 0 }
    }

    /// Judges a position and, if it is new, expects it on disk.
    pub(crate) fn take(&mut self, s: u64) -> Verdict {
        if self.expected.contains(s) {
            return Verdict::Known;
        }
        let next = s == self.expected.cumulative() + 1;
        if !next && self.expected.count_above() >= MAX_OUT_OF_ORDER {
            return Verdict::TooFar;
        }
        self.expected.insert(s);
        Verdict::Take
    }

    /// The position after the last: for messages of plain clients, which bring none.
    pub(crate) fn next(&self) -> u64 {
        self.expected.highest() + 1
    }

    /// Positions that will never carry anything count as held. Returns those that are new, at
    /// most as many as may be out of order.
    pub(crate) fn take_gone(&mut self, gone: &Ranges) -> Ranges {
        let mut new = Ranges::new();
        for (first, last) in gone.iter() {
            let cumulative = self.expected.cumulative();
            if first <= cumulative + 1 && last > cumulative {
                // Closes on what we hold: any length is one range.
                self.expected.insert_range(first, last);
                new.insert_range(first, last);
                continue;
            }
            for s in (first..=last).take(MAX_OUT_OF_ORDER as usize) {
                if self.take(s) == Verdict::Take {
                    new.insert(s);
                }
            }
        }
        new
    }

    /// These positions are on disk now. They are acknowledged and won't come again, so they count
    /// as expected, too, whatever failed in between.
    pub(crate) fn stored(&mut self, s: &Ranges) {
        self.durable.insert_all(s);
        self.expected.insert_all(s);
    }

    /// A transaction failed. Everything that is not durable is expected anew; what other
    /// transactions under way then write is taken twice, and the store drops the second.
    pub(crate) fn not_stored(&mut self) {
        self.expected = self.durable.clone();
    }

    /// What is on our disk: for `ack` and `sync`.
    pub(crate) fn have(&self) -> &Ranges {
        &self.durable
    }

    /// Cumulative and selective acknowledgement.
    pub(crate) fn ack(&self) -> (u64, Vec<u64>) {
        let sel = self.durable.above_cumulative().take(MAX_OUT_OF_ORDER as usize).collect();
        (self.durable.cumulative(), sel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_position_is_taken_once() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(1), Verdict::Take);
        assert_eq!(inbox.take(1), Verdict::Known);
    }

    #[test]
    fn nothing_is_acknowledged_before_it_is_stored() {
        let mut inbox = Inbox::default();
        inbox.take(1);
        assert_eq!(inbox.ack(), (0, vec![]));
        inbox.stored(&Ranges::from_range(1, 1));
        assert_eq!(inbox.ack(), (1, vec![]));
    }

    #[test]
    fn a_gap_is_acknowledged_selectively() {
        let mut inbox = Inbox::new(Ranges::from_range(1, 42), 0);
        inbox.take(44);
        inbox.take(45);
        inbox.stored(&Ranges::from_range(44, 45));
        assert_eq!(inbox.ack(), (42, vec![44, 45]));
    }

    #[test]
    fn at_most_256_are_held_out_of_order_but_the_next_always_is() {
        let mut inbox = Inbox::default();
        for s in 2..2 + MAX_OUT_OF_ORDER {
            assert_eq!(inbox.take(s), Verdict::Take);
        }
        assert_eq!(inbox.take(1_000), Verdict::TooFar);
        assert_eq!(inbox.take(1), Verdict::Take);
        assert_eq!(inbox.take(1_000), Verdict::Take, "the gap is closed");
    }

    #[test]
    fn what_was_not_stored_is_taken_again() {
        let mut inbox = Inbox::default();
        inbox.take(1);
        inbox.not_stored();
        assert_eq!(inbox.take(1), Verdict::Take);
    }

    #[test]
    fn what_is_stored_after_another_failed_is_held_and_leaves_no_gap() {
        let mut inbox = Inbox::default();
        inbox.take(1);
        inbox.take(2);
        inbox.not_stored();
        inbox.stored(&Ranges::from_range(2, 2));
        assert_eq!(inbox.take(2), Verdict::Known);
        assert_eq!(inbox.take(1), Verdict::Take);
        assert_eq!(inbox.next(), 3);
        for s in 3..3 + 2 * MAX_OUT_OF_ORDER {
            assert_eq!(inbox.take(s), Verdict::Take);
        }
    }

    #[test]
    fn gone_positions_close_a_gap() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take_gone(&Ranges::from_range(1, 1_000_000)).highest(), 1_000_000);
        assert_eq!(inbox.take(1_000_001), Verdict::Take);
    }

    #[test]
    fn gone_positions_far_ahead_are_bounded() {
        let mut inbox = Inbox::default();
        let new = inbox.take_gone(&Ranges::from_range(10, 1_000_000_000));
        assert!(new.iter().map(|(a, b)| b - a + 1).sum::<u64>() <= MAX_OUT_OF_ORDER);
    }
}
