//! The random ids: devices, sessions and logs (protocol §§1, 4, 5).

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use thiserror::Error;

use crate::hex;
use crate::serde_text::serde_as_text;

/// An installation of a user: 8 random bytes, 16 hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub [u8; 8]);

/// One attempt to connect two users: 16 random bytes, 32 hex digits on the wire (`sid`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 16]);

/// A sender's log: 8 characters of `a-z0-9`, random per installation or restore (`lg`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId([u8; 8]);

macro_rules! hex_id {
    ($type:ident, $bytes:literal, $error:expr) => {
        impl $type {
            /// A fresh random id.
            pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
                let mut bytes = [0; $bytes];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex::write(&self.0, f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }

        impl FromStr for $type {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                hex::read(text).map(Self).ok_or($error)
            }
        }

        serde_as_text!($type);
    };
}

hex_id!(DeviceId, 8, IdError::Device);
hex_id!(SessionId, 16, IdError::Session);

const LOG_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl LogId {
    /// A fresh random id; every character is equally likely.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        // The largest multiple of 36 in a byte: what lies above would favour the first characters.
        const FAIR: u8 = 252;
        let mut characters = [0; 8];
        for character in &mut characters {
            let mut byte = [u8::MAX];
            while byte[0] >= FAIR {
                rng.fill_bytes(&mut byte);
            }
            *character = LOG_ALPHABET[usize::from(byte[0] % 36)];
        }
        Self(characters)
    }

    /// The 8 characters.
    pub fn as_str(&self) -> &str {
        // Always ASCII by construction, so the fallback is never seen.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

impl FromStr for LogId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let characters: [u8; 8] = text.as_bytes().try_into().map_err(|_| IdError::Log)?;
        let legal = characters.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if legal { Ok(Self(characters)) } else { Err(IdError::Log) }
    }
}

serde_as_text!(LogId);

/// Why a text is no such id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// Not 16 lower-case hex digits.
    #[error("a device id is 16 lower-case hex digits")]
    Device,
    /// Not 32 lower-case hex digits.
    #[error("a session id is 32 lower-case hex digits")]
    Session,
    /// Not 8 characters of `a-z0-9`.
    #[error("a log id is 8 characters of a-z and 0-9")]
    Log,
    /// Not a lower-case, hyphenated UUID of version 7.
    #[error("a message id is a lower-case UUID of version 7, with hyphens")]
    Message,
    /// Not `sha-256` and 32 pairs of hex digits.
    #[error("a fingerprint is `sha-256` and 32 pairs of hex digits with colons")]
    Fingerprint,
    /// Not 8 lower-case hex digits.
    #[error("a prekey id is 8 lower-case hex digits")]
    Prekey,
}

impl IdError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Device => "device_id",
            Self::Session => "session_id",
            Self::Log => "log_id",
            Self::Message => "message_id",
            Self::Fingerprint => "fingerprint",
            Self::Prekey => "prekey_id",
        }
    }
}
