//! What comes twice, under another's id, without a position or far ahead of a gap.

use tincan_engine::Alarm;
use tincan_wire::{Frame, FrameCodec, Kind, Message, MessageId, Position};

use crate::world::{World, millis, secs};

/// A frame that carries messages of node 0, as its engine would write it.
fn frame_of(world: &World, messages: Vec<Message>) -> String {
    FrameCodec::new(world.nodes[0].id, world.nodes[1].id).encode(&Frame::Batch(messages)).unwrap()
}

fn message(random: u8, content: &str, position: Option<(&str, u64)>) -> Message {
    Message {
        id: MessageId::new(1_763_792_787_000, [random; 10]),
        content: content.into(),
        timestamp: 1_763_792_787_000,
        kind: Kind::Text { reply: None },
        position: position.map(|(lg, s)| Position { lg: lg.parse().unwrap(), s, h: 5 }),
    }
}

const THEIR_LOG: &str = "theirlog";

#[test]
fn a_frame_that_comes_twice_is_shown_once() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.send(0, 1, "m");
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    let frame = world.frames_of(0, "text")[0].clone();
    let sid = world.sid(1, 0).unwrap();
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0), ["m"]);
    assert_eq!(world.dropped(1, "message known already"), 1);
}

#[test]
fn the_same_id_at_two_positions_with_the_same_content_is_shown_once() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    let twice = [1, 2].map(|s| message(7, "m", Some((THEIR_LOG, s))));
    let frame = frame_of(&world, twice.to_vec());
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0), ["m"]);
    assert!(world.alarms(1).is_empty());
}

#[test]
fn the_same_id_with_other_content_is_kept_out_and_alarmed() {
    for apart in [false, true] {
        let mut world = World::pair();
        world.connect(0, 1);
        let sid = world.sid(1, 0).unwrap();
        let first = message(7, "I owe you 10", Some((THEIR_LOG, 1)));
        let other = message(7, "You owe me 10", Some((THEIR_LOG, 2)));
        let id = first.id;
        let frames = match apart {
            true => vec![vec![first], vec![other]],
            false => vec![vec![first, other]],
        };
        for messages in frames {
            let frame = frame_of(&world, messages);
            world.frame(1, sid, &frame);
            world.run_for(secs(1));
        }
        assert_eq!(world.received(1, 0), ["I owe you 10"]);
        assert_eq!(world.shown(1, 0), ["I owe you 10"]);
        assert_eq!(world.alarms(1), [Alarm::MessageIdReused { id }]);
    }
}

#[test]
fn a_plain_client_without_positions_is_understood() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    for (random, text) in [(1, "one"), (2, "two"), (1, "one")] {
        let frame = frame_of(&world, vec![message(random, text, None)]);
        world.frame(1, sid, &frame);
        world.run_for(millis(100));
    }
    assert_eq!(world.shown(1, 0), ["one", "two"]);
}

#[test]
fn messages_far_ahead_of_a_gap_are_bounded_and_the_gap_still_fills() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    for s in (2..400).rev() {
        let mut one = message(0, "m", Some((THEIR_LOG, s)));
        one.id = MessageId::new(s, [1; 10]);
        let frame = frame_of(&world, vec![one]);
        world.frame(1, sid, &frame);
    }
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0).len(), 256);
    assert_eq!(world.dropped(1, "too far ahead of a gap"), 398 - 256);
    let frame = frame_of(&world, vec![message(9, "first", Some((THEIR_LOG, 1)))]);
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    assert_eq!(world.shown(1, 0).len(), 257);
}

#[test]
fn a_contact_that_claims_the_highest_place_does_not_stop_us() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(1, 0).unwrap();
    let mut last = message(1, "I am last", Some((THEIR_LOG, 1)));
    if let Some(position) = &mut last.position {
        position.h = (1 << 53) - (1 << 32);
    }
    let frame = frame_of(&world, vec![last]);
    world.frame(1, sid, &frame);
    world.run_for(secs(1));
    world.send(1, 0, "No");
    world.run_until_within(secs(5), "delivered", |world| world.all_delivered(1, 0));
}
