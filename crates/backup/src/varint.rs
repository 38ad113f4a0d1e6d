//! Whole numbers as LEB128, up to 2^53: what every platform holds exactly.

use tincan_wire::json::MAX_INTEGER;

/// Most bytes of such a number.
const MAX_VARINT_BYTES: usize = 8;

/// Appends a number of at most [`MAX_INTEGER`].
pub(crate) fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// What the beginning of some bytes is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Varint {
    /// A number, and how many bytes it takes.
    Number(u64, usize),
    /// The beginning of one.
    Unfinished,
    /// None: too large, or longer than it need be.
    Illegal,
}

/// Reads a number from the beginning of `bytes`.
pub(crate) fn read(bytes: &[u8]) -> Varint {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(MAX_VARINT_BYTES).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let is_shortest = *byte != 0 || index == 0;
            return match is_shortest && number <= MAX_INTEGER {
                true => Varint::Number(number, index + 1),
                false => Varint::Illegal,
            };
        }
    }
    if bytes.len() < MAX_VARINT_BYTES { Varint::Unfinished } else { Varint::Illegal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive() {
        for number in [0, 1, 127, 128, 300, 16_383, 16_384, (1 << 53) - 1, MAX_INTEGER] {
            let mut bytes = Vec::new();
            write(&mut bytes, number);
            assert_eq!(read(&bytes), Varint::Number(number, bytes.len()), "{number}");
            for cut in 0..bytes.len() {
                assert_eq!(read(&bytes[..cut]), Varint::Unfinished, "{number} cut at {cut}");
            }
        }
    }

    #[test]
    fn each_number_has_one_form() {
        for illegal in [
            &[0x80, 0x00][..],
            &[0xff, 0x80, 0x00],
            &[0xff; 8],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert_eq!(read(illegal), Varint::Illegal, "{illegal:?}");
        }
    }
}
