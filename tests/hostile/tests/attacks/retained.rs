//! Messages that wait at the broker for whoever subscribes.

use tincan_hostile::Letter;
use tincan_wire::Leaf;

use crate::meeting::{Meeting, contacts, conversation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retained_copy_of_anything_is_dropped() {
    let Meeting { broker, alice, bob } = conversation().await;
    let letters = broker.letters(alice.id(), bob.id());
    for letter in &letters {
        broker.deliver(bob.id(), &Letter { retain: true, ..letter.clone() }).unwrap();
    }
    bob.until_dropped("retained message", letters.len() as u64).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retained_offer_that_nobody_saw_before_is_not_answered() {
    let Meeting { broker, alice, bob } = contacts().await;
    let (from, to) = (alice.id(), bob.id());
    broker.withhold_next(from, to, Leaf::Offer);
    let message = alice.handle().send(to, "hello").await.unwrap();
    let offer = broker.nth(1, from, to, Leaf::Offer).await.unwrap();
    broker.deliver(to, &Letter { retain: true, ..offer.clone() }).unwrap();
    bob.until_dropped("retained message", 1).await.unwrap();
    assert_eq!(bob.contact(from).await.unwrap().peer.sid, None);
    broker.deliver(to, &offer).unwrap();
    alice.delivered(&message).await.unwrap();
    assert_eq!(bob.heard_from(from).await.unwrap(), ["hello"]);
}
