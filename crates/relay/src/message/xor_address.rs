//! Addresses hidden from routers that rewrite what looks like one (RFC 8489 §14.2).

use std::net::{IpAddr, SocketAddr};

use super::header::{MAGIC_COOKIE, Transaction};

/// The longest value: family, port and an IPv6 address.
const MAX_BYTES: usize = 20;

/// An encoded address, at most [`MAX_BYTES`] long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct XorAddress {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl XorAddress {
    /// An IPv4 address that is mapped into IPv6 is written as what it is.
    pub(crate) fn new(address: SocketAddr, transaction: &Transaction) -> Self {
        let mut bytes = [0; MAX_BYTES];
        let (family, len) = match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                bytes[4..8].copy_from_slice(&ip.octets());
                (1, 8)
            }
            IpAddr::V6(ip) => {
                bytes[4..].copy_from_slice(&ip.octets());
                (2, MAX_BYTES)
            }
        };
        bytes[1] = family;
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        hide(&mut bytes, transaction);
        Self { bytes, len }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Reads a value; `None` if family and length do not agree.
    pub(crate) fn parse(value: &[u8], transaction: &Transaction) -> Option<SocketAddr> {
        let mut bytes = [0; MAX_BYTES];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        hide(&mut bytes, transaction);
        let [_, family, p0, p1, address @ ..] = bytes;
        let ip = match (family, value.len()) {
            (1, 8) => {
                let [a, b, c, d, ..] = address;
                IpAddr::from([a, b, c, d])
            }
            (2, MAX_BYTES) => IpAddr::from(address),
            _ => return None,
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes([p0, p1])))
    }
}

/// Hides port and address with cookie and transaction id; doing so twice uncovers them.
fn hide(bytes: &mut [u8; MAX_BYTES], transaction: &Transaction) {
    let key = MAGIC_COOKIE.iter().chain(&transaction.0);
    for (byte, mask) in bytes[2..4].iter_mut().zip(MAGIC_COOKIE) {
        *byte ^= mask;
    }
    for (byte, mask) in bytes[4..].iter_mut().zip(key) {
        *byte ^= mask;
    }
}
