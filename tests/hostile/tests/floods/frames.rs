//! Frames of a contact whose connection stands and whose hello has verified.

use tincan_link::Channel;
use tincan_wire::{MAX_FRAME_BYTES, SessionId};

use crate::gauge::FLOOD_BYTES;
use crate::scene::Scene;

/// SCTP's window (1 MiB), the link's inbox (256 KiB) and one frame, and as much again as the
/// allocator keeps of what it has given back.
const FRAMES_BOUND: usize = 16 * 1024 * 1024;

/// Besides, 1,280 KiB of acknowledgements that wait to be read: each is some 50 bytes, and costs
/// ten times that in the connection.
const ANSWERS_BOUND: usize = FRAMES_BOUND + 10 * 1_280 * 1024;

/// Pours 100 MB of frames into Bob, each made from the number of those before it.
async fn flood(
    flood: &'static str,
    bound: usize,
    channel: Channel,
    make: impl Fn(usize) -> Vec<u8>,
) {
    let (scene, mut mallory) = Scene::with_mallory().await.unwrap();
    let sid = SessionId([5; 16]);
    let mut end = mallory.connect(&scene.broker, scene.bob.id(), sid).await.unwrap();
    let gauge = scene.gauge(flood);
    let (mut number, mut bytes) = (0, 0);
    let next = || {
        let frame = (bytes < FLOOD_BYTES).then(|| make(number))?;
        (number, bytes) = (number + 1, bytes + frame.len());
        Some(frame)
    };
    end.pour(channel, next).await.unwrap();
    scene.end(gauge, bound).await.unwrap();
}

/// A frame that what nobody knows makes large, so that a flood takes seconds.
fn filled(frame: &str) -> Vec<u8> {
    const FILLED_BYTES: usize = 40_000;
    let fill = "x".repeat(FILLED_BYTES.saturating_sub(frame.len()));
    let open = frame.strip_suffix('}').expect("an object");
    format!("{open},\"fill\":\"{fill}\"}}").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_garbage_take_no_memory() {
    flood("garbage frames", FRAMES_BOUND, Channel::Chat, |number| {
        (0..MAX_FRAME_BYTES - 1).map(|at| (at * 31 + number) as u8).collect()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_on_the_channel_that_has_no_use_take_no_memory() {
    flood("frames on the file channel", FRAMES_BOUND, Channel::File, |number| {
        vec![number as u8; 60_000]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_reading_pinging_and_acknowledging_take_no_memory() {
    flood(
        "typing, read, ack, sync, gone, ping and signal frames",
        FRAMES_BOUND,
        Channel::Chat,
        |number| {
            let lg = format!("{number:08}");
            match number % 8 {
                0 => filled(r#"{"type":"typing","on":true}"#),
                1 => filled(r#"{"type":"typing","on":false}"#),
                2 => filled(&format!(r#"{{"type":"read","lg":"{lg}","to":{number}}}"#)),
                3 => filled(&format!(r#"{{"type":"ack","lg":"{lg}","to":{number},"sel":[]}}"#)),
                4 => filled(r#"{"type":"ping"}"#),
                5 => gone(&lg),
                6 => sync(number, 2),
                _ => signal(number),
            }
        },
    )
    .await;
}

/// As many positions as one frame names, in a log that nobody has heard of.
fn gone(lg: &str) -> Vec<u8> {
    let ranges: Vec<_> = (1..=256_u64).map(|n| format!("[{0},{0}]", n * 1_000_000)).collect();
    filled(&format!(r#"{{"type":"gone","lg":"{lg}","s":[{}]}}"#, ranges.join(",")))
}

/// As many logs of Bob's as one frame names, and so many of its sender's.
fn sync(number: usize, sent: usize) -> Vec<u8> {
    let logs: Vec<_> =
        (0..250).map(|n| format!(r#""{:08}":[[1,{}]]"#, number * 250 + n, n + 1)).collect();
    let sent: Vec<_> = (0..sent).map(|n| format!(r#""{:08}":{n}"#, number * 250 + n)).collect();
    let (logs, sent) = (logs.join(","), sent.join(","));
    filled(&format!(r#"{{"type":"sync","have":{{{logs}}},"sent":{{{sent}}}}}"#))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_ask_for_more_than_they_bring_take_little_memory() {
    // Each asks for 250 acknowledgements.
    flood("sync frames", ANSWERS_BOUND, Channel::Chat, |number| sync(number, 250)).await;
}

/// Candidates for a session that nobody has heard of.
fn signal(number: usize) -> Vec<u8> {
    let candidate = format!(
        r#"{{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host {}"}}"#,
        "x".repeat(300)
    );
    let list = vec![candidate; 32].join(",");
    filled(&format!(
        r#"{{"type":"signal","b":{{"t":"iceCandidate","sid":"{number:032x}","gen":0,"c":[{list}]}}}}"#
    ))
}
