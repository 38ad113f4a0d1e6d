//! The SHA-256 fingerprint of a session's DTLS certificate (RFC 8122 §5).

use std::fmt;
use std::str::FromStr;

use crate::ids::IdError;
use crate::serde_text::serde_as_text;

/// SHA-256 of a DTLS certificate in DER.
///
/// Written `sha-256 AB:CD:…` with upper-case hex digits. Reading ignores the case of the
/// algorithm's name and of the digits, as SDP allows both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha-256 ")?;
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (algorithm, digits) = text.split_once(' ').ok_or(IdError::Fingerprint)?;
        if !algorithm.eq_ignore_ascii_case("sha-256") {
            return Err(IdError::Fingerprint);
        }
        digits_to_bytes(digits).map(Self).ok_or(IdError::Fingerprint)
    }
}

/// Reads `AB:CD:…`, exactly 32 pairs.
fn digits_to_bytes(digits: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 95] = digits.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let at = index * 3;
        let value = |character: u8| char::from(character).to_digit(16);
        let pair = value(digits[at])? << 4 | value(digits[at + 1])?;
        *byte = u8::try_from(pair).ok()?;
        if digits.get(at + 2).is_some_and(|separator| *separator != b':') {
            return None;
        }
    }
    Some(bytes)
}

serde_as_text!(Fingerprint);
