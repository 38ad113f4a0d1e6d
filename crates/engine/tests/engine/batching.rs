//! Many messages in one frame, and the pauses that back-pressure makes.

use tincan_engine::{Delivery, Time};
use tincan_wire::{Frame, FrameCodec, Kind, Message, MessageId, Position};

use crate::world::{World, millis, secs};

fn connected() -> World {
    let mut world = World::pair();
    world.connect(0, 1);
    world.run_for(secs(40));
    world
}

/// When frames with messages left node 0, and how many bytes each had.
fn frames(world: &World) -> Vec<(Time, usize)> {
    let is_chat = |text: &str| text.contains("\"content\":");
    let frames = world.nodes[0].frames.iter().filter(|(_, text)| is_chat(text));
    frames.map(|(at, text)| (*at, text.len())).collect()
}

fn count_messages(world: &World) -> usize {
    world.nodes[0].frames.iter().map(|(_, text)| text.matches("\"content\":").count()).sum()
}

fn post(world: &mut World, count: usize, size_bytes: usize) {
    for _ in 0..count {
        world.post_message(0, 1, &"x".repeat(size_bytes));
    }
}

#[test]
fn the_first_message_on_an_idle_channel_goes_at_once() {
    let mut world = connected();
    let start = world.now;
    post(&mut world, 1, 10);
    world.run_for(secs(1));
    assert_eq!(frames(&world)[0].0.since(start), world.disk_latency);
}

#[test]
fn while_one_is_under_way_the_next_wait_20_ms_and_share_a_frame() {
    let mut world = connected();
    world.latency = millis(500);
    post(&mut world, 1, 10);
    world.run_for(millis(2));
    let second = world.now;
    for _ in 0..5 {
        post(&mut world, 1, 10);
        world.run_for(millis(3));
    }
    world.run_for(millis(200));
    let frames = frames(&world);
    assert_eq!(frames.len(), 2, "{frames:?}");
    let waited = frames[1].0.since(second) - world.disk_latency;
    assert_eq!(waited, millis(20));
    assert_eq!(count_messages(&world), 6);
}

#[test]
fn sixteen_kib_do_not_wait() {
    let mut world = connected();
    world.latency = millis(500);
    post(&mut world, 1, 10);
    world.run_for(millis(2));
    let start = world.now;
    post(&mut world, 20, 1_000);
    world.run_for(millis(3));
    let frames = frames(&world);
    assert_eq!(frames.len(), 2);
    assert!(frames[1].0.since(start) <= millis(1));
    assert!((12_000..=16 * 1024).contains(&frames[1].1), "{}", frames[1].1);
}

#[test]
fn an_acknowledgement_of_all_sends_what_waits() {
    let mut world = connected();
    world.latency = millis(2);
    post(&mut world, 1, 10);
    world.run_for(millis(2));
    let start = world.now;
    post(&mut world, 3, 10);
    world.run_for(millis(100));
    let frames = frames(&world);
    assert_eq!(frames.len(), 2);
    assert!(frames[1].0.since(start) < millis(10), "before the 20 ms are over");
}

#[test]
fn a_batch_never_exceeds_a_frame() {
    let mut world = connected();
    world.latency = millis(500);
    post(&mut world, 30, 16 * 1024);
    for _ in 0..300 {
        world.post_message(0, 1, &"\u{1}\"\\é".repeat(100));
    }
    world.run_for(millis(10));
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    assert!(frames(&world).iter().all(|(_, size)| *size <= 64 * 1024));
    assert_eq!(world.received(1, 0).len(), 330);
}

#[test]
fn many_messages_take_few_frames() {
    let mut world = connected();
    post(&mut world, 5_000, 20);
    world.run_for(secs(30));
    assert!(world.all_delivered(0, 1));
    assert!(frames(&world).len() < 300, "{}", frames(&world).len());
}

#[test]
fn sending_pauses_at_1_mib_and_resumes_below_256_kib() {
    let mut world = connected();
    world.path_down();
    let sid = world.sid(0, 1).unwrap();
    post(&mut world, 200, 16_000);
    world.run_for(millis(100));
    let mib = 1024 * 1024;
    let sent = |world: &World| frames(world).iter().map(|(_, size)| size).sum::<usize>();
    let before = sent(&world);
    assert!((mib..mib + 64 * 1024).contains(&before), "{before}");
    world.buffered(0, sid, 256 * 1024);
    world.run_for(millis(100));
    assert_eq!(sent(&world), before, "256 KiB are not below 256 KiB");
    world.buffered(0, sid, 256 * 1024 - 1);
    world.run_for(millis(100));
    let more = sent(&world) - before;
    assert!((mib * 3 / 4..mib * 3 / 4 + 64 * 1024).contains(&more), "{more}");
    world.path_back(true);
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    assert_eq!(world.received(1, 0).len(), 200);
}

#[test]
fn a_paused_message_is_still_queued() {
    let mut world = connected();
    let sid = world.sid(0, 1).unwrap();
    world.buffered(0, sid, 2 * 1024 * 1024);
    let id = world.send(0, 1, "m");
    // Short of the next ping, whose leaving says that the buffer is empty.
    world.run_for(millis(200));
    assert!(world.deliveries(0, id).is_empty());
    world.buffered(0, sid, 0);
    world.run_for(secs(1));
    assert_eq!(world.deliveries(0, id), [Delivery::Sent, Delivery::Delivered]);
}

#[test]
fn a_receiver_whose_disk_is_behind_stops_reading_and_goes_on() {
    let mut world = connected();
    world.nodes[1].disk_delay = Some(secs(5));
    post(&mut world, 600, 16_000);
    world.run_for(secs(4));
    assert_eq!(world.nodes[1].deaf.len(), 1);
    let mib = 1024 * 1024;
    let taken: usize = count_messages(&world) * 16_000;
    assert!(taken < 7 * mib, "4 MiB at the receiver and 1 MiB on the way: {taken}");
    world.nodes[1].disk_delay = None;
    world.run_for(secs(30));
    assert!(world.nodes[1].deaf.is_empty());
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    assert_eq!(world.received(1, 0).len(), 600);
}

#[test]
fn what_a_shell_hands_in_although_it_should_not_read_is_bounded() {
    let mut world = connected();
    world.nodes[1].disk_delay = Some(secs(1_000));
    let sid = world.sid(1, 0).unwrap();
    let codec = FrameCodec::new(world.nodes[0].id, world.nodes[1].id);
    for s in 1..=2_000 {
        let message = Message {
            id: MessageId::new(s, [0; 10]),
            content: "x".repeat(16_000),
            timestamp: 1_763_792_787_000,
            kind: Kind::Text { reply: None },
            position: Some(Position { lg: "theirlog".parse().unwrap(), s, h: s }),
        };
        let frame = codec.encode(&Frame::Message(message)).unwrap();
        world.frame(1, sid, &frame);
    }
    let dropped = world.dropped(1, "disk too slow");
    assert!(dropped >= 2_000 - 1_100, "16 MiB are taken: {dropped} dropped");
}

#[test]
fn holes_told_to_a_disk_that_hangs_are_bounded() {
    let mut world = connected();
    world.nodes[1].disk_delay = Some(secs(1_000));
    let sid = world.sid(1, 0).unwrap();
    let before = world.nodes[1].transactions;
    for s in 1..=100_000_u64 {
        let frame = format!(r#"{{"type":"gone","lg":"theirlog","s":[[{s},{s}]]}}"#);
        world.frame(1, sid, &frame);
    }
    assert!(world.nodes[1].transactions - before < 80_000);
    assert!(world.dropped(1, "disk too slow") > 20_000);
}

#[test]
fn answers_that_a_contact_does_not_read_are_bounded() {
    let mut world = connected();
    let sid = world.sid(1, 0).unwrap();
    let sent: Vec<_> = (0..250).map(|n| format!(r#""{n:08}":{n}"#)).collect();
    let sync = format!(r#"{{"type":"sync","have":{{}},"sent":{{{}}}}}"#, sent.join(","));
    for (frame, most) in [(r#"{"type":"ping"}"#, 16 * 1024), (&sync, 1_280 * 1024)] {
        let before: usize = world.nodes[1].frames.iter().map(|(_, text)| text.len()).sum();
        // The contact's end reads nothing: virtual time stands still.
        for _ in 0..5_000 {
            world.frame(1, sid, frame);
        }
        let after: usize = world.nodes[1].frames.iter().map(|(_, text)| text.len()).sum();
        let answers = after - before;
        assert!((most - 1_024..most + 1_024).contains(&answers), "{answers} of {most}");
        world.buffered(1, sid, 0);
    }
}

#[test]
fn a_person_faster_than_the_disk_is_told_so() {
    let mut world = World::pair();
    world.nodes[0].disk_delay = Some(secs(1_000));
    let numbers: Vec<_> =
        (0..2_200).map(|_| world.post_message(0, 1, &"x".repeat(16_000))).collect();
    let busy = numbers.iter().filter(|number| world.nodes[0].replies.contains_key(number)).count();
    assert!(busy > 50, "beyond 32 MiB: {busy}");
    let waiting = world.nodes[0].transactions;
    assert!(waiting < 2_150, "{waiting}");
}

#[test]
fn one_frame_is_one_transaction_at_the_receiver() {
    let mut world = connected();
    let before = world.nodes[1].transactions;
    post(&mut world, 1_000, 20);
    world.run_for(millis(10));
    world.run_until("delivered", |world| world.all_delivered(0, 1));
    let transactions = world.nodes[1].transactions - before;
    assert!(transactions <= frames(&world).len() + 2, "{transactions}");
}
