//! What a contact was told, passed on to somebody else in a new envelope.

use tincan_hostile::Tag;
use tincan_wire::{Body, Leaf, Topic, UserId};

use crate::meeting::{Meeting, with_mallory};

/// The same plaintext addressed to somebody else, under the old signature.
fn readdressed(plaintext: &[u8], old: UserId, new: UserId) -> Vec<u8> {
    let text: String = plaintext.iter().map(|byte| char::from(*byte)).collect();
    let text = text.replace(&old.to_string(), &new.to_string());
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_to_another_is_dropped_when_it_is_sealed_anew() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    mallory.befriend(&broker, &alice).await.unwrap();
    let heartbeat = broker.nth(1, alice.id(), mallory.id(), Leaf::Heartbeat).await.unwrap();
    let plaintext = mallory.unseal(&heartbeat).unwrap();
    let topic = Topic { user: bob.id(), leaf: Leaf::Heartbeat };
    let resealed = mallory.enclose(&topic, &plaintext, Tag::OfContact).unwrap();
    broker.deliver(bob.id(), &resealed).unwrap();
    bob.until_dropped("open_wrong_recipient", 1).await.unwrap();
    let changed = readdressed(&plaintext, mallory.id(), bob.id());
    broker.deliver(bob.id(), &mallory.enclose(&topic, &changed, Tag::OfContact).unwrap()).unwrap();
    bob.until_dropped("open_bad_signature", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_anew_for_another_leaf_is_dropped() {
    let (Meeting { broker, bob, .. }, mut mallory) = with_mallory().await;
    let body = Body::Heartbeat { n: 1, re: true };
    let plaintext = mallory.signed(bob.id(), body).unwrap();
    let topic = Topic { user: bob.id(), leaf: Leaf::ChatPresence };
    broker
        .deliver(bob.id(), &mallory.enclose(&topic, &plaintext, Tag::OfContact).unwrap())
        .unwrap();
    bob.until_dropped("open_wrong_leaf", 1).await.unwrap();
}
