//! Tells the peer when a closed receive window has opened again. `rtc-sctp` announces its window
//! only with an acknowledgement, and a peer that faces a closed one sends nothing to acknowledge
//! but a probe whose interval grows to a minute.

use bytes::Bytes;

pub(crate) struct WindowWatch {
    full: usize,
    announced: usize,
    drained: usize,
    last_data: Option<Bytes>,
}

impl WindowWatch {
    /// `full` is the size of the empty window in bytes.
    pub(crate) fn new(full: usize) -> WindowWatch {
        WindowWatch { full, announced: full, drained: 0, last_data: None }
    }

    /// A packet with DATA arrived.
    pub(crate) fn received_data(&mut self, packet: &Bytes) {
        self.last_data = Some(packet.clone());
    }

    /// An acknowledgement with this window was sent.
    pub(crate) fn announced(&mut self, window: u32) {
        self.announced = window as usize;
        self.drained = 0;
    }

    /// The application took a message of `length` bytes.
    pub(crate) fn drained(&mut self, length: usize) {
        self.drained += length;
    }

    /// A packet to process once more, so that an acknowledgement with the new window goes out:
    /// when less than half the window was announced and a quarter has become free since.
    pub(crate) fn announcement(&mut self) -> Option<Bytes> {
        if self.announced >= self.full / 2 || self.drained < self.full / 4 {
            return None;
        }
        self.drained = 0;
        self.last_data.clone()
    }
}
