use std::sync::LazyLock;

use proptest::prelude::*;
use tincan_engine::MessageKind;
use tincan_wire::{Identity, LogId, UserId};

use super::*;

static CONTACT: LazyLock<UserId> = LazyLock::new(|| Identity::from_seed([1; 32]).user_id());

fn message(h: u64, outgoing: bool) -> MessageView {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&h.to_be_bytes());
    random[9] = u8::from(outgoing);
    MessageView {
        contact: *CONTACT,
        outgoing,
        id: MessageId::new(h, random),
        lg: "k3m9x2ap".parse::<LogId>().unwrap(),
        s: h,
        h,
        timestamp: h,
        kind: MessageKind::Text { reply: None },
        content: String::new(),
        state: Delivery::Queued,
    }
}

fn page(from: u64, to: u64) -> Vec<MessageView> {
    (from..to).map(|h| message(h, h % 2 == 0)).collect()
}

fn moments(timeline: &Timeline) -> Vec<u64> {
    timeline.loaded.iter().map(|message| message.h).collect()
}

/// A timeline at the end of a conversation of `count` messages, with `rows` rows.
fn at_end(count: u64, rows: usize) -> Timeline {
    let mut timeline = Timeline::new(true);
    let from = count.saturating_sub(PAGE as u64);
    timeline.reset(page(from, count), from > 0, false);
    timeline.show(usize::MAX, rows);
    timeline
}

/// Loads the older page, as the store of `0..` would answer.
fn scroll_up(timeline: &mut Timeline) -> usize {
    let first = timeline.first().unwrap().h;
    let from = first.saturating_sub(PAGE as u64);
    timeline.load_older(page(from, first), from > 0)
}

#[test]
fn a_conversation_opens_at_its_end() {
    let timeline = at_end(1_000, 50);
    assert_eq!(timeline.shown(), 150..200);
    assert!(timeline.shows_end() && !timeline.reaches_start());
}

#[test]
fn the_window_moves_by_steps_and_keeps_its_bound() {
    let mut timeline = at_end(1_000, 50);
    let shift = timeline.step_older(60);
    assert_eq!(shift, Shift { drop_new: 14, add_old: 126..150, ..Shift::default() });
    assert_eq!(timeline.shown(), 126..186);
    assert!(!timeline.shows_end());
    let shift = timeline.step_newer(60);
    assert_eq!(shift, Shift { drop_old: 14, add_new: 186..200, ..Shift::default() });
    assert!(timeline.shows_end());
}

#[test]
fn the_window_stops_at_what_is_loaded() {
    let mut timeline = at_end(10, 50);
    assert_eq!(timeline.shown(), 0..10);
    assert_eq!(timeline.step_older(60), Shift { add_old: 0..0, ..Shift::default() });
    assert_eq!(timeline.step_newer(60), Shift { add_new: 10..10, ..Shift::default() });
}

#[test]
fn scrolling_up_forgets_below_and_down_again_finds_it() {
    let mut timeline = at_end(10_000, 50);
    for _ in 0..20 {
        scroll_up(&mut timeline);
        timeline.show(100, 50);
        assert!(timeline.len() <= MAX_LOADED);
    }
    assert!(!timeline.reaches_end());
    let mut loads = 0;
    while !timeline.reaches_end() {
        let end = timeline.next_page_ends().unwrap().map_or(10_000, |cursor| cursor.h);
        let limit = PAGE as u64 + 50;
        let rows = timeline.load_newer(page(end - limit, end), false, end == 10_000);
        assert!(rows.is_some());
        timeline.show(usize::MAX, 50);
        loads += 1;
    }
    assert_eq!(loads, 17);
    assert_eq!(timeline.last().unwrap().h, 9_999);
    let loaded = moments(&timeline);
    assert!(loaded.windows(2).all(|pair| pair[0] + 1 == pair[1]));
}

#[test]
fn rows_forgotten_with_their_page_are_counted() {
    let mut timeline = at_end(10_000, 50);
    assert_eq!((0..4).map(|_| scroll_up(&mut timeline)).sum::<usize>(), 50);
    assert!(timeline.shown().is_empty());
}

#[test]
fn a_page_that_does_not_connect_is_refused() {
    let mut timeline = Timeline::new(true);
    timeline.reset(page(0, 10), false, true);
    assert_eq!(timeline.load_newer(page(20, 30), false, true), None);
    assert_eq!(timeline.load_newer(page(5, 15), false, true), Some(0));
    assert_eq!(moments(&timeline), (0..15).collect::<Vec<_>>());
}

#[test]
fn what_comes_is_last_or_between_or_known_or_beyond() {
    let mut timeline = at_end(10, 50);
    assert_eq!(timeline.insert(message(20, false)), Placed::Last);
    assert_eq!(timeline.insert(message(15, false)), Placed::Between(10));
    assert_eq!(timeline.insert(message(15, false)), Placed::Known(10));
    let mut early = at_end(1_000, 50);
    assert_eq!(early.insert(message(5, true)), Placed::Beyond);
    early.reset(page(0, 10), false, true);
    assert_eq!(early.insert(message(20, true)), Placed::Beyond);
    assert_eq!(early.insert(message(3, true)), Placed::Between(3));
    assert_eq!(Timeline::new(true).insert(message(1, true)), Placed::Beyond);
}

#[test]
fn the_smaller_id_comes_first_at_the_same_moment() {
    for own_first in [true, false] {
        let mut timeline = Timeline::new(own_first);
        timeline.reset(Vec::new(), false, false);
        timeline.insert(message(7, true));
        timeline.insert(message(7, false));
        assert_eq!(timeline.get(0).unwrap().outgoing, own_first);
    }
}

#[test]
fn a_message_before_the_window_leaves_the_rows_as_they_are() {
    let mut timeline = at_end(1_000, 50);
    let before = timeline.get(150).unwrap().id;
    let mut late = message(850, false);
    late.id = message(999_999, false).id;
    assert_eq!(timeline.insert(late), Placed::Between(51));
    assert_eq!(timeline.shown(), 151..201);
    assert_eq!(timeline.get(151).unwrap().id, before);
}

#[test]
fn delivery_goes_forward_and_reading_covers_a_prefix() {
    let mut timeline = Timeline::new(true);
    timeline.reset(vec![message(1, true), message(2, true), message(3, false)], false, false);
    let first = timeline.get(0).unwrap().id;
    assert_eq!(timeline.deliver(&[first], Delivery::Delivered), 1);
    assert_eq!(timeline.deliver(&[first], Delivery::Delivered), 0);
    assert_eq!(timeline.read(2), vec![0]);
    assert_eq!(timeline.deliver(&[first], Delivery::Delivered), 0);
    let theirs = timeline.get(2).unwrap().id;
    assert_eq!(timeline.deliver(&[theirs], Delivery::Failed), 0);
}

#[test]
fn what_is_delivered_together_is_found_in_any_order_with_gaps_and_strangers() {
    let mut timeline = Timeline::new(true);
    timeline.reset((1..=9).map(|h| message(h, true)).collect(), false, false);
    let id = |h| message(h, true).id;
    let ids = [id(3), id(4), id(1_000), id(5), id(9), id(1), id(2)];
    assert_eq!(timeline.deliver(&ids, Delivery::Delivered), 6);
    let delivered: Vec<u64> = (0..9)
        .filter_map(|at| timeline.get(at))
        .filter(|message| message.state == Delivery::Delivered)
        .map(|message| message.h)
        .collect();
    assert_eq!(delivered, [1, 2, 3, 4, 5, 9]);
}

#[test]
fn the_window_fits_the_screen_within_bounds() {
    assert_eq!(max_rows(0.0), 120);
    assert_eq!(max_rows(800.0), 175);
    assert_eq!(max_rows(f64::MAX), 1_000);
    assert_eq!(max_rows(f64::NAN), 120);
}

#[derive(Clone, Debug)]
enum Step {
    Up,
    Down,
    Older,
    Newer,
    Insert(u64),
}

proptest! {
    #[test]
    fn bounds_and_order_hold_whatever_happens(steps in prop::collection::vec(
        prop_oneof![
            Just(Step::Up), Just(Step::Down), Just(Step::Older), Just(Step::Newer),
            (0..6_000_u64).prop_map(Step::Insert),
        ],
        0..80,
    )) {
        const COUNT: u64 = 5_000;
        const ROWS: usize = 60;
        let mut timeline = at_end(COUNT, ROWS);
        for step in steps {
            match step {
                Step::Up => {
                    scroll_up(&mut timeline);
                }
                Step::Down => if let Some(last) = timeline.last() {
                    let end = (last.h + 150).min(COUNT);
                    timeline.load_newer(page(last.h.saturating_sub(50), end), false, end == COUNT);
                },
                Step::Older => {
                    timeline.step_older(ROWS);
                }
                Step::Newer => {
                    timeline.step_newer(ROWS);
                }
                Step::Insert(h) => {
                    timeline.insert(message(h, h % 3 == 0));
                    timeline.trim();
                }
            }
            let loaded = moments(&timeline);
            prop_assert!(loaded.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(loaded.len() <= MAX_LOADED);
            let shown = timeline.shown();
            prop_assert!(shown.start <= shown.end && shown.end <= loaded.len());
        }
    }
}
