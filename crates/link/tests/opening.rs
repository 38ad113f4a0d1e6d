//! Opening over good and bad paths.

mod world;

use std::time::Duration;

use tincan_link::Channel;
use world::{A, B, Net, World};

#[test]
fn two_links_open_and_exchange_a_message() {
    let mut world = World::open(1, Net::default());
    println!("{:?}", world.open_time());
    assert!(world.send(A, Channel::Chat, b"hello"));
    assert!(world.send(B, Channel::File, b"\0\x01"));
    world.run_for(Duration::from_millis(200));
    assert_eq!(world.ends[B].messages, [(Channel::Chat, b"hello".to_vec())]);
    assert_eq!(world.ends[A].messages, [(Channel::File, vec![0, 1])]);
}
