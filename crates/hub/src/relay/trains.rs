//! Datagrams for one receiver that are of one size leave together, with one system call where the
//! kernel divides them itself (UDP_SEGMENT): most of what a relayed datagram costs is the call.
//!
//! Nothing waits: they go as soon as what was there to be read has been taken.

use std::net::{IpAddr, SocketAddr};

use tincan_relay::RelayId;

/// Longer ones go alone. What every path of IPv6 carries (RFC 8200 §5), less the headers: the
/// kernel refuses segments that do not fit the path, and WebRTC keeps to 1,200.
const MAX_SEGMENT_BYTES: usize = 1_280 - 48;

/// The most of one train, a little less than an IP packet holds.
const MAX_TRAIN_BYTES: usize = 60_000;

/// The most datagrams of one train: what kernels since 4.18 take.
const MAX_CARS: usize = 64;

/// Receivers at a time. With more of them, all trains leave before the next is put together.
const MAX_TRAINS: usize = 8;

/// Who gets a datagram, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A client over UDP, from the address of ours that it speaks to.
    ToClient { from: IpAddr, to: SocketAddr },
    /// A peer, from a relayed address.
    ToPeer { from: RelayId, to: SocketAddr },
}

/// Datagrams of one size; the last may be shorter.
#[derive(Debug)]
pub(super) struct Train {
    pub(super) way: Way,
    /// The size of each but the last, in bytes; 0 for one that is empty.
    pub(super) segment: usize,
    /// All of them, one behind the other.
    pub(super) bytes: Vec<u8>,
}

/// What is put together. Its memory stays with it.
#[derive(Debug, Default)]
pub(super) struct Trains {
    trains: Vec<Train>,
    /// So many of them have something in them.
    used: usize,
}

impl Trains {
    /// Adds a datagram of `len` bytes, which `write` appends. What has to leave before it does.
    pub(super) fn add(
        &mut self,
        way: Way,
        len: usize,
        write: impl FnOnce(&mut Vec<u8>),
        mut depart: impl FnMut(&Train),
    ) {
        let waiting = self.trains.iter_mut().take(self.used).find(|train| train.way == way);
        if let Some(train) = waiting {
            if !train.has_room(len) {
                depart(train);
                train.begin(way, len);
            }
            return write(&mut train.bytes);
        }
        if self.used == MAX_TRAINS {
            self.depart(depart);
        }
        if self.used == self.trains.len() {
            self.trains.push(Train { way, segment: len, bytes: Vec::new() });
        }
        if let Some(train) = self.trains.get_mut(self.used) {
            train.begin(way, len);
            write(&mut train.bytes);
            self.used += 1;
        }
    }

    /// Lets all of them leave.
    pub(super) fn depart(&mut self, depart: impl FnMut(&Train)) {
        self.trains.iter().take(self.used).for_each(depart);
        self.used = 0;
    }
}

impl Train {
    fn begin(&mut self, way: Way, len: usize) {
        (self.way, self.segment) = (way, len);
        self.bytes.clear();
    }

    /// Whether one more of this length may go behind those that are there.
    fn has_room(&self, len: usize) -> bool {
        let is_whole = self.segment > 0 && self.bytes.len().is_multiple_of(self.segment);
        is_whole
            && (1..=self.segment).contains(&len)
            && self.segment <= MAX_SEGMENT_BYTES
            && self.bytes.len() + len <= MAX_TRAIN_BYTES
            && self.bytes.len() / self.segment < MAX_CARS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(port: u16) -> Way {
        Way::ToClient { from: [127, 0, 0, 1].into(), to: ([127, 0, 0, 1], port).into() }
    }

    /// What leaves of datagrams with these receivers and lengths: receiver, size and bytes.
    fn check(datagrams: &[(u16, usize)], expected: &[(u16, usize, usize)]) {
        let (mut trains, mut left) = (Trains::default(), Vec::new());
        let mut depart = |train: &Train| left.push((train.way, train.segment, train.bytes.len()));
        for (port, len) in datagrams {
            trains.add(way(*port), *len, |out| out.extend(vec![7; *len]), &mut depart);
        }
        trains.depart(&mut depart);
        trains.depart(&mut depart);
        let expected: Vec<_> =
            expected.iter().map(|(port, segment, len)| (way(*port), *segment, *len)).collect();
        assert_eq!(left, expected, "{datagrams:?}");
    }

    #[test]
    fn those_of_one_size_leave_together() {
        check(&[(1, 100), (1, 100), (1, 100)], &[(1, 100, 300)]);
        check(&[(1, 100)], &[(1, 100, 100)]);
        check(&[], &[]);
    }

    #[test]
    fn a_shorter_one_is_the_last() {
        check(&[(1, 100), (1, 60), (1, 60)], &[(1, 100, 160), (1, 60, 60)]);
        check(&[(1, 60), (1, 100)], &[(1, 60, 60), (1, 100, 100)]);
    }

    #[test]
    fn an_empty_one_goes_alone_and_in_its_turn() {
        check(&[(1, 9), (1, 0), (1, 0), (1, 9)], &[(1, 9, 9), (1, 0, 0), (1, 0, 0), (1, 9, 9)]);
    }

    #[test]
    fn a_long_one_goes_alone() {
        check(&[(1, 1_232), (1, 1_232)], &[(1, 1_232, 2_464)]);
        check(&[(1, 1_233), (1, 1_233)], &[(1, 1_233, 1_233), (1, 1_233, 1_233)]);
    }

    #[test]
    fn receivers_do_not_mix() {
        check(&[(1, 9), (2, 9), (1, 9)], &[(1, 9, 18), (2, 9, 9)]);
    }

    #[test]
    fn a_train_is_as_long_as_the_kernel_takes() {
        check(&[(1, 10); 65], &[(1, 10, 640), (1, 10, 10)]);
        check(&[(1, 1_200); 51], &[(1, 1_200, 60_000), (1, 1_200, 1_200)]);
    }

    #[test]
    fn with_many_receivers_all_leave_before_the_next() {
        let many: Vec<_> = (0..9).map(|port| (port, 10)).chain([(0, 10)]).collect();
        let expected: Vec<_> = (0..9).map(|port| (port, 10, 10)).chain([(0, 10, 10)]).collect();
        check(&many, &expected);
        let mut trains = Trains::default();
        for port in 0..1_000 {
            trains.add(way(port), 1, |out| out.push(7), |_| {});
        }
        assert_eq!(trains.trains.len(), MAX_TRAINS);
    }
}
