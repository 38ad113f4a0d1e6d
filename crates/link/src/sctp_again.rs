//! How much of what was sent had to be sent again: the loss of a path, as its sender sees it.

use crate::sctp_packet::data_number;

/// Counts the packets of data of one association.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Again {
    highest: Option<u32>,
    first: u64,
    again: u64,
}

impl Again {
    /// A packet goes out. Numbers of data rise, modulo 2³² (RFC 9260 §1.6).
    pub(crate) fn sent(&mut self, packet: &[u8]) {
        let Some(number) = data_number(packet) else { return };
        let is_new = self.highest.is_none_or(|highest| {
            let ahead = number.wrapping_sub(highest);
            ahead != 0 && ahead < 1 << 31
        });
        if is_new {
            self.highest = Some(number);
            self.first += 1;
        } else {
            self.again += 1;
        }
    }

    /// Packets that went out the first time, and those that went out again.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.first, self.again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(number: u32) -> Vec<u8> {
        let mut packet = vec![0; 12];
        packet.extend_from_slice(&[0, 3, 0, 17]);
        packet.extend_from_slice(&number.to_be_bytes());
        packet
    }

    #[test]
    fn what_was_sent_before_is_counted_as_sent_again() {
        let mut again = Again::default();
        for number in [u32::MAX - 1, u32::MAX, 0, u32::MAX, 0, 1] {
            again.sent(&data(number));
        }
        assert_eq!(again.counts(), (4, 2));
    }

    #[test]
    fn other_packets_are_not_counted() {
        let mut again = Again::default();
        again.sent(&[0; 12]);
        again.sent(&[3; 40]);
        assert_eq!(again.counts(), (0, 0));
    }
}
