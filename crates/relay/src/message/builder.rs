//! Writing STUN messages.

use std::net::SocketAddr;

use super::attribute::{ERROR_CODE, FINGERPRINT, MESSAGE_INTEGRITY};
use super::header::{Class, HEADER_BYTES, Method, Transaction, header};
use super::xor_address::XorAddress;
use super::{fingerprint, length_field};
use crate::credential::Key;
use crate::mac::{MAC_BYTES, hmac_sha1};

/// Most messages fit into this many bytes and take one allocation.
const USUAL_BYTES: usize = 192;

/// A message that grows attribute by attribute, in the order of the calls: first what it says,
/// then [`integrity`](Self::integrity), then [`fingerprint`](Self::fingerprint).
///
/// A message holds 65,535 bytes of attributes at most; what is longer is no message any more and
/// refused by whoever reads it.
#[derive(Debug, Clone)]
pub struct Builder {
    transaction: Transaction,
    bytes: Vec<u8>,
}

impl Builder {
    /// A message without attributes.
    #[must_use]
    pub fn new(class: Class, method: Method, transaction: Transaction) -> Self {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.extend(header(class, method, 0, transaction));
        Self { transaction, bytes }
    }

    /// Adds an attribute as it is, padded to 4 bytes with zeros.
    #[must_use]
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend(length_field(value.len()));
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let length = length_field(self.bytes.len() - HEADER_BYTES);
        self.bytes[2..4].copy_from_slice(&length);
        self
    }

    /// Adds a number of 32 bits, such as LIFETIME.
    #[must_use]
    pub fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// Adds an address that is hidden as RFC 8489 §14.2 says.
    #[must_use]
    pub fn xor_address(self, kind: u16, address: SocketAddr) -> Self {
        let value = XorAddress::new(address, &self.transaction);
        self.attribute(kind, value.as_bytes())
    }

    /// Adds ERROR-CODE (RFC 8489 §14.8) for a code of 300 to 699.
    #[must_use]
    pub fn error(self, code: u16, reason: &str) -> Self {
        let [_, class] = (code / 100).to_be_bytes();
        let [_, number] = (code % 100).to_be_bytes();
        self.attribute(ERROR_CODE, &[&[0, 0, class, number], reason.as_bytes()].concat())
    }

    /// Adds MESSAGE-INTEGRITY (RFC 8489 §14.5).
    #[must_use]
    pub fn integrity(mut self, key: &Key) -> Self {
        let covered = self.bytes.len();
        self = self.attribute(MESSAGE_INTEGRITY, &[0; MAC_BYTES]);
        let mac = hmac_sha1(key.as_bytes(), &[self.bytes.get(..covered).unwrap_or_default()]);
        self.bytes.truncate(covered + 4);
        self.bytes.extend(mac);
        self
    }

    /// Adds FINGERPRINT (RFC 8489 §14.7), which must be the last attribute.
    #[must_use]
    pub fn fingerprint(mut self) -> Self {
        let covered = self.bytes.len();
        self = self.attribute(FINGERPRINT, &[0; 4]);
        let value = fingerprint(self.bytes.get(..covered).unwrap_or_default());
        self.bytes.truncate(covered + 4);
        self.bytes.extend(value.to_be_bytes());
        self
    }

    /// The message's bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
