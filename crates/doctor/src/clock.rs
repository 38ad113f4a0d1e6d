//! This machine's clock beside the hub's.

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::text::{Text, words};

/// A clock that is off by less is right enough for a chat.
const NOTABLE_MS: u64 = 2 * 60 * 1_000;

/// Judges a clock that is `behind_ms` milliseconds behind the hub's; negative if it is ahead.
pub(crate) fn judge(behind_ms: i64) -> Finding {
    let off = behind_ms.unsigned_abs();
    if off < NOTABLE_MS {
        let what = words!["This machine's clock is right to ", seconds(off), "."];
        return Finding::new(Check::Clock, Verdict::Good, "clock_right", what);
    }
    let way = if behind_ms < 0 { " ahead of the hub's." } else { " behind the hub's." };
    let what = words!["This machine's clock is ", amount(off), way];
    Finding::new(Check::Clock, Verdict::Notice, "clock_wrong", what)
        .meaning(
            "Messages carry the wrong time, and certificates may seem to have expired; nothing \
             else suffers.",
        )
        .remedy("Set the clock, or switch on automatic time.")
}

fn seconds(off_ms: u64) -> Text {
    Text::figure(match off_ms {
        0..1_000 => "a second".to_owned(),
        _ => format!("{} seconds", off_ms.div_ceil(1_000)),
    })
}

/// To the nearest: a year that is some milliseconds short is a year.
fn amount(off_ms: u64) -> Text {
    let nearest = |unit_ms: u64| (off_ms / unit_ms) + u64::from(off_ms % unit_ms >= unit_ms / 2);
    Text::figure(match nearest(60_000) {
        minutes @ 0..120 => format!("{minutes} minutes"),
        120..2_880 => format!("{} hours", nearest(3_600_000)),
        _ => format!("{} days", nearest(86_400_000)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(behind_ms: i64, verdict: Verdict, words: &str) {
        let found = judge(behind_ms);
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(found.what.shown().contains(words), "{found:?}");
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        check(0, Verdict::Good, "right to a second");
        check(-119_000, Verdict::Good, "right to 119 seconds");
        check(120_000, Verdict::Notice, "2 minutes behind");
        check(-5 * 3_600_000, Verdict::Notice, "5 hours ahead");
        check(365 * 86_400_000, Verdict::Notice, "365 days behind");
        check(i64::MIN, Verdict::Notice, "days ahead");
    }
}
