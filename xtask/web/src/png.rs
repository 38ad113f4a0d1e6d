//! Writing a PNG (RFC 2083): eight bits a channel, with transparency.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n'];

/// Eight bits of red, green, blue and opacity; no interlacing.
const FORMAT: [u8; 5] = [8, 6, 0, 0, 0];

/// A square picture as a file; `pixels` are its rows from the top, four bytes a pixel.
pub(crate) fn encode(size: u32, pixels: &[u8]) -> Result<Vec<u8>> {
    let row = usize::try_from(size)? * 4;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    for line in pixels.chunks(row) {
        // Each row says how it was filtered: not at all, which suits flat colours.
        packed.write_all(&[0])?;
        packed.write_all(line)?;
    }
    let mut file = SIGNATURE.to_vec();
    let header = [&size.to_be_bytes()[..], &size.to_be_bytes(), &FORMAT].concat();
    chunk(&mut file, *b"IHDR", &header)?;
    chunk(&mut file, *b"IDAT", &packed.finish()?)?;
    chunk(&mut file, *b"IEND", &[])?;
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) -> Result<()> {
    let length = u32::try_from(data.len()).context("the picture is too large")?;
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    file.extend(length.to_be_bytes());
    file.extend(kind);
    file.extend(data);
    file.extend(crc.sum().to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_three_chunks() {
        let file = encode(2, &[255; 16]).unwrap();
        assert_eq!(file[..8], SIGNATURE);
        assert_eq!(file[12..24], *b"IHDR\0\0\0\x02\0\0\0\x02");
        // The last chunk is the same in every PNG.
        let end = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82];
        assert!(file.ends_with(&end));
    }
}
