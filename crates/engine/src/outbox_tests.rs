use super::*;
use crate::event::{Delivery, MessageKind};
use tincan_wire::{Identity, LogId};

const MAX: usize = 8;
const MAX_BYTES: usize = 100_000;

fn message(s: u64) -> MessageView {
    let contact = Identity::from_seed([1; 32]).user_id();
    let lg: LogId = "k3m9x2ap".parse().unwrap();
    let mut random = [0; 10];
    random[..8].copy_from_slice(&s.to_be_bytes());
    MessageView {
        contact,
        outgoing: true,
        id: MessageId::new(1_700_000_000_000 + s, random),
        lg,
        s,
        h: s,
        timestamp: 1_700_000_000_000 + s,
        kind: MessageKind::Text { reply: None },
        content: format!("message {s}"),
        state: Delivery::Queued,
    }
}

fn ranges(list: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::new();
    for (first, last) in list {
        ranges.insert_range(*first, *last);
    }
    ranges
}

fn with(count: u64) -> Outbox {
    let mut outbox = Outbox::default();
    for _ in 0..count {
        let s = outbox.reserve();
        outbox.committed(message(s), MAX, MAX_BYTES);
    }
    outbox
}

fn send_all(outbox: &mut Outbox) -> Vec<u64> {
    let mut sent = Vec::new();
    let unsent: Vec<_> = outbox.unsent().map(|slot| slot.s).collect();
    for s in unsent {
        sent.push(s);
        outbox.mark_sent(Time::from_millis(5));
    }
    sent
}

#[test]
fn positions_are_given_without_gaps_from_one() {
    let mut outbox = Outbox::default();
    assert_eq!((outbox.reserve(), outbox.reserve()), (1, 2));
}

#[test]
fn positions_go_on_after_a_restart() {
    let mut outbox = Outbox::new(42, ranges(&[(1, 40)]), 0);
    assert_eq!(outbox.reserve(), 43);
    assert!(!outbox.is_empty());
}

#[test]
fn an_ack_delivers_and_empties() {
    let mut outbox = with(3);
    assert_eq!(send_all(&mut outbox), [1, 2, 3]);
    let (new, ids) = outbox.acknowledge(&ranges(&[(1, 2)]));
    assert_eq!((new, ids), (ranges(&[(1, 2)]), vec![message(1).id, message(2).id]));
    assert!(!outbox.is_empty() && outbox.waiting() == 1);
    outbox.acknowledge(&ranges(&[(1, 3)]));
    assert!(outbox.is_empty() && outbox.all_sent_acked());
}

#[test]
fn a_repeated_ack_brings_nothing_new() {
    let mut outbox = with(3);
    send_all(&mut outbox);
    outbox.acknowledge(&ranges(&[(1, 1), (3, 3)]));
    let (new, ids) = outbox.acknowledge(&ranges(&[(1, 3)]));
    assert_eq!((new, ids), (ranges(&[(2, 2)]), vec![message(2).id]));
}

#[test]
fn an_ack_beyond_what_was_written_is_cut() {
    let mut outbox = with(2);
    let (new, _) = outbox.acknowledge(&ranges(&[(1, 900)]));
    assert_eq!(new, ranges(&[(1, 2)]));
    assert_eq!(outbox.reserve(), 3);
}

#[test]
fn a_selective_ack_leaves_the_gap_to_be_sent_again() {
    let mut outbox = with(4);
    send_all(&mut outbox);
    outbox.acknowledge(&ranges(&[(2, 2), (4, 4)]));
    outbox.session_lost();
    assert_eq!(send_all(&mut outbox), [1, 3]);
}

#[test]
fn a_lost_session_sends_the_unacknowledged_again_in_order() {
    let mut outbox = with(4);
    send_all(&mut outbox);
    outbox.acknowledge(&ranges(&[(1, 1)]));
    assert_eq!(outbox.session_lost().len(), 3);
    assert_eq!(send_all(&mut outbox), [2, 3, 4]);
}

#[test]
fn what_does_not_fit_waits_on_disk_and_is_loaded_in_order() {
    let mut outbox = with(MAX as u64 + 5);
    assert_eq!(outbox.wants_page(MAX, MAX_BYTES), None, "the window is full");
    assert_eq!(send_all(&mut outbox).len(), MAX);
    outbox.acknowledge(&ranges(&[(1, 8)]));
    assert_eq!(outbox.wants_page(MAX, MAX_BYTES), Some(8));
    outbox.loading = true;
    let s = outbox.reserve();
    outbox.committed(message(s), MAX, MAX_BYTES);
    outbox.page(8, (9..=13).map(message).collect(), 13);
    assert_eq!(send_all(&mut outbox), (9..=13).collect::<Vec<_>>());
    assert_eq!(outbox.wants_page(MAX, MAX_BYTES), None);
    outbox.acknowledge(&ranges(&[(9, 13)]));
    assert_eq!(outbox.wants_page(MAX, MAX_BYTES), Some(13));
}

#[test]
fn positions_that_the_disk_lacks_are_gone() {
    let mut outbox = Outbox::new(5, ranges(&[(1, 1)]), 0);
    assert_eq!(outbox.wants_page(MAX, MAX_BYTES), Some(1));
    outbox.loading = true;
    outbox.page(1, vec![message(3), message(5)], 5);
    let gone: Vec<_> = outbox
        .window
        .iter()
        .filter(|slot| matches!(slot.what, What::Gone))
        .map(|slot| slot.s)
        .collect();
    assert_eq!(gone, [2, 4]);
}

#[test]
fn a_message_that_was_not_saved_before_others_leaves_a_hole_that_is_told() {
    let mut outbox = with(1);
    let (_, s) = (outbox.reserve(), outbox.reserve());
    outbox.not_committed();
    outbox.committed(message(s), MAX, MAX_BYTES);
    assert_eq!(outbox.wants_page(MAX, MAX_BYTES), Some(1));
    assert!(outbox.page(1, vec![message(3)], 3));
    assert_eq!(send_all(&mut outbox), [1, 2, 3]);
}

#[test]
fn the_last_positions_are_given_out_again_if_they_were_not_saved() {
    let mut outbox = with(1);
    assert_eq!((outbox.reserve(), outbox.reserve()), (2, 3));
    outbox.not_committed();
    assert_eq!(outbox.reserve(), 4, "the disk may still write the third");
    outbox.not_committed();
    outbox.not_committed();
    assert_eq!(outbox.reserve(), 2);
    assert_eq!(send_all(&mut outbox), [1], "and nobody hears of them");
}

#[test]
fn a_page_that_brings_nothing_is_of_no_use() {
    let mut outbox = Outbox::new(3, Ranges::new(), 0);
    assert!(!outbox.page(0, vec![], 0));
    assert!(outbox.page(0, vec![], 3));
}

#[test]
fn an_ack_of_the_middle_alone_delivers_it() {
    let mut outbox = with(4);
    send_all(&mut outbox);
    let (_, ids) = outbox.acknowledge(&ranges(&[(2, 3)]));
    assert_eq!(ids, [message(2).id, message(3).id]);
    outbox.session_lost();
    assert_eq!(send_all(&mut outbox), [1, 4]);
}

#[test]
fn a_cancelled_message_becomes_a_hole_that_is_sent_again() {
    let mut outbox = with(3);
    send_all(&mut outbox);
    assert_eq!(outbox.check_cancel(message(2).id), Ok(()));
    outbox.cancel(message(2).id);
    assert_eq!(outbox.unsent().next().map(|slot| slot.s), Some(2));
    assert_eq!(outbox.check_cancel(message(2).id), Err(CancelError::Unknown));
    assert_eq!(outbox.check_cancel(message(9).id), Err(CancelError::Unknown));
}

#[test]
fn old_messages_expire_and_young_ones_stay() {
    let mut outbox = with(3);
    let old = outbox.older_than(1_700_000_000_003);
    assert_eq!(old, [message(1).id, message(2).id]);
    old.into_iter().for_each(|id| outbox.cancel(id));
    assert!(outbox.older_than(1_700_000_000_003).is_empty());
}

#[test]
fn is_acked_tells_positions_apart() {
    let mut outbox = with(3);
    outbox.acknowledge(&ranges(&[(2, 2)]));
    assert!(outbox.is_acked(2) && !outbox.is_acked(1));
}
