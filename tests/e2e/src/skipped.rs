//! Saying that something was not tried on this machine.

use std::io::Write as _;

/// Says so in one line of stderr, where the harness holds nothing back, and in one of stdout for
/// whoever counts there.
pub fn skipped(what: &str, why: &str) {
    let line = format!("\nSKIPPED: {what}: {}\n", why.replace('\n', " "));
    // Where nobody listens there is nobody to tell.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let _ = std::io::stdout().write_all(line.as_bytes());
}
