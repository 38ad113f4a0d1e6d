//! HMAC-SHA1, which RFC 8489 §14.5 and coturn's credentials ask for. It is sound as a MAC,
//! although SHA-1 is none any more as a hash.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::{Digest as _, Sha1};

pub(crate) const MAC_BYTES: usize = 20;

/// The length of a block of SHA-1, to which a key is filled up with zeros (RFC 2104 §2).
const BLOCK_BYTES: usize = 64;

/// HMAC-SHA1 under a key of any length over the parts, one after the other.
pub(crate) fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; MAC_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    match block.get_mut(..key.len()) {
        Some(start) => start.copy_from_slice(key),
        None => block[..MAC_BYTES].copy_from_slice(&Sha1::digest(key)),
    }
    let mut mac = Hmac::<Sha1>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 §3, cases 1, 2 and 6.
    #[test]
    fn known_answers() {
        let check = |key: &[u8], text: &[u8], expected: &str| {
            let hex: String =
                hmac_sha1(key, &[text]).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected);
        };
        check(&[0x0B; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00");
        check(b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        check(
            &[0xAA; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        );
    }
}
