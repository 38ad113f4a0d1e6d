//! Frames that came although the engine takes none for now: for shells whose transport cannot be
//! told to wait, as a browser's data channels cannot.

use std::collections::VecDeque;

/// The most that is held, in bytes of frames. Whoever keeps to the protocol has 4 MiB
/// unacknowledged at most.
pub const MAX_HELD_BYTES: usize = 8 * 1024 * 1024;

/// The contact sends more than may be held: the connection is to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuchHeld;

/// Between [`PeerOutput::Receive`](crate::PeerOutput::Receive) with `false` and with `true`.
#[derive(Debug, Default)]
pub struct HeldFrames {
    frames: VecDeque<String>,
    bytes: usize,
}

impl HeldFrames {
    /// Keeps a frame.
    ///
    /// # Errors
    /// If all together would be more than [`MAX_HELD_BYTES`]; the frame is dropped.
    pub fn push(&mut self, frame: String) -> Result<(), TooMuchHeld> {
        let bytes = self.bytes + frame.len();
        if bytes > MAX_HELD_BYTES {
            return Err(TooMuchHeld);
        }
        self.bytes = bytes;
        self.frames.push_back(frame);
        Ok(())
    }

    /// The oldest one.
    pub fn pop(&mut self) -> Option<String> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    /// Whether none is held, so that the next one need not wait.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use tincan_wire::MAX_FRAME_BYTES;

    use super::*;

    #[test]
    fn frames_come_out_in_order() {
        let mut held = HeldFrames::default();
        assert!(held.is_empty());
        for frame in ["a", "b", "c"] {
            held.push(frame.to_owned()).unwrap();
        }
        assert_eq!(held.pop().as_deref(), Some("a"));
        held.push("d".to_owned()).unwrap();
        let rest: Vec<_> = std::iter::from_fn(|| held.pop()).collect();
        assert_eq!(rest, ["b", "c", "d"]);
        assert!(held.is_empty());
    }

    #[test]
    fn a_contact_that_does_not_stop_fills_what_may_be_held_and_no_more() {
        let frame = "x".repeat(MAX_FRAME_BYTES);
        let mut held = HeldFrames::default();
        let fitting = MAX_HELD_BYTES / MAX_FRAME_BYTES;
        for _ in 0..fitting {
            held.push(frame.clone()).unwrap();
        }
        for _ in 0..10 * fitting {
            assert_eq!(held.push(frame.clone()), Err(TooMuchHeld));
        }
        assert_eq!(std::iter::from_fn(|| held.pop()).count(), fitting);
    }

    #[test]
    fn what_was_taken_makes_room() {
        let half = "x".repeat(MAX_HELD_BYTES / 2);
        let mut held = HeldFrames::default();
        for _ in 0..10 {
            held.push(half.clone()).unwrap();
            held.push(half.clone()).unwrap();
            assert_eq!(held.push("x".to_owned()), Err(TooMuchHeld));
            assert!(held.pop().is_some() && held.pop().is_some());
        }
    }
}
