//! Why a command ends early, with the exit code that says so.

use std::io;

use crate::screen_text::one_line;

/// Why a command ends early. Shown as one line on stderr.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done: exit code 1. Says why and what to do.
    Failed(String),
    /// What was asked for makes no sense: exit code 2. Says why and what to do.
    BadInput(String),
    /// The same, and the output has said it all.
    Said,
    /// Whoever read our output has gone: nothing to say and nobody to say it to.
    NobodyReads,
}

impl Failure {
    pub(crate) fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }

    pub(crate) fn bad_input(why: impl std::fmt::Display) -> Self {
        Self::BadInput(why.to_string())
    }

    /// The process's exit code.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Said => 1,
            Self::BadInput(_) => 2,
            Self::NobodyReads => 0,
        }
    }

    /// The line for a person, if there is one.
    pub(crate) fn line(&self) -> Option<String> {
        match self {
            Self::Failed(why) | Self::BadInput(why) => Some(one_line(why)),
            Self::Said | Self::NobodyReads => None,
        }
    }
}

impl From<io::Error> for Failure {
    /// For what is written to our own output; files and sockets name themselves in their errors.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::NobodyReads
        } else {
            Self::Failed(format!("cannot write the output: {error}"))
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::from(io::Error::from(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        let failure = Failure::failed("first\nsecond\u{1b}[2J");
        assert_eq!(failure.line().as_deref(), Some("first second[2J"));
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.code(), failure.line()), (0, None));
    }
}
