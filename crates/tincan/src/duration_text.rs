//! Spans of time as a person writes and reads them: `90s`, `5m`, `12h`, `7d`.

use std::time::Duration;

/// Reads a number with a unit: `ms`, `s`, `m`, `h` or `d`; a bare number is seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no span of time; write one like 500ms, 30s, 5m, 12h or 7d");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis_each = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    number.checked_mul(millis_each).map(Duration::from_millis).ok_or_else(bad)
}

/// The span in its largest fitting unit: `3 s`, `5 min`, `2 h`, `7 d`.
pub(crate) fn show_duration(span: Duration) -> String {
    match span.as_secs() {
        0 if span.is_zero() => "0 s".to_owned(),
        0 => format!("{} ms", span.as_millis()),
        secs @ 1..120 => format!("{secs} s"),
        secs @ 120..7_200 => format!("{} min", secs / 60),
        secs @ 7_200..172_800 => format!("{} h", secs / 3_600),
        secs => format!("{} d", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_every_unit() {
        for (text, millis) in
            [("0", 0), ("90", 90_000), ("500ms", 500), ("30s", 30_000), ("2d", 172_800_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_says_how_to_write_one() {
        for text in ["", "s", "-1", "1.5h", "3 weeks", "99999999999999999999s", "213503982335d"] {
            let message = parse_duration(text).unwrap_err();
            assert!(message.contains("write one like"), "{message}");
        }
    }

    #[test]
    fn spans_show_in_their_largest_fitting_unit() {
        for (secs, text) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (604_800, "7 d")] {
            assert_eq!(show_duration(Duration::from_secs(secs)), text);
        }
    }
}
