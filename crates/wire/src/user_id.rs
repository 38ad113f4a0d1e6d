//! User ids: an Ed25519 public key written as bech32m with the prefix `tin` (protocol §1).

use std::fmt;
use std::str::FromStr;

use bech32::primitives::decode::{CheckedHrpstring, CheckedHrpstringError, UncheckedHrpstring};
use bech32::{Bech32, Bech32m, Hrp};
use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use crate::serde_text::serde_as_text;

/// Length of every user id in characters: `tin`, `1`, 52 characters of key, 6 of checksum.
pub const USER_ID_CHARS: usize = 62;

const PREFIX: Hrp = Hrp::parse_unchecked("tin");

/// A user: a valid Ed25519 public key (canonical, not of small order).
///
/// Made by [`UserId::from_bytes`] or by parsing its text; both check the key once, so a `UserId`
/// in hand is always valid. The order is that of the key bytes: the smaller one wins a glare
/// (protocol §4). `Debug` shows only [`UserId::short`], so that ids stay out of logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId([u8; 32]);

impl UserId {
    /// Checks a public key.
    ///
    /// # Errors
    /// The key is no curve point, not in canonical form, or of small order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, UserIdError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| UserIdError::NotAKey)?;
        if key.to_edwards().compress().to_bytes() != bytes {
            return Err(UserIdError::NotCanonical);
        }
        if key.is_weak() {
            return Err(UserIdError::SmallOrder);
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes of the public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A shortened form such as `tin1qqqq…wxyz`, for show and never a proof of who it is.
    pub fn short(&self) -> String {
        let text = self.to_string();
        format!("{}…{}", &text[..8], &text[text.len() - 4..])
    }

    /// The id of a key pair, whose public half is valid by construction.
    pub(crate) fn of_own_key(key: &VerifyingKey) -> Self {
        Self(key.to_bytes())
    }

    /// The key that verifies this user's signatures.
    pub(crate) fn verifying_key(&self) -> VerifyingKey {
        #[expect(clippy::expect_used, reason = "a UserId is checked when it is made")]
        VerifyingKey::from_bytes(&self.0).expect("a UserId holds a valid key")
    }

    /// The X25519 form of the key, for sealing and for the pair secret.
    pub(crate) fn x25519(&self) -> [u8; 32] {
        self.verifying_key().to_montgomery().to_bytes()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32::encode_lower_to_fmt::<Bech32m, _>(f, PREFIX, &self.0).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl FromStr for UserId {
    type Err = UserIdError;

    fn from_str(text: &str) -> Result<Self, UserIdError> {
        if !text.is_ascii() {
            return Err(UserIdError::BadCharacter);
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(UserIdError::UpperCase);
        }
        if !text.starts_with("tin1") {
            return Err(UserIdError::WrongPrefix);
        }
        if text.len() != USER_ID_CHARS {
            return Err(UserIdError::WrongLength(text.len()));
        }
        let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|error| match error {
            CheckedHrpstringError::Checksum(_) if has_bech32_checksum(text) => {
                UserIdError::OldChecksum
            }
            CheckedHrpstringError::Checksum(_) => UserIdError::BadChecksum,
            _ => UserIdError::BadCharacter,
        })?;
        let mut bytes = [0; 32];
        for (slot, byte) in bytes.iter_mut().zip(checked.byte_iter()) {
            *slot = byte;
        }
        let id = Self::from_bytes(bytes)?;
        // The last of the 52 characters carries four padding bits, which have one legal value.
        if id.to_string() == text { Ok(id) } else { Err(UserIdError::BadPadding) }
    }
}

serde_as_text!(UserId);

fn has_bech32_checksum(text: &str) -> bool {
    UncheckedHrpstring::new(text).is_ok_and(|parsed| parsed.has_valid_checksum::<Bech32>())
}

/// Why a text or a key is no user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UserIdError {
    /// Not 62 characters.
    #[error(
        "a user id has {USER_ID_CHARS} characters, this has {0}; copy the whole id that starts with tin1"
    )]
    WrongLength(usize),
    /// Some character is upper case.
    #[error("a user id is all lower case; copy it again from `tincan id`")]
    UpperCase,
    /// It does not start with `tin1`.
    #[error("a user id starts with tin1; check that this is a Tincan id")]
    WrongPrefix,
    /// A character that bech32 does not use.
    #[error("a character here never occurs in a user id; copy it again from `tincan id`")]
    BadCharacter,
    /// The checksum is wrong.
    #[error("the user id has a typing error (its checksum is wrong); copy it again")]
    BadChecksum,
    /// The checksum is that of bech32, not bech32m.
    #[error("the user id was made with the older bech32 checksum; ask for one made by Tincan")]
    OldChecksum,
    /// The unused bits at the end are not zero.
    #[error("the user id has stray bits at its end; ask its owner to send it again")]
    BadPadding,
    /// The bytes are no point of the curve.
    #[error("the user id holds no valid key; ask its owner to send it again")]
    NotAKey,
    /// The key is not in its canonical form.
    #[error("the user id holds a key in a forbidden form; do not trust it")]
    NotCanonical,
    /// The key is of small order: signatures under it prove nothing.
    #[error("the user id holds a key that anybody could sign for; do not trust it")]
    SmallOrder,
}

impl UserIdError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongLength(_) => "user_id_length",
            Self::UpperCase => "user_id_upper_case",
            Self::WrongPrefix => "user_id_prefix",
            Self::BadCharacter => "user_id_character",
            Self::BadChecksum => "user_id_checksum",
            Self::OldChecksum => "user_id_old_checksum",
            Self::BadPadding => "user_id_padding",
            Self::NotAKey => "user_id_not_a_key",
            Self::NotCanonical => "user_id_not_canonical",
            Self::SmallOrder => "user_id_small_order",
        }
    }
}
