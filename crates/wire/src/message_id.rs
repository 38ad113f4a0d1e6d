//! Message ids: UUIDs of version 7 (RFC 9562 §5.7), so that ids sort by time (protocol §5).

use std::fmt;
use std::str::FromStr;

use crate::hex;
use crate::ids::IdError;
use crate::serde_text::serde_as_text;

/// The id of a chat message. It is chosen once, by the sender, and survives every retry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

/// Where the hyphens of a UUID stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl MessageId {
    /// Length of the text form in characters.
    pub const CHARS: usize = 36;

    /// An id of the time `now_ms` (of which 48 bits count) and 10 random bytes (of which 74 bits
    /// count; the rest is overwritten by version and variant).
    pub fn new(now_ms: u64, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&now_ms.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// The bytes are no UUID of version 7.
    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, IdError> {
        let is_v7 = bytes[6] >> 4 == 7 && bytes[8] >> 6 == 0b10;
        if is_v7 { Ok(Self(bytes)) } else { Err(IdError::Message) }
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The time in the id, in milliseconds since the Unix epoch, as the sender claims it.
    pub fn timestamp_ms(&self) -> u64 {
        self.0[..6].iter().fold(0, |time, byte| time << 8 | u64::from(*byte))
    }

    /// The 36 ASCII characters of the text form, without the cost of a formatter.
    pub(crate) fn text(&self) -> [u8; Self::CHARS] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; Self::CHARS];
        let mut at = 0;
        for byte in self.0 {
            if HYPHENS.contains(&at) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        text
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

impl FromStr for MessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let text: &[u8; Self::CHARS] = text.as_bytes().try_into().map_err(|_| IdError::Message)?;
        let mut bytes = [0; 16];
        let mut at = 0;
        for byte in &mut bytes {
            if HYPHENS.contains(&at) {
                if text[at] != b'-' {
                    return Err(IdError::Message);
                }
                at += 1;
            }
            let high = hex::digit(text[at]).ok_or(IdError::Message)?;
            let low = hex::digit(text[at + 1]).ok_or(IdError::Message)?;
            *byte = high << 4 | low;
            at += 2;
        }
        Self::from_bytes(bytes)
    }
}

serde_as_text!(MessageId);
