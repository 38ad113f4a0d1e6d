//! ChannelData messages: 4 bytes before the data (RFC 8656 §12.4).

use crate::client::Transport;

pub(crate) const HEADER_BYTES: usize = 4;

/// The number of a channel, 0x4000 to 0x7FFE.
///
/// RFC 8656 §12 ends at 0x4FFF. RFC 5766 §11 had the whole range, and coturn's clients use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelNumber(u16);

impl ChannelNumber {
    /// `None` outside the range.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (0x4000..=0x7FFE).contains(&number).then_some(Self(number))
    }

    /// The number itself.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// Whether bytes that begin so may be ChannelData and cannot be STUN.
pub(crate) fn is_channel_data(first: u8) -> bool {
    (0x40..0x80).contains(&first)
}

/// Number and data of a message; `None` if it is malformed. Over UDP padding may follow.
pub(crate) fn parse(bytes: &[u8], transport: Transport) -> Option<(ChannelNumber, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let [n0, n1, l0, l1] = *head;
    let number = ChannelNumber::new(u16::from_be_bytes([n0, n1]))?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let data = rest.get(..length)?;
    let is_padded = rest.len() == length.next_multiple_of(4);
    (is_padded || !transport.is_stream()).then_some((number, data))
}

/// What stands before data of this length, if it can.
pub(crate) fn header(number: ChannelNumber, data_len: usize) -> Option<[u8; HEADER_BYTES]> {
    let [n0, n1] = number.0.to_be_bytes();
    let [l0, l1] = u16::try_from(data_len).ok()?.to_be_bytes();
    Some([n0, n1, l0, l1])
}

/// Writes a whole message behind `out`; `false` if the data is too long for one.
pub(crate) fn append(
    out: &mut Vec<u8>,
    number: ChannelNumber,
    data: &[u8],
    transport: Transport,
) -> bool {
    let Some(header) = header(number, data.len()) else { return false };
    out.extend_from_slice(&header);
    out.extend_from_slice(data);
    if transport.is_stream() {
        out.resize(out.len() + data.len().next_multiple_of(4) - data.len(), 0);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_rfc_5766() {
        for (number, expected) in
            [(0x3FFF, false), (0x4000, true), (0x4FFF, true), (0x7FFE, true), (0x7FFF, false)]
        {
            assert_eq!(ChannelNumber::new(number).is_some(), expected, "{number:x}");
        }
    }

    #[test]
    fn padding_is_needed_on_streams_only() {
        let check = |bytes: &[u8], udp: Option<&[u8]>, tcp: Option<&[u8]>| {
            assert_eq!(parse(bytes, Transport::Udp).map(|(_, data)| data), udp, "{bytes:?}");
            assert_eq!(parse(bytes, Transport::Tcp).map(|(_, data)| data), tcp, "{bytes:?}");
        };
        check(b"\x40\0\0\x03abc", Some(b"abc"), None);
        check(b"\x40\0\0\x03abc\0", Some(b"abc"), Some(b"abc"));
        check(b"\x40\0\0\x04abcd", Some(b"abcd"), Some(b"abcd"));
        check(b"\x40\0\0\0", Some(b""), Some(b""));
        check(b"\x40\0\0\x05abcd", None, None);
        check(b"\x40\0\0", None, None);
        check(b"\x7F\xFF\0\0", None, None);
    }
}
