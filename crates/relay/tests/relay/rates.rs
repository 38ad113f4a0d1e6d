//! How much is relayed for each.

use tincan_relay::{Config, Dropped, Rate};

use crate::world::{PEER, World, config};

#[test]
fn what_a_user_sends_beyond_the_rate_is_dropped_and_counted() {
    let rate_per_credential = Rate { per_second: 1_028, burst: 2 * 1_028 };
    let mut world = World::new(Config { rate_per_credential, ..config() });
    let alice = world.allocated(1, "alice");
    let again = world.allocated(2, "alice");
    let bob = world.allocated(3, "bob");
    for client in [&alice, &again, &bob] {
        client.bind(&mut world, 0x4000, PEER);
    }
    let data = [0; 1_000];
    assert!(alice.send_channel(&mut world, 0x4000, &data).is_some());
    assert!(again.send_channel(&mut world, 0x4000, &data).is_some());
    assert_eq!(alice.send_channel(&mut world, 0x4000, &data), None);
    assert!(bob.send_channel(&mut world, 0x4000, &data).is_some());
    assert_eq!(world.dropped(Dropped::CredentialRate), 1);
    world.wait(1);
    assert!(alice.send_channel(&mut world, 0x4000, &data).is_some());
}

#[test]
fn both_directions_count() {
    let rate_per_credential = Rate { per_second: 100, burst: 1_028 };
    let mut world = World::new(Config { rate_per_credential, ..config() });
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    alice.permit(&mut world, &[PEER]);
    assert!(world.peer_says(relay, PEER, &[0; 900]).is_some());
    assert_eq!(alice.send(&mut world, PEER, &[0; 100]), None);
    assert!(alice.send(&mut world, PEER, &[0; 50]).is_some());
    assert_eq!(world.peer_says(relay, PEER, &[0; 100]), None);
}

#[test]
fn an_address_has_a_rate_of_its_own() {
    let rate_per_address = Rate { per_second: 100, burst: 1_028 };
    let mut world = World::new(Config { rate_per_address, ..config() });
    let alice = world.allocated(1, "alice");
    let bob = world.allocated(2, "bob");
    for client in [&alice, &bob] {
        client.bind(&mut world, 0x4000, PEER);
    }
    assert!(alice.send_channel(&mut world, 0x4000, &[0; 1_000]).is_some());
    assert_eq!(bob.send_channel(&mut world, 0x4000, &[0; 1]), None);
    assert_eq!(world.dropped(Dropped::AddressRate), 1);
}

#[test]
fn datagrams_without_content_are_not_free() {
    let rate_per_credential = Rate { per_second: 28, burst: 280 };
    let mut world = World::new(Config { rate_per_credential, ..config() });
    let alice = world.allocated(1, "alice");
    alice.bind(&mut world, 0x4000, PEER);
    let passed = (0..100).filter(|_| alice.send_channel(&mut world, 0x4000, b"").is_some()).count();
    assert_eq!(passed, 10);
}

#[test]
fn what_is_dropped_costs_nothing() {
    let rate_per_credential = Rate { per_second: 1, burst: 1_028 };
    let mut world = World::new(Config { rate_per_credential, ..config() });
    let alice = world.allocated(1, "alice");
    let relay = world.last_relay();
    alice.bind(&mut world, 0x4000, PEER);
    assert_eq!(alice.send_channel(&mut world, 0x4000, &[0; 1_001]), None);
    assert_eq!(world.peer_says(relay, "198.51.100.9:1", &[0; 1_000]), None);
    assert!(alice.send_channel(&mut world, 0x4000, &[0; 1_000]).is_some());
}
