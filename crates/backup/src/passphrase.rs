//! What a person types to lock and unlock a backup.

use std::fmt;

use thiserror::Error;
#[cfg(not(target_arch = "wasm32"))]
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Fewest characters of a passphrase for a new backup. The file may lie anywhere for years, and
/// whoever has it may guess without end; fewer can be tried out whatever the parameters.
pub const MIN_PASSPHRASE_CHARS: usize = 8;

/// Longest passphrase in bytes of UTF-8: a page of text, so that a wrong file given as the
/// passphrase is noticed.
const MAX_BYTES: usize = 1024;

/// A passphrase in the one form that counts: NFC, so that the same words typed on another
/// system are the same bytes. It is wiped from memory when it goes.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes what was typed, without the line break after it. A page has no such function: its
    /// browser knows NFC, and the tables need not be sent to it.
    ///
    /// # Errors
    /// It is empty or very long.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(typed: &str) -> Result<Self, PassphraseError> {
        Self::with(typed, |typed, text| text.extend(typed.nfc()))
    }

    /// The same, where `nfc` appends its first argument in NFC to its second.
    ///
    /// # Errors
    /// It is empty or very long.
    pub fn with(typed: &str, nfc: impl FnOnce(&str, &mut String)) -> Result<Self, PassphraseError> {
        if typed.is_empty() {
            return Err(PassphraseError::Empty);
        }
        if typed.len() > MAX_BYTES {
            return Err(PassphraseError::TooLong);
        }
        // Room for the longest outcome, so that no half of it stays behind in freed memory.
        let mut text = Zeroizing::new(String::with_capacity(typed.len() * 3));
        nfc(typed, &mut text);
        Ok(Self(text))
    }

    /// Whether a new backup may be locked with it.
    ///
    /// # Errors
    /// It has fewer than [`MIN_PASSPHRASE_CHARS`] characters.
    pub fn check_for_writing(&self) -> Result<(), PassphraseError> {
        if self.0.chars().count() < MIN_PASSPHRASE_CHARS {
            return Err(PassphraseError::TooShort);
        }
        Ok(())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Why a passphrase is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PassphraseError {
    /// Nothing was typed.
    #[error("the passphrase is empty; type the one that locks the backup")]
    Empty,
    /// Fewer than [`MIN_PASSPHRASE_CHARS`] characters.
    #[error(
        "the passphrase has fewer than {MIN_PASSPHRASE_CHARS} characters; take a longer one, such as five words that do not belong together"
    )]
    TooShort,
    /// More than a page.
    #[error("the passphrase has more than {MAX_BYTES} bytes; take a shorter one")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_of_two_systems_are_the_same_bytes() {
        let composed = Passphrase::new("caf\u{e9} au lait").unwrap();
        let decomposed = Passphrase::new("cafe\u{301} au lait").unwrap();
        assert_eq!(composed.as_bytes(), decomposed.as_bytes());
    }

    #[test]
    fn it_has_bounds() {
        assert_eq!(Passphrase::new("").unwrap_err(), PassphraseError::Empty);
        assert_eq!(Passphrase::new(&"x".repeat(1025)).unwrap_err(), PassphraseError::TooLong);
        let check = |text| Passphrase::new(text).unwrap().check_for_writing();
        assert_eq!(check("seven77"), Err(PassphraseError::TooShort));
        assert_eq!(check("eight888"), Ok(()));
        assert_eq!(check("日本語日本語日"), Err(PassphraseError::TooShort), "characters count");
    }

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", Passphrase::new("secret words").unwrap()), "Passphrase(…)");
    }
}
