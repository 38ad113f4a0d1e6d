//! Sets of log positions as sorted ranges (protocol §5, `sync`, `gone`).

use crate::json::{JsonError, MAX_INTEGER, Value, as_integer};
use crate::json_writer::{write_array, write_integer};

/// Most ranges in one set on the wire: a receiver holds at most 256 out-of-order events per log.
pub const MAX_RANGES: usize = 256;

/// A set of positions from 1 up, kept as sorted, disjoint, non-adjacent inclusive ranges.
///
/// It grows by one range per gap, so whoever inserts positions that a peer chose must bound
/// [`Ranges::range_count`]. JSON form: `[[1,42],[44,45]]`, which is also its serde form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The set of `first..=last`; empty if that is empty. Position 0 does not exist and is left out.
    pub fn from_range(first: u64, last: u64) -> Self {
        let mut ranges = Self::new();
        ranges.insert_range(first, last);
        ranges
    }

    /// Adds a position; false if it was there already or is 0.
    pub fn insert(&mut self, position: u64) -> bool {
        if position == 0 || self.contains(position) {
            return false;
        }
        // In order is the common case and costs nothing.
        if let Some(last) = self.0.last_mut()
            && last.1.checked_add(1) == Some(position)
        {
            last.1 = position;
            return true;
        }
        self.insert_range(position, position);
        true
    }

    /// Adds `first..=last`; position 0 is left out.
    pub fn insert_range(&mut self, first: u64, last: u64) {
        let (mut first, mut last) = (first.max(1), last);
        if first > last {
            return;
        }
        // Everything that overlaps or touches the new range melts into it.
        let from = self.0.partition_point(|range| range.1.saturating_add(1) < first);
        let to = self.0.partition_point(|range| range.0 <= last.saturating_add(1));
        if let Some(touched) = self.0.get(from..to)
            && let (Some(lowest), Some(highest)) = (touched.first(), touched.last())
        {
            first = first.min(lowest.0);
            last = last.max(highest.1);
        }
        self.0.splice(from..to, [(first, last)]);
    }

    /// Adds everything of `other`.
    pub fn insert_all(&mut self, other: &Self) {
        other.iter().for_each(|(first, last)| self.insert_range(first, last));
    }

    /// Whether the position is in the set.
    pub fn contains(&self, position: u64) -> bool {
        let at = self.0.partition_point(|range| range.1 < position);
        self.0.get(at).is_some_and(|range| range.0 <= position)
    }

    /// The end of the range that starts at 1: everything up to it is there. 0 if 1 is not.
    pub fn cumulative(&self) -> u64 {
        self.0.first().filter(|range| range.0 == 1).map_or(0, |range| range.1)
    }

    /// The positions above [`Ranges::cumulative`], rising. A range that came from a peer may hold
    /// 2^53 of them: take what you need, never collect blindly.
    pub fn above_cumulative(&self) -> impl Iterator<Item = u64> + '_ {
        self.above().iter().flat_map(|range| range.0..=range.1)
    }

    /// How many positions lie above [`Ranges::cumulative`].
    pub fn count_above(&self) -> u64 {
        self.above().iter().fold(0, |sum, range| sum.saturating_add(range.1 - range.0 + 1))
    }

    /// The ranges as (first, last), rising.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// What is missing from `1..=upto`, as a set.
    pub fn missing_up_to(&self, upto: u64) -> Self {
        let mut missing = Vec::new();
        let mut next = 1;
        for range in &self.0 {
            if range.0 > upto {
                break;
            }
            if next < range.0 {
                missing.push((next, range.0 - 1));
            }
            next = range.1.saturating_add(1);
        }
        if next <= upto {
            missing.push((next, upto));
        }
        Self(missing)
    }

    /// The highest position, 0 if the set is empty.
    pub fn highest(&self) -> u64 {
        self.0.last().map_or(0, |range| range.1)
    }

    /// How many ranges there are.
    pub fn range_count(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest `count` ranges.
    pub fn lowest_ranges(&self, count: usize) -> Self {
        Self(self.0.iter().copied().take(count).collect())
    }

    fn above(&self) -> &[(u64, u64)] {
        &self.0[usize::from(self.cumulative() > 0)..]
    }

    /// Appends the JSON form.
    pub(crate) fn write(&self, out: &mut String) {
        write_array(out, self.iter(), |out, (first, last)| {
            write_array(out, [first, last], write_integer);
        });
    }

    /// Reads the JSON form: at most [`MAX_RANGES`] rising ranges that do not overlap, of
    /// positions from 1 to 2^53. Touching ranges are joined.
    pub(crate) fn read(value: &Value<'_>, key: &'static str) -> Result<Self, JsonError> {
        let Value::Array(items) = value else { return Err(JsonError::BadField(key)) };
        if items.len() > MAX_RANGES {
            return Err(JsonError::BadField(key));
        }
        let mut ranges = Self::new();
        for item in items {
            let Value::Array(pair) = item else { return Err(JsonError::BadField(key)) };
            let [first, last] = pair.as_slice() else { return Err(JsonError::BadField(key)) };
            let (first, last) = (as_integer(first, key)?, as_integer(last, key)?);
            if !ranges.push(first, last) {
                return Err(JsonError::BadField(key));
            }
        }
        Ok(ranges)
    }

    /// Appends a range above all others; false if it is not one.
    fn push(&mut self, first: u64, last: u64) -> bool {
        if first <= self.highest() || last < first || last > MAX_INTEGER {
            return false;
        }
        self.insert_range(first, last);
        true
    }
}

impl FromIterator<u64> for Ranges {
    fn from_iter<I: IntoIterator<Item = u64>>(positions: I) -> Self {
        let mut ranges = Self::new();
        for position in positions {
            ranges.insert(position);
        }
        ranges
    }
}

impl serde::Serialize for Ranges {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Ranges {
    /// As on the wire, but with any number of ranges: this form is for one's own storage.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut ranges = Self::new();
        for (first, last) in Vec::<(u64, u64)>::deserialize(deserializer)? {
            if !ranges.push(first, last) {
                return Err(serde::de::Error::custom("ranges must rise and not overlap"));
            }
        }
        Ok(ranges)
    }
}
