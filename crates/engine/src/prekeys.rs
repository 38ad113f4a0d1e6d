//! Our prekeys (protocol §3): a new one each week, forgotten after two, so that old signaling
//! stays unreadable even to who takes the key later.

use std::time::Duration;

use rand_core::CryptoRng;
use tincan_wire::{PrekeyId, PrekeyPublic, PrekeySecret};

use crate::engine::Engine;
use crate::store::{Op, StoredPrekey};
use crate::time::Time;
use crate::timer::Timer;
use crate::transactions::Pending;

/// After this a new prekey is made.
const ROTATE_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);
/// After this a prekey is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(14 * 24 * 3_600);
/// A contact's prekey of this age is used no longer: they are about to forget it.
pub(crate) const CONTACT_PREKEY_LIFETIME: Duration = Duration::from_secs(6 * 24 * 3_600);

/// Our prekeys, the newest last; two or three at any time.
#[derive(Debug)]
pub(crate) struct Prekeys {
    list: Vec<StoredPrekey>,
    /// Made at the start and not on disk yet.
    starting: Option<StoredPrekey>,
    /// What the disk is to be told at the start of their age.
    redated: Vec<StoredPrekey>,
}

impl Prekeys {
    /// Those on disk. Of one that a clock noted which was ahead nobody knows the age: it gets a
    /// successor at once, and a week to be forgotten.
    pub(crate) fn new(stored: Vec<StoredPrekey>, now: Time) -> Self {
        let mut list: Vec<StoredPrekey> = Vec::new();
        let mut redated = Vec::new();
        for mut prekey in stored {
            if prekey.made > now {
                let millis = u64::try_from(ROTATE_AFTER.as_millis()).unwrap_or(u64::MAX);
                prekey.made = Time::from_millis(now.as_millis().saturating_sub(millis));
                redated.push(prekey.clone());
            }
            list.insert(list.partition_point(|older| older.made <= prekey.made), prekey);
        }
        Self { list, starting: None, redated }
    }

    /// What is to be stored at the start: a first or a newer prekey, and which to forget.
    pub(crate) fn tend<R: CryptoRng>(&mut self, rng: &mut R, now: Time) -> Vec<Op> {
        let mut ops: Vec<_> = self.forget(now).into_iter().map(Op::RemovePrekey).collect();
        if self.starting.is_none() && self.is_rotation_due(now) {
            self.starting = Some(fresh(rng, now));
        }
        ops.extend(self.redated.iter().chain(&self.starting).cloned().map(Op::SavePrekey));
        ops
    }

    pub(crate) fn start_stored(&mut self) {
        self.list.extend(self.starting.take());
    }

    pub(crate) fn stored(&mut self, prekey: StoredPrekey) {
        self.list.push(prekey);
    }

    fn is_rotation_due(&self, now: Time) -> bool {
        self.list.last().is_none_or(|newest| now.since(newest.made) >= ROTATE_AFTER)
    }

    fn forget(&mut self, now: Time) -> Vec<PrekeyId> {
        let (old, kept) = std::mem::take(&mut self.list)
            .into_iter()
            .partition(|prekey| now.since(prekey.made) >= FORGET_AFTER);
        self.list = kept;
        Vec::into_iter(old).map(|prekey: StoredPrekey| prekey.id).collect()
    }

    /// The prekey that contacts are told, once one is on disk.
    pub(crate) fn current(&self) -> Option<PrekeyPublic> {
        self.list.last().map(|prekey| PrekeySecret::from_bytes(&prekey.bytes).public())
    }

    pub(crate) fn secret(&self, id: PrekeyId) -> Option<PrekeySecret> {
        let found = self.list.iter().find(|prekey| prekey.id == id)?;
        Some(PrekeySecret::from_bytes(&found.bytes))
    }

    /// When the newest is to get a successor, or the oldest is to be forgotten.
    fn next_change(&self) -> Option<Time> {
        let rotation = self.list.last().map(|newest| newest.made + ROTATE_AFTER);
        let end = self.list.first().map(|oldest| oldest.made + FORGET_AFTER);
        rotation.into_iter().chain(end).min()
    }
}

fn fresh<R: CryptoRng>(rng: &mut R, now: Time) -> StoredPrekey {
    let secret = PrekeySecret::generate(rng);
    StoredPrekey { id: secret.id(), bytes: secret.to_bytes(), made: now }
}

impl Engine {
    pub(crate) fn schedule_prekeys(&mut self) {
        if let Some(at) = self.prekeys.next_change() {
            self.timers.set(Timer::Prekeys, at);
        }
    }

    pub(crate) fn tend_prekeys(&mut self, now: Time) {
        let old = self.prekeys.forget(now);
        if !old.is_empty() {
            self.store(old.into_iter().map(Op::RemovePrekey).collect(), Pending::Nothing);
        }
        if self.prekeys.is_rotation_due(now) {
            let prekey = fresh(&mut self.rng, now);
            self.store(vec![Op::SavePrekey(prekey.clone())], Pending::Prekey(prekey));
        }
        // If the disk refuses, an hour later is soon enough to try again.
        self.timers.set(Timer::Prekeys, now + Duration::from_secs(3_600));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha12Rng;
    use rand_core::SeedableRng;

    fn day(days: u64) -> Time {
        Time::from_millis(1_700_000_000_000) + Duration::from_secs(days * 24 * 3_600)
    }

    fn started(at: Time) -> Prekeys {
        let mut prekeys = Prekeys::new(Vec::new(), at);
        prekeys.tend(&mut ChaCha12Rng::from_seed([3; 32]), at);
        prekeys.start_stored();
        prekeys
    }

    #[test]
    fn one_of_a_clock_that_was_ahead_gets_a_successor_and_goes_in_a_week() {
        let future = fresh(&mut ChaCha12Rng::from_seed([4; 32]), day(400));
        let mut prekeys = Prekeys::new(vec![future.clone()], day(10));
        let ops = prekeys.tend(&mut ChaCha12Rng::from_seed([3; 32]), day(10));
        let [Op::SavePrekey(redated), Op::SavePrekey(successor)] = &ops[..] else {
            panic!("{ops:?}");
        };
        assert_eq!((redated.id, redated.made), (future.id, day(3)));
        prekeys.start_stored();
        assert_eq!(prekeys.current().map(|key| key.id), Some(successor.id));
        assert!(prekeys.forget(day(16)).is_empty());
        assert_eq!(prekeys.forget(day(17)), [future.id]);
    }

    #[test]
    fn none_is_told_before_it_is_stored() {
        let mut prekeys = Prekeys::new(Vec::new(), day(0));
        let ops = prekeys.tend(&mut ChaCha12Rng::from_seed([3; 32]), day(0));
        assert!(matches!(ops[..], [Op::SavePrekey(_)]));
        assert_eq!(prekeys.current(), None);
        prekeys.start_stored();
        assert!(prekeys.current().is_some());
    }

    #[test]
    fn a_week_old_prekey_gets_a_successor_and_still_opens() {
        let mut prekeys = started(day(0));
        let old = prekeys.current().unwrap().id;
        assert!(!prekeys.is_rotation_due(day(6)) && prekeys.is_rotation_due(day(7)));
        prekeys.tend(&mut ChaCha12Rng::from_seed([4; 32]), day(7));
        prekeys.start_stored();
        assert_ne!(prekeys.current().unwrap().id, old);
        assert!(prekeys.secret(old).is_some());
    }

    #[test]
    fn a_prekey_is_forgotten_after_two_weeks() {
        let mut prekeys = started(day(0));
        let old = prekeys.current().unwrap().id;
        assert_eq!(prekeys.forget(day(13)), []);
        assert_eq!(prekeys.forget(day(14)), [old]);
        assert!(prekeys.secret(old).is_none());
    }
}
