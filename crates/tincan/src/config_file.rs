//! The config file: TOML, every key optional, an unknown key an error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// What the config file may say; a flag or a variable of the same name wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    /// Directory with the identity and the history.
    pub(crate) home: Option<PathBuf>,
    /// The hub's origin.
    pub(crate) hub: Option<String>,
    /// MQTT brokers without a hub.
    #[serde(default)]
    pub(crate) brokers: Vec<String>,
    /// What contacts see.
    pub(crate) name: Option<String>,
    /// Certificates to trust beside the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// SHA-256 of the only server key to trust.
    pub(crate) pinned_key: Option<String>,
    /// Whether contacts learn that their messages were shown; the default is the engine's.
    pub(crate) read_receipts: Option<bool>,
    /// Whether our addresses are hidden from contacts; the default is the engine's.
    pub(crate) relay_only: Option<bool>,
    /// Whether requests without an invite are let into the inbox; the default is the engine's.
    pub(crate) admit_strangers: Option<bool>,
}

impl ConfigFile {
    /// Reads the file at `path`; one that nobody asked for may be missing.
    pub(crate) fn read(path: &Path, asked_for: bool) -> Result<Self, Failure> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|(line, why)| {
                Failure::BadInput(format!("{}, line {line}: {why}", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !asked_for => {
                Ok(Self::default())
            }
            Err(error) => Err(Failure::BadInput(format!(
                "cannot read the config file {}: {error}",
                path.display()
            ))),
        }
    }

    /// Parses the file's text; an error names its line.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            (line, say(error.message()))
        })
    }
}

/// The parser's message in the words of a config file, which has keys and no fields.
fn say(message: &str) -> String {
    message
        .replace("unknown field", "unknown key")
        .replace("duplicate field", "duplicate key")
        .replace(", expected one of", "; the known keys are")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, line: usize, words: &str) {
        let (found, why) = ConfigFile::parse(text).unwrap_err();
        assert_eq!(found, line, "{why}");
        assert!(why.contains(words), "{why}");
    }

    #[test]
    fn every_key_is_optional() {
        assert_eq!(ConfigFile::parse(""), Ok(ConfigFile::default()));
    }

    #[test]
    fn keys_are_read() {
        let file = ConfigFile::parse("hub = 'http://127.0.0.1:8080'\nbrokers = ['mqtt://b']");
        let file = file.expect("both keys are known");
        assert_eq!(file.hub.as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(file.brokers, ["mqtt://b"]);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_known_keys() {
        check("name = 'Ada'\nhubb = 'x'\n", 2, "unknown key `hubb`; the known keys are `home`");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_line() {
        check("\n\nread_receipts = 'yes'", 3, "expected a boolean");
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line() {
        check("hub = 'a'\nhub: b\n", 2, "");
    }
}
