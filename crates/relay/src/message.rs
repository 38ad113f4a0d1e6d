//! STUN messages: reading ([`Message`]) and writing ([`Builder`]), as far as TURN needs them
//! (RFC 8489 §5 and §14, RFC 8656 §18). Clients can use it as well as the server.

pub mod attribute;
mod builder;
mod header;
mod xor_address;

use std::net::SocketAddr;

use subtle::ConstantTimeEq as _;

use crate::credential::Key;
use crate::mac::{MAC_BYTES, hmac_sha1};
use attribute::{FINGERPRINT, MESSAGE_INTEGRITY};
use header::MAGIC_COOKIE;

pub use builder::Builder;
pub use header::{Class, Method, Transaction};
pub(crate) use header::{HEADER_BYTES, header};
pub(crate) use xor_address::XorAddress;

/// A well-formed message that borrows its bytes.
///
/// Attributes behind MESSAGE-INTEGRITY are not shown, as anybody could have added them
/// (RFC 8489 §14.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    class: Class,
    method: Method,
    transaction: Transaction,
    bytes: &'a [u8],
    /// Where the attributes that count end: at MESSAGE-INTEGRITY, FINGERPRINT or the end.
    end: usize,
    integrity: Option<&'a [u8; MAC_BYTES]>,
    has_fingerprint: bool,
}

/// Why bytes are no STUN message that can be read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Fewer than 20 bytes, another cookie, or a length that is not that of the bytes.
    #[error("not a STUN message")]
    NotStun,
    /// A method that TURN over UDP does not have.
    #[error("a STUN message of an unknown method")]
    UnknownMethod,
    /// An attribute is longer than the message, or not as long as its kind.
    #[error("a STUN message with a broken attribute")]
    BrokenAttribute,
    /// FINGERPRINT is wrong or not the last attribute.
    #[error("a STUN message with a wrong fingerprint")]
    WrongFingerprint,
}

impl<'a> Message<'a> {
    /// Reads a message that fills `bytes`.
    ///
    /// # Errors
    /// If it is malformed, or FINGERPRINT is there and wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, attributes) =
            bytes.split_first_chunk::<HEADER_BYTES>().ok_or(ParseError::NotStun)?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if t0 >= 0x40 || [c0, c1, c2, c3] != MAGIC_COOKIE || length != attributes.len() {
            return Err(ParseError::NotStun);
        }
        let (class, method) = header::parse_type([t0, t1]).ok_or(ParseError::UnknownMethod)?;
        let transaction = Transaction(transaction);
        let (end, integrity, has_fingerprint) = (bytes.len(), None, false);
        Self { class, method, transaction, bytes, end, integrity, has_fingerprint }.checked()
    }

    /// Walks over all attributes once.
    fn checked(mut self) -> Result<Self, ParseError> {
        let mut rest = self.bytes.get(HEADER_BYTES..).unwrap_or_default();
        while !rest.is_empty() {
            let at = self.bytes.len() - rest.len();
            let (kind, value, after) = split(rest).ok_or(ParseError::BrokenAttribute)?;
            match kind {
                MESSAGE_INTEGRITY if self.integrity.is_none() => {
                    let mac = value.try_into().map_err(|_| ParseError::BrokenAttribute)?;
                    (self.integrity, self.end) = (Some(mac), at);
                }
                FINGERPRINT => {
                    let covered = self.bytes.get(..at).unwrap_or_default();
                    if !after.is_empty() || value != fingerprint(covered).to_be_bytes() {
                        return Err(ParseError::WrongFingerprint);
                    }
                    (self.has_fingerprint, self.end) = (true, self.end.min(at));
                }
                _ => {}
            }
            rest = after;
        }
        Ok(self)
    }

    /// Request, answer or indication.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// What it is for.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// Its transaction id.
    #[must_use]
    pub fn transaction(&self) -> Transaction {
        self.transaction
    }

    /// Whether it ends in a FINGERPRINT, which then is right.
    #[must_use]
    pub fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// Whether there is a MESSAGE-INTEGRITY, right or wrong.
    #[must_use]
    pub fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with this key.
    #[must_use]
    pub fn verify(&self, key: &Key) -> bool {
        let Some(mac) = self.integrity else { return false };
        let length = length_field(self.end - HEADER_BYTES + 4 + MAC_BYTES);
        let parts = [self.bytes.get(..2), Some(&length), self.bytes.get(4..self.end)];
        let expected = hmac_sha1(key.as_bytes(), &parts.map(Option::unwrap_or_default));
        bool::from(expected.ct_eq(mac))
    }

    /// Kind and value of each attribute before MESSAGE-INTEGRITY and FINGERPRINT.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut rest = self.bytes.get(HEADER_BYTES..self.end).unwrap_or_default();
        std::iter::from_fn(move || {
            let (kind, value, after) = split(rest)?;
            rest = after;
            Some((kind, value))
        })
    }

    /// The first attribute of a kind, which is the one that counts (RFC 8489 §14).
    #[must_use]
    pub fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find(|(other, _)| *other == kind).map(|(_, value)| value)
    }

    /// The number of 32 bits in an attribute such as LIFETIME.
    ///
    /// # Errors
    /// If it is there with another length.
    pub fn number(&self, kind: u16) -> Result<Option<u32>, ParseError> {
        let Some(value) = self.find(kind) else { return Ok(None) };
        let bytes = value.try_into().map_err(|_| ParseError::BrokenAttribute)?;
        Ok(Some(u32::from_be_bytes(bytes)))
    }

    /// The address in the first attribute of a kind.
    ///
    /// # Errors
    /// If it is there and no address.
    pub fn address(&self, kind: u16) -> Result<Option<SocketAddr>, ParseError> {
        self.addresses(kind).next().transpose()
    }

    /// The addresses in all attributes of a kind.
    pub fn addresses(
        &self,
        kind: u16,
    ) -> impl Iterator<Item = Result<SocketAddr, ParseError>> + use<'a> {
        let transaction = self.transaction;
        self.attributes().filter(move |(other, _)| *other == kind).map(move |(_, value)| {
            XorAddress::parse(value, &transaction).ok_or(ParseError::BrokenAttribute)
        })
    }

    /// Code and reason of ERROR-CODE, if it is there and well-formed.
    #[must_use]
    pub fn error(&self) -> Option<(u16, &'a str)> {
        let (head, reason) = self.find(attribute::ERROR_CODE)?.split_first_chunk::<4>()?;
        let code = u16::from(head[2] & 7) * 100 + u16::from(head[3]);
        Some((code, std::str::from_utf8(reason).ok()?))
    }
}

/// Kind, value and what follows; `None` if there is no whole attribute.
fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (head, after) = bytes.split_first_chunk::<4>()?;
    let [k0, k1, l0, l1] = *head;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let value = after.get(..length)?;
    Some((u16::from_be_bytes([k0, k1]), value, after.get(length.next_multiple_of(4)..)?))
}

/// A length field; what is longer than it can say is no message.
fn length_field(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// The value of FINGERPRINT: CRC-32 of what is before it, with a constant (RFC 8489 §14.7). The
/// header's length already counts the attribute.
fn fingerprint(covered: &[u8]) -> u32 {
    crc32fast::hash(covered) ^ 0x5354_554E
}

#[cfg(test)]
mod tests;
