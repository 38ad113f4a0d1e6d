//! Nonces that the server need not remember (RFC 8489 §9.2.4): a time, and a MAC over it and the
//! client's address. A flood of requests without credentials takes no memory.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::mac::hmac_sha1;

/// Long enough that guessing is hopeless; a nonce alone is good for nothing.
const MAC_BYTES: usize = 8;
const NONCE_BYTES: usize = 4 + MAC_BYTES;

/// Characters of a nonce, few so that answers to strangers stay short.
#[cfg(test)]
const NONCE_CHARS: usize = 16;

/// Issues nonces and recognises its own.
pub(crate) struct Nonces {
    key: [u8; 20],
    life_seconds: u32,
}

impl Nonces {
    pub(crate) fn new(seed: &[u8; 32], life_ms: u64) -> Self {
        let key = hmac_sha1(seed, &[b"nonces"]);
        Self { key, life_seconds: seconds(life_ms) }
    }

    /// A nonce for this address.
    pub(crate) fn issue(&self, now_ms: u64, client: SocketAddr) -> String {
        let time = seconds(now_ms).to_be_bytes();
        let [m0, m1, m2, m3, m4, m5, m6, m7] = self.mac(time, client);
        let [t0, t1, t2, t3] = time;
        URL_SAFE_NO_PAD.encode([t0, t1, t2, t3, m0, m1, m2, m3, m4, m5, m6, m7])
    }

    /// Whether it was issued for this address, not too long ago.
    pub(crate) fn is_fresh(&self, now_ms: u64, client: SocketAddr, nonce: &[u8]) -> bool {
        let mut bytes = [0; NONCE_BYTES];
        if !matches!(URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes), Ok(NONCE_BYTES)) {
            return false;
        }
        let [t0, t1, t2, t3, mac @ ..] = bytes;
        let time = [t0, t1, t2, t3];
        let age_seconds = seconds(now_ms).checked_sub(u32::from_be_bytes(time));
        bool::from(self.mac(time, client).ct_eq(&mac))
            && age_seconds.is_some_and(|age| age <= self.life_seconds)
    }

    fn mac(&self, time: [u8; 4], client: SocketAddr) -> [u8; MAC_BYTES] {
        let port = client.port().to_be_bytes();
        let [m0, m1, m2, m3, m4, m5, m6, m7, ..] = match client.ip() {
            IpAddr::V4(ip) => hmac_sha1(&self.key, &[&time, &port, &ip.octets()]),
            IpAddr::V6(ip) => hmac_sha1(&self.key, &[&time, &port, &ip.octets()]),
        };
        [m0, m1, m2, m3, m4, m5, m6, m7]
    }
}

/// Whole seconds; a server that runs for 136 years makes no more new nonces.
fn seconds(ms: u64) -> u32 {
    u32::try_from(ms / 1000).unwrap_or(u32::MAX)
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_nonce_is_good_for_its_address_and_time() {
        let nonces = Nonces::new(&[1; 32], 600_000);
        let nonce = nonces.issue(5_000, at("192.0.2.1:1"));
        assert_eq!(nonce.len(), NONCE_CHARS);
        let check = |now_ms, address: &str, expected| {
            assert_eq!(nonces.is_fresh(now_ms, at(address), nonce.as_bytes()), expected);
        };
        check(5_000, "192.0.2.1:1", true);
        check(605_000, "192.0.2.1:1", true);
        check(606_000, "192.0.2.1:1", false);
        check(4_000, "192.0.2.1:1", false);
        check(5_000, "192.0.2.2:1", false);
        check(5_000, "192.0.2.1:2", false);
    }

    #[test]
    fn no_other_text_is_a_nonce() {
        let nonces = Nonces::new(&[1; 32], 600_000);
        let address = at("[2001:db8::1]:1");
        let nonce = nonces.issue(0, address);
        assert!(!Nonces::new(&[2; 32], 600_000).is_fresh(0, address, nonce.as_bytes()));
        for index in 0..nonce.len() {
            let mut other = nonce.clone().into_bytes();
            other[index] = if other[index] == b'A' { b'B' } else { b'A' };
            assert!(!nonces.is_fresh(0, address, &other), "{index}");
        }
        assert!(!nonces.is_fresh(0, address, b"") && !nonces.is_fresh(0, address, &[0xFF; 100]));
    }
}
