//! The encrypted stream: chunks of ChaCha20-Poly1305 (RFC 8439) whose nonce counts them and marks
//! the last, so that none can be changed, moved, left out or added.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _, Nonce, Tag};

use crate::header::HEADER_BYTES;
use crate::parameters::Keys;

/// Plaintext of every chunk but the last, which has 1 to as many. Small beside a phone's
/// memory, and large beside the 16 bytes that each costs.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;
/// A full chunk in the file.
pub(crate) const SEALED_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// Seals chunks one after the other, or opens them.
pub(crate) struct Chunks {
    cipher: ChaCha20Poly1305,
    header: [u8; HEADER_BYTES],
    next: u64,
}

impl Chunks {
    pub(crate) fn new(keys: &Keys, header: [u8; HEADER_BYTES]) -> Self {
        let cipher = ChaCha20Poly1305::new((&*keys.key).into());
        Self { cipher, header, next: 0 }
    }

    /// Seals the next chunk and appends it to `out`; false if the cipher refuses.
    pub(crate) fn seal(&mut self, plaintext: &[u8], is_last: bool, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.extend_from_slice(plaintext);
        let nonce = self.nonce(is_last);
        let buffer = InOutBuf::from(&mut out[start..]);
        let Ok(tag) = self.cipher.encrypt_inout_detached(&nonce, &self.header, buffer) else {
            out.truncate(start);
            return false;
        };
        out.extend_from_slice(&tag);
        self.next += 1;
        true
    }

    /// Opens the next chunk in place: its plaintext, or `None` if it is not that chunk.
    pub(crate) fn open<'a>(&mut self, sealed: &'a mut [u8], is_last: bool) -> Option<&'a [u8]> {
        let nonce = self.nonce(is_last);
        let (text, tag) = sealed.split_at_mut_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
        let tag = Tag::try_from(&*tag).ok()?;
        // The tag is compared before anything is decrypted: what does not fit stays as it is.
        let buffer = InOutBuf::from(&mut *text);
        self.cipher.decrypt_inout_detached(&nonce, &self.header, buffer, &tag).ok()?;
        self.next += 1;
        Some(text)
    }

    fn nonce(&self, is_last: bool) -> Nonce {
        let mut nonce = Nonce::default();
        nonce[3..11].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = u8::from(is_last);
        nonce
    }
}
