//! The first bytes of a file: what it is, what its passphrase costs, and whether they arrived
//! whole. They are not secret, and every chunk is bound to them.

use crate::parameters::{CHECK_BYTES, Parameters, SALT_BYTES};
use crate::reader::ReadError;

/// Length of the header.
pub const HEADER_BYTES: usize = 64;

/// Tells people and programs what it is; the end is what a transfer as text would change.
const MAGIC: &[u8; 16] = b"tincan backup\r\n\x1a";
/// The version that this program writes, and the only one that it reads.
const VERSION: u16 = 1;
/// Where the digest begins.
const DIGEST_AT: usize = 56;

/// A header, its parts checked.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) parameters: Parameters,
    pub(crate) salt: [u8; SALT_BYTES],
    pub(crate) check: [u8; CHECK_BYTES],
}

impl Header {
    pub(crate) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..18].copy_from_slice(&VERSION.to_be_bytes());
        bytes[18..24].copy_from_slice(&self.parameters.to_bytes());
        bytes[24..40].copy_from_slice(&self.salt);
        bytes[40..DIGEST_AT].copy_from_slice(&self.check);
        let digest = digest(&bytes);
        bytes[DIGEST_AT..].copy_from_slice(&digest);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, ReadError> {
        if !bytes.starts_with(MAGIC) {
            return Err(ReadError::NotABackup);
        }
        let version = u16::from_be_bytes([bytes[16], bytes[17]]);
        if version != VERSION {
            return Err(ReadError::NewerVersion { found: version });
        }
        // Without a secret: it finds accidents. Against malice stands the check of each chunk.
        if bytes[DIGEST_AT..] != digest(bytes) {
            return Err(ReadError::Damaged);
        }
        let parameters =
            Parameters::from_bytes(part(bytes, 18)).map_err(|_| ReadError::TooCostly)?;
        Ok(Self { parameters, salt: part(bytes, 24), check: part(bytes, 40) })
    }
}

/// Whether a file that begins like this could be a backup at all, however short it is.
pub(crate) fn begins_like_one(bytes: &[u8]) -> bool {
    bytes.iter().zip(MAGIC).all(|(found, expected)| found == expected)
}

fn part<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

fn digest(bytes: &[u8; HEADER_BYTES]) -> [u8; HEADER_BYTES - DIGEST_AT] {
    let hash = blake3::hash(&bytes[..DIGEST_AT]);
    std::array::from_fn(|index| hash.as_bytes()[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> [u8; HEADER_BYTES] {
        Header { parameters: Parameters::default(), salt: [1; 16], check: [2; 16] }.to_bytes()
    }

    #[test]
    fn it_survives() {
        let header = Header::from_bytes(&bytes()).unwrap();
        assert_eq!(header.parameters, Parameters::default());
        assert_eq!((header.salt, header.check), ([1; 16], [2; 16]));
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = Header::from_bytes(&bytes).unwrap_err();
            let expected = match bit / 8 {
                0..16 => matches!(error, ReadError::NotABackup),
                16..18 => matches!(error, ReadError::NewerVersion { .. }),
                _ => matches!(error, ReadError::Damaged),
            };
            assert!(expected, "{bit}: {error}");
        }
    }

    #[test]
    fn a_file_cannot_ask_for_gigabytes() {
        let mut bytes = bytes();
        bytes[20..24].copy_from_slice(&u32::MAX.to_be_bytes());
        let digest = digest(&bytes);
        bytes[DIGEST_AT..].copy_from_slice(&digest);
        assert_eq!(Header::from_bytes(&bytes).unwrap_err(), ReadError::TooCostly);
    }
}
