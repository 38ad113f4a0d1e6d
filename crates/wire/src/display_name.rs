//! Display names: what a user's owner says, made harmless (protocol §1).

use std::fmt;

#[cfg(not(target_arch = "wasm32"))]
use unicode_normalization::UnicodeNormalization as _;

/// Longest display name in bytes of UTF-8.
pub const MAX_DISPLAY_NAME_BYTES: usize = 64;

/// More characters than these of the input are not looked at: normalising shortens a text to a
/// third at most in practice, so that 64 bytes are filled well before, and the work is bounded.
const MAX_INPUT_CHARS: usize = 512;

/// A name for show: at most 64 bytes, NFC, without control and bidi characters, trimmed. It may
/// be empty and proves nothing; a local nickname wins over it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DisplayName(String);

impl DisplayName {
    /// Makes a name of any text: drops what is forbidden, normalises, cuts at a character.
    pub fn clean(text: &str) -> Self {
        let visible = text.trim().chars().filter(|c| is_allowed(*c)).take(MAX_INPUT_CHARS);
        let mut name = String::new();
        // A page has no tables for it: its names are normalised where they are typed, and those
        // of others were so where they were.
        #[cfg(not(target_arch = "wasm32"))]
        let visible = visible.nfc();
        for character in visible {
            if name.len() + character.len_utf8() > MAX_DISPLAY_NAME_BYTES {
                break;
            }
            name.push(character);
        }
        Self(name.trim().to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Control characters, line and paragraph separators, and everything that changes the direction
/// of the text around it (UAX #9 §2) are not.
fn is_allowed(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(…)")
    }
}

impl serde::Serialize for DisplayName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for DisplayName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        Ok(Self::clean(&text))
    }
}
