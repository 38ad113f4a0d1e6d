//! STUN messages, as far as a Binding server needs them (RFC 8489 §5, §14).

use std::net::{IpAddr, SocketAddr};

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
const FINGERPRINT_XOR: u32 = 0x5354_554E;

/// Attributes from here on may be ignored by who does not know them (§14).
const COMPREHENSION_OPTIONAL: u16 = 0x8000;

const HEADER_BYTES: usize = 20;
const FINGERPRINT_BYTES: usize = 8;

/// A Binding request that we can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    transaction: [u8; 12],
    /// The request carries a correct FINGERPRINT, so the answer does too.
    fingerprint: bool,
}

impl Request {
    /// Reads a whole datagram; `None` if it is anything but a well-formed Binding request that
    /// needs no understanding beyond this.
    pub(super) fn parse(datagram: &[u8]) -> Option<Self> {
        let (header, attributes) = datagram.split_first_chunk::<HEADER_BYTES>()?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let is_request = u16::from_be_bytes([t0, t1]) == BINDING_REQUEST
            && [c0, c1, c2, c3] == MAGIC_COOKIE
            && length == attributes.len();
        if !is_request {
            return None;
        }
        let fingerprint = Self::check_attributes(datagram, attributes)?;
        Some(Self { transaction, fingerprint })
    }

    /// Says whether there is a FINGERPRINT; `None` if anything is wrong.
    fn check_attributes(datagram: &[u8], mut rest: &[u8]) -> Option<bool> {
        while let Some((head, after)) = rest.split_first_chunk::<4>() {
            let [k0, k1, l0, l1] = *head;
            let kind = u16::from_be_bytes([k0, k1]);
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let value = after.get(..length)?;
            if kind < COMPREHENSION_OPTIONAL {
                return None;
            }
            if kind == FINGERPRINT {
                // It is the last attribute and covers everything before it (§14.7).
                let covered = datagram.get(..datagram.len() - rest.len())?;
                let is_last = rest.len() == FINGERPRINT_BYTES;
                return (is_last && value == fingerprint(covered).to_be_bytes()).then_some(true);
            }
            rest = after.get(length.next_multiple_of(4)..)?;
        }
        rest.is_empty().then_some(false)
    }

    /// The answer: 32 bytes for IPv4, 44 for IPv6, and 8 for a FINGERPRINT.
    pub(super) fn success(&self, from: SocketAddr) -> Vec<u8> {
        let mut value = vec![0, 0];
        let key = [&MAGIC_COOKIE[..], &self.transaction].concat();
        let port = from.port().to_be_bytes();
        value.extend(port.iter().zip(&key).map(|(a, b)| a ^ b));
        let address = match from.ip().to_canonical() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        value[1] = if address.len() == 4 { 1 } else { 2 };
        value.extend(address.iter().zip(&key).map(|(a, b)| a ^ b));

        let mut message = BINDING_SUCCESS.to_be_bytes().to_vec();
        let extra = if self.fingerprint { FINGERPRINT_BYTES } else { 0 };
        message.extend(length_of(4 + value.len() + extra));
        message.extend(key);
        message.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
        message.extend(length_of(value.len()));
        message.extend(value);
        if self.fingerprint {
            let fingerprint = fingerprint(&message).to_be_bytes();
            message.extend(FINGERPRINT.to_be_bytes());
            message.extend(length_of(4));
            message.extend(fingerprint);
        }
        message
    }
}

/// A length field; everything here is shorter than a datagram.
fn length_of(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// The value of FINGERPRINT: CRC-32 of what is before it, with a constant (§14.7).
fn fingerprint(covered: &[u8]) -> u32 {
    crc32(covered) ^ FINGERPRINT_XOR
}

/// CRC-32 of ITU V.42, bit by bit: requests are tens of bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc = (crc >> 1) ^ (0xEDB8_8320 * carry);
        }
    }
    !crc
}

#[cfg(test)]
mod tests;
