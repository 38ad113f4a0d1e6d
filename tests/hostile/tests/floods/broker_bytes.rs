//! What a broker writes that is no letter.

use tincan_hostile::Letter;
use tincan_wire::{Leaf, Topic};

use crate::gauge::FLOOD_BYTES;
use crate::scene::Scene;

/// What waits between socket and engine: 256 reports of 32 KiB, and twice as much for the
/// allocator.
const BROKER_BOUND: usize = 24 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_mqtt_take_no_memory() {
    let scene = Scene::new().await.unwrap();
    let gauge = scene.gauge("bytes that are no MQTT");
    // A length that never ends, and one beyond what is accepted. After each the node waits longer
    // before it comes again.
    let beginnings = [[0x30, 0xff, 0xff, 0xff, 0xff], [0x30, 0xff, 0xff, 0xff, 0x7f]];
    for (nth, beginning) in beginnings.into_iter().enumerate() {
        scene.bob.connected().await.unwrap();
        let mut bytes = beginning.to_vec();
        bytes.resize(FLOOD_BYTES / beginnings.len(), 0xa5);
        scene.broker.write(scene.bob.id(), &bytes).unwrap();
        let count = nth as u64 + 1;
        scene.bob.until_dropped("unreadable packet of the broker", count).await.unwrap();
    }
    scene.bob.connected().await.unwrap();
    scene.end(gauge, BROKER_BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_for_others_and_retained_ones_take_no_memory() {
    let scene = Scene::new().await.unwrap();
    let gauge = scene.gauge("letters for others, and retained ones");
    let own = Letter::new(&Topic { user: scene.bob.id(), leaf: Leaf::Offer }, vec![b'x'; 30_000]);
    let retained = Letter { retain: true, ..own.clone() };
    let other = own.moved_to(scene.alice.id(), Leaf::Offer);
    let nowhere = Letter { topic: "x".repeat(2_000), ..own };
    let mut bytes = 0;
    while bytes < FLOOD_BYTES {
        for letter in [&retained, &other, &nowhere] {
            scene.broker.deliver(scene.bob.id(), letter).unwrap();
            bytes += letter.payload.len();
        }
    }
    let count = (bytes / 90_000) as u64;
    scene.bob.until_dropped("not a topic of ours", 2 * count).await.unwrap();
    scene.end(gauge, BROKER_BOUND).await.unwrap();
}
