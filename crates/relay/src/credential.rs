//! Long-term credentials (RFC 8489 §9.2) that expire, as coturn's REST scheme makes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use zeroize::{Zeroize as _, Zeroizing};

use crate::mac::hmac_sha1;

/// Longer names are refused; those of this scheme have some 40 bytes, and one is kept with each
/// allocation.
pub const MAX_USERNAME_BYTES: usize = 128;

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// `expiry:random`, the first in Unix seconds.
    pub username: String,
    /// base64(HMAC-SHA1(secret, username)).
    pub password: String,
}

impl Credential {
    /// A credential that is good until `expiry_unix_seconds` at every relay that has the secret.
    /// `random` tells users apart: quotas count by it. It should be of 1 to 64 letters and digits.
    #[must_use]
    pub fn issue(secret: &Secret, expiry_unix_seconds: u64, random: &str) -> Self {
        let username = format!("{expiry_unix_seconds}:{random}");
        let password = secret.password(username.as_bytes());
        Self { username, password }
    }

    /// The key that requests are signed with in this realm.
    #[must_use]
    pub fn key(&self, realm: &str) -> Key {
        Key::new(self.username.as_bytes(), realm, &self.password)
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What passwords are made from; coturn calls it `static-auth-secret`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret as it stands in the configuration, of any length.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    fn password(&self, username: &[u8]) -> String {
        STANDARD.encode(hmac_sha1(&self.0, &[username]))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The secrets whose credentials are taken. To rotate, make `current` `previous` and take a new
/// one; once the longest credential has expired, `previous` can go. Allocations outlive both.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The one that new credentials are made from.
    pub current: Secret,
    /// The one before.
    pub previous: Option<Secret>,
}

impl Secrets {
    pub(crate) fn keys<'a>(
        &'a self,
        username: &'a [u8],
        realm: &'a str,
    ) -> impl Iterator<Item = Key> + 'a {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .map(move |secret| Key::new(username, realm, &secret.password(username)))
    }
}

/// What MESSAGE-INTEGRITY is made with: MD5(username:realm:password) (RFC 8489 §9.2.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl Key {
    fn new(username: &[u8], realm: &str, password: &str) -> Self {
        let mut hash = Md5::new();
        for part in [username, b":", realm.as_bytes(), b":", password.as_bytes()] {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// A name of the scheme, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) expiry_unix_seconds: u64,
    pub(crate) random: &'a [u8],
}

impl<'a> Name<'a> {
    /// `None` if it is too long or not `expiry:random`.
    pub(crate) fn parse(username: &'a [u8]) -> Option<Self> {
        if username.len() > MAX_USERNAME_BYTES {
            return None;
        }
        let colon = username.iter().position(|byte| *byte == b':')?;
        let (digits, random) = (username.get(..colon)?, username.get(colon + 1..)?);
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let expiry = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (is_number && !random.is_empty()).then_some(Self { expiry_unix_seconds: expiry, random })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_one_that_coturn_expects() {
        // echo -n 1700000000:alice | openssl dgst -sha1 -hmac north -binary | base64
        let credential = Credential::issue(&Secret::new("north"), 1_700_000_000, "alice");
        assert_eq!(credential.username, "1700000000:alice");
        assert_eq!(credential.password, "Cd/49soE35ICqcJF/bCTn8Z4OyE=");
    }

    #[test]
    fn a_key_is_the_one_of_the_rfc() {
        // RFC 8489 §9.2.2: user "user", realm "realm", password "pass".
        let key = Key::new(b"user", "realm", "pass");
        assert_eq!(
            key.0,
            [
                0x84, 0x93, 0xFB, 0xC5, 0x3B, 0xA5, 0x82, 0xFB, 0x4C, 0x04, 0x4C, 0x45, 0x6B, 0xDC,
                0x40, 0xEB
            ]
        );
    }

    #[test]
    fn names_that_are_not_of_the_scheme_are_none() {
        let check = |name: &str, expected: Option<(u64, &str)>| {
            let parsed = Name::parse(name.as_bytes());
            let expected = expected.map(|(expiry_unix_seconds, random)| Name {
                expiry_unix_seconds,
                random: random.as_bytes(),
            });
            assert_eq!(parsed, expected, "{name}");
        };
        check("12:a", Some((12, "a")));
        check("12:a:b", Some((12, "a:b")));
        for name in ["", "12", "12:", ":a", "+12:a", "-1:a", "1x:a", "99999999999999999999:a"] {
            check(name, None);
        }
        check(&format!("1:{}", "a".repeat(127)), None);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let secret = Secret::new("north");
        let credential = Credential::issue(&secret, 1, "alice");
        let shown = format!("{secret:?} {credential:?} {:?}", credential.key("realm"));
        assert!(!shown.contains("north") && !shown.contains(&credential.password), "{shown}");
    }
}
