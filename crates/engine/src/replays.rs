//! Which bodies of others are new (protocol §4, "Order and replay").

use std::collections::BTreeMap;

use tincan_wire::{DeviceId, Leaf, Signal, SortedMap, UserId};

use crate::store::{Op, Replay};

/// Devices of one user whose positions are kept: more than a person has, and few enough that
/// someone who makes them up gains nothing.
const MAX_DEVICES: usize = 8;

/// No `ep` is above it (protocol, "JSON").
const EVERY_RUN: u64 = 1 << 53;

/// The last accepted (`ep`, `seq`) of each user, device and leaf.
///
/// Of a user with more devices than are kept, those stay whose runs began last. What is forgotten
/// with the others never counts as new again: all of it is of runs up to the user's floor, and
/// nothing of such a run is taken, whichever device it is of.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    last: BTreeMap<(UserId, DeviceId, Leaf), (u64, u64)>,
    /// The `ep` up to which all runs of a user are old.
    floors: BTreeMap<UserId, u64>,
    dirty: SortedMap<(UserId, DeviceId, Leaf), ()>,
    dirty_floors: SortedMap<UserId, ()>,
}

impl Replays {
    pub(crate) fn new(list: Vec<Replay>) -> Self {
        let mut replays = Self::default();
        for Replay { from, dev, leaf, ep, seq } in list {
            if dev == Replay::FLOOR {
                replays.floors.insert(from, ep);
            } else {
                replays.last.insert((from, dev, leaf), (ep, seq));
            }
        }
        // A crash may have come between a new device and the end of another.
        let mut users: Vec<_> = replays.last.keys().map(|(user, _, _)| *user).collect();
        users.dedup();
        for user in users {
            replays.make_room(user, MAX_DEVICES);
        }
        replays
    }

    /// Whether the body is new; if so it is the last from now on.
    pub(crate) fn rises(&mut self, signal: &Signal) -> bool {
        let (from, dev, ep) = (signal.from, signal.dev, signal.ep);
        let is_old = self.floors.get(&from).is_some_and(|floor| ep <= *floor);
        if is_old || dev == Replay::FLOOR {
            return false;
        }
        let (key, pair) = ((from, dev, signal.body.leaf()), (ep, signal.seq));
        if let Some(last) = self.last.get_mut(&key) {
            let rises = *last < pair;
            *last = pair.max(*last);
            return rises;
        }
        let devices = self.devices(from);
        if !devices.contains_key(&dev) && devices.len() >= MAX_DEVICES {
            // Those whose runs began last stay, and this one may be the one that goes.
            if devices.values().all(|run| ep <= *run) {
                return false;
            }
            self.make_room(from, MAX_DEVICES - 1);
        }
        self.last.insert(key, pair);
        true
    }

    /// Each device of a user, with its last run.
    fn devices(&self, from: UserId) -> SortedMap<DeviceId, u64> {
        let mut devices = SortedMap::new();
        let low = (from, DeviceId([0; 8]), Leaf::Offer);
        for ((user, device, _), (ep, _)) in self.last.range(low..) {
            if *user != from {
                break;
            }
            let run: &mut u64 = devices.or_insert_with(*device, || *ep);
            *run = (*run).max(*ep);
        }
        devices
    }

    /// Forgets devices until so many are left.
    fn make_room(&mut self, from: UserId, left: usize) {
        let devices = self.devices(from);
        let mut runs: Vec<_> = devices.values().copied().collect();
        runs.sort_unstable();
        let Some(floor) = runs.len().checked_sub(left + 1).and_then(|at| runs.get(at)) else {
            return;
        };
        let floor = self.floors.get(&from).map_or(*floor, |old| *floor.max(old));
        self.floors.insert(from, floor);
        self.dirty_floors.insert(from, ());
        let low = (from, DeviceId([0; 8]), Leaf::Offer);
        let of_user = self.last.range(low..).take_while(|((user, _, _), _)| *user == from);
        let old = of_user.filter(|(_, (ep, _))| *ep <= floor).map(|(key, _)| *key);
        for key in old.collect::<Vec<_>>() {
            self.last.remove(&key);
            self.dirty.remove(&key);
        }
    }

    /// The position of this device and leaf is not on disk yet.
    pub(crate) fn note(&mut self, from: UserId, dev: DeviceId, leaf: Leaf) {
        self.dirty.insert((from, dev, leaf), ());
    }

    /// What the disk must hear of this user's floor.
    pub(crate) fn take_floor(&mut self, from: UserId) -> Vec<Op> {
        match (self.dirty_floors.remove(&from), self.floors.get(&from)) {
            (Some(()), Some(floor)) => vec![
                Op::RemoveReplays { from, upto: *floor },
                Op::SaveReplay(Replay::floor(from, *floor)),
            ],
            _ => Vec::new(),
        }
    }

    /// All that the disk must hear.
    pub(crate) fn take_changes(&mut self) -> Vec<Op> {
        let floors: Vec<_> = self.dirty_floors.keys().copied().collect();
        let mut ops: Vec<_> = floors.into_iter().flat_map(|user| self.take_floor(user)).collect();
        let dirty = std::mem::take(&mut self.dirty).into_iter();
        ops.extend(dirty.filter_map(|(key, ())| {
            let (ep, seq) = *self.last.get(&key)?;
            let (from, dev, leaf) = key;
            Some(Op::SaveReplay(Replay { from, dev, leaf, ep, seq }))
        }));
        ops
    }

    /// Forgets a stranger; the disk does, too, with what this gives.
    pub(crate) fn forget(&mut self, from: UserId) -> Op {
        self.last.retain(|(user, _, _), _| *user != from);
        self.floors.remove(&from);
        self.dirty.retain(|(user, _, _), ()| *user != from);
        self.dirty_floors.remove(&from);
        Op::RemoveReplays { from, upto: EVERY_RUN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tincan_wire::{Body, ChatStatus, Identity};

    fn user() -> UserId {
        Identity::from_seed([1; 32]).user_id()
    }

    fn signal(dev: u8, ep: u64, seq: u64) -> Signal {
        Signal {
            from: user(),
            to: Identity::from_seed([2; 32]).user_id(),
            dev: DeviceId([dev; 8]),
            ep,
            seq,
            body: Body::Heartbeat { n: 1, re: false },
        }
    }

    /// Nine devices have been heard, one after the other; the first is forgotten.
    fn nine_devices() -> Replays {
        let mut replays = Replays::default();
        for dev in 1..=9 {
            assert!(replays.rises(&signal(dev, 10 * u64::from(dev), 5)), "device {dev}");
        }
        replays
    }

    #[test]
    fn the_pair_of_run_and_count_must_rise() {
        let mut replays = Replays::default();
        for (ep, seq, rises) in
            [(5, 1, true), (5, 1, false), (5, 2, true), (4, 9, false), (6, 1, true)]
        {
            assert_eq!(replays.rises(&signal(1, ep, seq)), rises, "({ep}, {seq})");
        }
    }

    #[test]
    fn devices_count_for_themselves() {
        let mut replays = Replays::default();
        assert!(replays.rises(&signal(1, 5, 5)));
        assert!(replays.rises(&signal(2, 1, 1)));
    }

    #[test]
    fn what_a_forgotten_device_has_said_is_not_new_again() {
        let mut replays = nine_devices();
        for seq in [1, 5, 6] {
            assert!(!replays.rises(&signal(1, 10, seq)), "its run is over");
        }
        let presence = Body::ChatPresence { status: ChatStatus::Left };
        assert!(!replays.rises(&Signal { body: presence, ..signal(1, 10, 9) }), "on any leaf");
        assert!(!replays.rises(&signal(77, 10, 9)), "under any name");
    }

    #[test]
    fn a_forgotten_device_is_heard_again_in_its_next_run() {
        let mut replays = nine_devices();
        assert!(replays.rises(&signal(1, 100, 1)));
        assert!(!replays.rises(&signal(1, 10, 6)));
        assert!(!replays.rises(&signal(2, 20, 6)), "now this one is forgotten");
    }

    #[test]
    fn what_is_kept_of_one_user_is_bounded_in_memory_and_on_disk() {
        let mut replays = Replays::default();
        let mut disk: BTreeMap<_, Replay> = BTreeMap::new();
        for number in 1..2_000_u64 {
            let dev = DeviceId(number.to_be_bytes());
            assert!(replays.rises(&Signal { dev, ..signal(1, number, 1) }));
            replays.note(user(), dev, Leaf::Heartbeat);
            for op in replays.take_changes() {
                match op {
                    Op::SaveReplay(replay) => drop(disk.insert((replay.dev, replay.leaf), replay)),
                    Op::RemoveReplays { upto, .. } => disk.retain(|_, replay| replay.ep > upto),
                    other => panic!("{other:?}"),
                }
            }
            assert!(replays.last.len() <= MAX_DEVICES && disk.len() <= MAX_DEVICES + 1);
        }
        for number in 2_000..4_000_u64 {
            let dev = DeviceId(number.to_be_bytes());
            assert!(replays.rises(&Signal { dev, ..signal(1, number, 1) }));
            replays.note(user(), dev, Leaf::Heartbeat);
            assert!(replays.dirty.len() <= MAX_DEVICES, "nor between two writes");
        }
        let again = Replays::new(disk.into_values().collect());
        assert_eq!((again.last.len(), again.floors[&user()]), (MAX_DEVICES, 1_991));
    }

    #[test]
    fn what_a_crash_left_too_many_of_is_put_in_order() {
        let list = (1..=20_u8).map(|dev| Replay {
            from: user(),
            dev: DeviceId([dev; 8]),
            leaf: Leaf::Offer,
            ep: dev.into(),
            seq: 1,
        });
        let mut replays = Replays::new(list.collect());
        assert_eq!(replays.last.len(), MAX_DEVICES);
        assert!(!replays.rises(&signal(12, 12, 2)));
        assert!(replays.rises(&signal(13, 13, 2)));
        assert_eq!(replays.take_floor(user()).len(), 2, "the disk hears of it");
    }

    #[test]
    fn who_has_eight_newer_devices_is_not_heard_from_an_older_one() {
        let mut replays = nine_devices();
        assert!(!replays.rises(&signal(30, 15, 1)));
        assert!(replays.rises(&signal(2, 20, 6)), "nobody was forgotten for it");
    }

    #[test]
    fn the_floors_own_name_is_nobodys() {
        assert!(!Replays::default().rises(&signal(0xff, 5, 1)));
    }

    #[test]
    fn of_a_stranger_who_is_forgotten_nothing_is_kept() {
        let mut replays = nine_devices();
        let op = replays.forget(user());
        assert_eq!(op, Op::RemoveReplays { from: user(), upto: EVERY_RUN });
        assert!(replays.last.is_empty() && replays.floors.is_empty());
        assert!(replays.take_changes().is_empty());
    }
}
