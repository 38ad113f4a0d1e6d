//! The codec's cost in an ordinary test, with a bound wide enough for a loaded machine and a
//! build with little optimisation. The figures themselves come from `examples/frame_speed.rs`.

use std::time::{Duration, Instant};

use tincan_wire::{Frame, FrameCodec};

use crate::samples::{alice, bob, message};

#[test]
fn ten_thousand_messages_take_no_noticeable_time() {
    let sender = FrameCodec::new(alice().user_id(), bob().user_id());
    let receiver = FrameCodec::new(bob().user_id(), alice().user_id());
    let frame = Frame::Message(message(&"x".repeat(200)));
    let start = Instant::now();
    for _ in 0..10_000 {
        let text = sender.encode(&frame).expect("encodes");
        assert!(receiver.decode(text.as_bytes()).is_ok());
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
