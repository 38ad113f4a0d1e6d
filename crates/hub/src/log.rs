//! Ids and addresses in the log: shown only if the operator asked for them.

use std::fmt;

/// Whether the log may name people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    ids: bool,
}

impl Log {
    pub(crate) fn new(ids: bool) -> Self {
        Self { ids }
    }

    /// A value that is shown only with `log_ids`.
    pub(crate) fn id<T: fmt::Display>(self, value: T) -> Redacted<T> {
        Redacted { value, shown: self.ids }
    }
}

/// A value that shows itself or a dash.
pub(crate) struct Redacted<T> {
    value: T,
    shown: bool,
}

impl<T: fmt::Display> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shown { self.value.fmt(f) } else { f.write_str("-") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shown_only_if_asked_for() {
        assert_eq!(Log::new(false).id("alice").to_string(), "-");
        assert_eq!(Log::new(true).id("alice").to_string(), "alice");
    }
}
