//! A client over a stream, as a shell drives it.

use tincan_relay::message::Message;
use tincan_relay::request::{self, Wanted};
use tincan_relay::{Family, Frames, MAX_FRAME_BYTES, MAX_STRANGER_FRAME_BYTES, Transport};

use crate::world::{Answer, PEER, World, channel, client, config, credential};

#[test]
fn a_stream_carries_requests_and_data_in_any_pieces() {
    let mut world = World::new(config());
    let tcp = client(Transport::Tcp, 1);
    let alice = world.meet(tcp, &credential("alice"));
    assert_eq!(alice.allocate(&mut world, Wanted::One(Family::V4)), Answer::Granted);
    alice.bind(&mut world, 0x4000, PEER);
    assert!(world.server.has_allocation(&tcp));

    let refresh = alice.signature.sign(request::refresh(world.transaction(), 600));
    let data: Vec<_> = (1..=5)
        .map(|len| request::channel_data(channel(0x4000), &vec![len; len.into()], Transport::Tcp))
        .map(Option::unwrap)
        .collect();
    let stream = [data.concat(), refresh, data.concat()].concat();

    let mut frames = Frames::new(MAX_STRANGER_FRAME_BYTES);
    frames.set_limit(MAX_FRAME_BYTES);
    let mut lengths = vec![];
    for piece in stream.chunks(7) {
        frames.push(piece);
        while let Some(frame) = frames.next_frame().unwrap() {
            let to_peer = world.server.handle_client(world.now, &tcp, frame);
            lengths.extend(to_peer.map(|to_peer| to_peer.data.len()));
        }
    }
    assert_eq!(lengths, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    let Some(tincan_relay::Output::Send { message, .. }) = world.server.poll_output() else {
        panic!("no answer");
    };
    assert!(Message::parse(&message).unwrap().verify(alice.signature.key()));
    assert!(message.len().is_multiple_of(4));
}

#[test]
fn a_request_with_a_credential_fits_into_what_a_stranger_may_send() {
    let long = credential(&"a".repeat(100));
    let mut world = World::new(config());
    let alice = world.meet(client(Transport::Tcp, 1), &long);
    let request = request::allocate(world.transaction(), Wanted::Both);
    assert!(alice.signature.sign(request).len() < MAX_STRANGER_FRAME_BYTES);
}
