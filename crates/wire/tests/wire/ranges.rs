//! Sets of positions.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tincan_wire::Ranges;

fn ranges(list: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::new();
    for (first, last) in list {
        ranges.insert_range(*first, *last);
    }
    ranges
}

fn check(list: &[(u64, u64)], expected: &[(u64, u64)]) {
    assert_eq!(ranges(list).iter().collect::<Vec<_>>(), expected, "{list:?}");
}

#[test]
fn neighbours_melt() {
    check(&[(1, 2), (3, 4)], &[(1, 4)]);
    check(&[(3, 4), (1, 2)], &[(1, 4)]);
    check(&[(1, 2), (4, 5), (3, 3)], &[(1, 5)]);
    check(&[(1, 2), (4, 5)], &[(1, 2), (4, 5)]);
    check(&[(10, 20), (5, 30)], &[(5, 30)]);
    check(&[(10, 20), (30, 40), (50, 60), (15, 55)], &[(10, 60)]);
}

#[test]
fn the_ends_are_safe() {
    check(&[(0, 3)], &[(1, 3)]);
    check(&[(0, 0), (5, 4)], &[]);
    check(&[(u64::MAX, u64::MAX), (1, 1)], &[(1, 1), (u64::MAX, u64::MAX)]);
    check(&[(1, u64::MAX), (7, 9)], &[(1, u64::MAX)]);
    assert_eq!(ranges(&[(2, u64::MAX)]).count_above(), u64::MAX - 1);
    assert!(!Ranges::new().insert(0));
    assert!(ranges(&[(u64::MAX, u64::MAX)]).contains(u64::MAX));
}

#[test]
fn insert_tells_what_is_new() {
    let mut ranges = Ranges::new();
    assert!(ranges.insert(2) && ranges.insert(1) && ranges.insert(4));
    assert!(!ranges.insert(2) && !ranges.insert(4));
    assert_eq!(ranges.cumulative(), 2);
    assert_eq!(ranges.above_cumulative().collect::<Vec<_>>(), [4]);
    assert_eq!(ranges.count_above(), 1);
}

#[test]
fn without_the_first_nothing_is_cumulative() {
    let ranges = ranges(&[(2, 3)]);
    assert_eq!(ranges.cumulative(), 0);
    assert_eq!(ranges.above_cumulative().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn what_is_missing_is_listed() {
    let set = ranges(&[(2, 3), (6, 9)]);
    assert_eq!(set.missing_up_to(0), Ranges::new());
    assert_eq!(set.missing_up_to(1), ranges(&[(1, 1)]));
    assert_eq!(set.missing_up_to(5), ranges(&[(1, 1), (4, 5)]));
    assert_eq!(set.missing_up_to(12), ranges(&[(1, 1), (4, 5), (10, 12)]));
}

#[test]
fn json_must_rise_and_not_overlap() {
    let read = |json: &str| serde_json::from_str::<Ranges>(json).ok();
    assert_eq!(read("[[1,42],[44,45]]"), Some(ranges(&[(1, 42), (44, 45)])));
    assert_eq!(read("[[1,2],[3,4]]"), Some(ranges(&[(1, 4)])));
    assert_eq!(read("[]"), Some(Ranges::new()));
    for wrong in ["[[0,1]]", "[[2,1]]", "[[1,2],[2,3]]", "[[5,6],[1,2]]", "[[1]]", "[1]", "{}"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
    assert_eq!(read("[[1,9007199254740993]]"), None);
}

proptest! {
    #[test]
    fn behaves_like_a_set(inserts in proptest::collection::vec((1_u64..60, 0_u64..5), 0..40)) {
        let (mut ranges, mut model) = (Ranges::new(), BTreeSet::new());
        for (first, more) in inserts {
            if more == 0 {
                prop_assert_eq!(ranges.insert(first), model.insert(first));
            } else {
                ranges.insert_range(first, first + more);
                model.extend(first..=first + more);
            }
        }
        for position in 0..70 {
            prop_assert_eq!(ranges.contains(position), model.contains(&position));
        }
        let cumulative = (1..).take_while(|position| model.contains(position)).count() as u64;
        prop_assert_eq!(ranges.cumulative(), cumulative);
        let above: Vec<u64> = model.iter().copied().filter(|at| *at > cumulative).collect();
        prop_assert_eq!(ranges.above_cumulative().collect::<Vec<_>>(), above.clone());
        prop_assert_eq!(ranges.count_above(), above.len() as u64);
        prop_assert_eq!(ranges.highest(), model.last().copied().unwrap_or(0));
        let listed: Vec<_> = ranges.iter().collect();
        prop_assert!(listed.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        let mut whole = ranges.clone();
        whole.insert_all(&ranges.missing_up_to(70));
        prop_assert_eq!(whole, Ranges::from_range(1, 70));
        let json = serde_json::to_string(&ranges).expect("serialises");
        prop_assert_eq!(serde_json::from_str::<Ranges>(&json).expect("reads"), ranges);
    }
}
