//! Times the frame codec: `cargo run --release -p tincan-wire --example frame_speed`.
//!
//! The target is 2 µs per message of 200 bytes in each direction.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tincan_wire::{Frame, FrameCodec, Identity, Kind, Message, MessageId, Position};

/// Messages per batch: what 16 KiB hold.
const BATCH: u64 = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [alice, bob] = [[1; 32], [2; 32]].map(|seed| Identity::from_seed(seed).user_id());
    let (sender, receiver) = (FrameCodec::new(alice, bob), FrameCodec::new(bob, alice));
    let ascii = "All work and no play makes Jack a dull boy. ".repeat(5);
    let mixed = "„Grüße“ 👋🏽 — \"مرحبا\"\n".repeat(8);
    for (name, text) in [("ascii", ascii), ("mixed", mixed)] {
        let content: String = text.chars().take(200).collect();
        let messages: Vec<Message> =
            (1..=BATCH).map(|s| message(s, &content)).collect::<Result<_, _>>()?;
        let single = Frame::Message(messages[0].clone());
        report(name, "single", 1, &sender, &receiver, &single)?;
        report(name, "batch", BATCH, &sender, &receiver, &Frame::Batch(messages))?;
    }
    Ok(())
}

fn message(s: u64, content: &str) -> Result<Message, tincan_wire::IdError> {
    let now_ms = 1_763_792_787_123 + s;
    Ok(Message {
        id: MessageId::new(now_ms, [7; 10]),
        content: content.to_owned(),
        timestamp: now_ms,
        kind: Kind::Text { reply: None },
        position: Some(Position { lg: "k3m9x2ap".parse()?, s, h: now_ms }),
    })
}

fn report(
    name: &str,
    shape: &str,
    messages: u64,
    sender: &FrameCodec,
    receiver: &FrameCodec,
    frame: &Frame,
) -> Result<(), tincan_wire::FrameError> {
    let text = sender.encode(frame)?;
    assert_eq!(&receiver.decode(text.as_bytes())?, frame);
    let encode = time(messages, || drop(black_box(sender.encode(black_box(frame)))));
    let decode = time(messages, || drop(black_box(receiver.decode(black_box(text.as_bytes())))));
    println!("{name:6} {shape:7} {:6} B  encode {encode:4} ns  decode {decode:4} ns", text.len());
    Ok(())
}

/// The best of five runs of 0.2 s, in nanoseconds per message.
fn time(messages: u64, mut work: impl FnMut()) -> u128 {
    let run = |work: &mut dyn FnMut()| {
        let (start, mut rounds) = (Instant::now(), 0_u64);
        while start.elapsed() < Duration::from_millis(200) {
            (0..16).for_each(|_| work());
            rounds += 16;
        }
        start.elapsed().as_nanos() / u128::from(rounds * messages)
    };
    (0..5).map(|_| run(&mut work)).min().unwrap_or_default()
}
