//! Cutting a stream into messages (RFC 8489 §6.2.2, RFC 8656 §12.5).

use crate::channel_data;
use crate::message::HEADER_BYTES;

/// The longest frame there can be: a STUN message with 65,535 bytes of attributes.
pub const MAX_FRAME_BYTES: usize = HEADER_BYTES + 65_535;

/// What a client without an allocation needs at most: a request with its credential.
pub const MAX_STRANGER_FRAME_BYTES: usize = 1_024;

/// Collects what a stream brings and gives it out in frames.
///
/// [`push`](Self::push) what was read, then call [`next_frame`](Self::next_frame) until it gives
/// `None`. It holds one unfinished frame, which is at most `limit` long, and what was pushed.
#[derive(Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Where in the buffer the next frame begins.
    at: usize,
    limit: usize,
}

/// The stream is not, or not any more, one of STUN and ChannelData; it cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Neither a STUN message nor ChannelData.
    #[error("the stream is not one of STUN or TURN")]
    NotTurn,
    /// Longer than the limit.
    #[error("a message of the stream is too long")]
    TooLong,
}

impl Frames {
    /// For a stream whose frames have at most `limit_bytes`: [`MAX_STRANGER_FRAME_BYTES`] first,
    /// [`MAX_FRAME_BYTES`] once there is an allocation.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self { buffer: Vec::new(), at: 0, limit: limit_bytes }
    }

    /// Sets another limit.
    pub fn set_limit(&mut self, limit_bytes: usize) {
        self.limit = limit_bytes;
    }

    /// Adds what was read. What has been given out before is forgotten.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, with its padding.
    ///
    /// # Errors
    /// If there can be none any more; the connection should be closed.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FramingError> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some(len) = frame_len(rest)? else { return Ok(None) };
        if len > self.limit {
            return Err(FramingError::TooLong);
        }
        let Some(frame) = rest.get(..len) else { return Ok(None) };
        self.at += len;
        Ok(Some(frame))
    }

    /// Bytes of what has been read and not given out.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.at
    }
}

/// How long the frame is that begins here, if that can be told yet.
fn frame_len(bytes: &[u8]) -> Result<Option<usize>, FramingError> {
    let Some([first, _, l0, l1]) = bytes.first_chunk() else {
        return match bytes.first() {
            Some(first) if *first >= 0x80 => Err(FramingError::NotTurn),
            _ => Ok(None),
        };
    };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if channel_data::is_channel_data(*first) {
        Ok(Some(channel_data::HEADER_BYTES + length.next_multiple_of(4)))
    } else if *first < 0x40 && length.is_multiple_of(4) {
        Ok(Some(HEADER_BYTES + length))
    } else {
        Err(FramingError::NotTurn)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BINDING: &[u8] = b"\x00\x01\0\0\x21\x12\xa4\x42transaction!";

    fn all(frames: &mut Frames) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| frames.next_frame().unwrap().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn frames_come_out_however_the_stream_is_cut() {
        let stream = [BINDING, b"\x40\0\0\x03abc\0", b"\x40\0\0\0", BINDING].concat();
        let expected = [BINDING, b"\x40\0\0\x03abc\0", b"\x40\0\0\0", BINDING];
        for piece in 1..=stream.len() {
            let mut frames = Frames::new(MAX_STRANGER_FRAME_BYTES);
            let mut found = vec![];
            for bytes in stream.chunks(piece) {
                frames.push(bytes);
                found.extend(all(&mut frames));
            }
            assert_eq!(found, expected, "{piece}");
            assert_eq!(frames.waiting(), 0);
        }
    }

    #[test]
    fn what_is_no_turn_is_refused_at_once() {
        let check = |bytes: &[u8], expected| {
            let mut frames = Frames::new(MAX_STRANGER_FRAME_BYTES);
            frames.push(bytes);
            assert_eq!(frames.next_frame(), Err(expected), "{bytes:?}");
        };
        check(b"\x80", FramingError::NotTurn);
        check(b"\xFFxxx", FramingError::NotTurn);
        check(b"\0\x01\0\x01", FramingError::NotTurn);
        check(b"\0\x01\xFF\xFC", FramingError::TooLong);
        check(b"\x40\0\x10\0", FramingError::TooLong);
    }

    #[test]
    fn the_longest_messages_fit_once_they_may() {
        let mut frames = Frames::new(MAX_STRANGER_FRAME_BYTES);
        frames.set_limit(MAX_FRAME_BYTES);
        let message = [&b"\x40\0\xFF\xFF"[..], &[7; 65_536]].concat();
        frames.push(&message);
        assert_eq!(all(&mut frames), [message]);
    }

    proptest! {
        #[test]
        fn a_stranger_fills_no_more_than_a_frame(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)
        ) {
            let mut frames = Frames::new(MAX_STRANGER_FRAME_BYTES);
            for piece in pieces {
                frames.push(&piece);
                loop {
                    match frames.next_frame() {
                        Ok(Some(frame)) => prop_assert!(frame.len() <= MAX_STRANGER_FRAME_BYTES),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(frames.waiting() < MAX_STRANGER_FRAME_BYTES);
            }
        }
    }
}
