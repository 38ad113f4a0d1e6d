//! What the bench programs share: figures as lines of JSON, and quantiles.

use std::time::Duration;

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// It must reach at least this.
    AtLeast(f64),
    /// It may reach at most this.
    AtMost(f64),
    /// It is shown for comparison.
    None,
}

/// Prints one figure as a line of JSON: `figure`, `value`, `unit`, `target`, `ok`.
#[expect(clippy::print_stdout, reason = "this is what the programs are for")]
pub fn figure(figure: &str, value: f64, unit: &str, target: Target) {
    let (limit, ok) = match target {
        Target::AtLeast(limit) => (Some(limit), value >= limit),
        Target::AtMost(limit) => (Some(limit), value <= limit),
        Target::None => (None, true),
    };
    let line = serde_json::json!({
        "figure": figure, "value": value, "unit": unit, "target": limit, "ok": ok,
    });
    println!("{line}");
}

/// The value below which `share` of the samples lie. Sorts them; zero without samples.
pub fn quantile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    let index = (share * last as f64).round() as usize;
    samples.get(index).copied().unwrap_or_default()
}

/// In milliseconds.
pub fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_unsorted_samples() {
        let mut samples: Vec<_> = (1..=101).rev().map(Duration::from_millis).collect();
        assert_eq!(quantile(&mut samples, 0.5), Duration::from_millis(51));
        assert_eq!(quantile(&mut samples, 0.99), Duration::from_millis(100));
        assert_eq!(quantile(&mut [], 0.5), Duration::ZERO);
    }
}
