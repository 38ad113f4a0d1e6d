//! One thing that was found out.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::check::Check;
use crate::text::Text;

/// How good something is for a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It could not be found out.
    Unknown,
    /// It works, in a roundabout way or with a limit that one should know.
    Notice,
    /// A chat does not work until something is done.
    Problem,
}

impl Verdict {
    /// In one character.
    #[must_use]
    pub fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Unknown => "?",
            Self::Notice => "!",
            Self::Problem => "✗",
        }
    }
}

/// One thing that was found out, what it means and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// A stable name of the finding, for programs.
    pub code: &'static str,
    /// How good that is.
    pub verdict: Verdict,
    /// What was found.
    pub what: Text,
    /// What it means for a chat; empty where that goes without saying.
    pub meaning: Text,
    /// What to do; empty where there is nothing to do.
    pub remedy: Text,
    /// How long the server took to answer, in milliseconds.
    #[serde(
        rename = "latency_ms",
        serialize_with = "as_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub latency: Option<Duration>,
}

impl Finding {
    pub(crate) fn new(
        check: Check,
        verdict: Verdict,
        code: &'static str,
        what: impl Into<Text>,
    ) -> Self {
        let (meaning, remedy) = (Text::default(), Text::default());
        Self { check, code, verdict, what: what.into(), meaning, remedy, latency: None }
    }

    pub(crate) fn meaning(self, meaning: impl Into<Text>) -> Self {
        Self { meaning: meaning.into(), ..self }
    }

    pub(crate) fn remedy(self, remedy: impl Into<Text>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    pub(crate) fn latency(self, latency: Duration) -> Self {
        Self { latency: Some(latency), ..self }
    }
}

fn as_ms<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    // A tenth of a millisecond is as exact as it can be.
    let tenths = time.map(|time| (time.as_secs_f64() * 10_000.0).round() / 10.0);
    match tenths {
        Some(ms) => serializer.serialize_f64(ms),
        None => serializer.serialize_none(),
    }
}
