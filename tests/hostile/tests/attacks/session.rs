//! Offers and answers of sessions that are over.

use tincan_wire::Leaf;

use crate::meeting::{Meeting, contacts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_held_back_does_not_fit_the_next_offer() {
    let Meeting { broker, alice, bob } = contacts().await;
    let (from, to) = (alice.id(), bob.id());
    broker.withhold(to, from, Leaf::Answer);
    let message = alice.handle().send(to, "hello").await.unwrap();
    let given_up = alice.attempt_with(to, None).await.unwrap();
    let old = broker.nth(1, to, from, Leaf::Answer).await.unwrap();
    // Alice gives up after 15 s and offers another session.
    alice.attempt_with(to, Some(given_up)).await.unwrap();
    broker.deliver(from, &old).unwrap();
    alice.until_dropped("answer to another offer", 1).await.unwrap();
    broker.relent();
    // Among these is the answer to the new offer, if it has come; else it goes its way.
    let held = broker.posted().into_iter().filter(|posted| posted.is(to, from, Leaf::Answer));
    for posted in held.skip(1) {
        broker.deliver(from, &posted.letter).unwrap();
    }
    alice.delivered(&message).await.unwrap();
    assert_eq!(bob.heard_from(from).await.unwrap(), ["hello"]);
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_that_was_held_back_does_not_end_the_session_that_came_after() {
    let Meeting { broker, alice, bob } = contacts().await;
    let (from, to) = (alice.id(), bob.id());
    broker.withhold_next(from, to, Leaf::Offer);
    let message = alice.handle().send(to, "hello").await.unwrap();
    let old = broker.nth(1, from, to, Leaf::Offer).await.unwrap();
    alice.delivered(&message).await.unwrap();
    let sid = bob.session_with(from).await.unwrap();
    let replays = bob.dropped("replay").await.unwrap();
    broker.deliver(to, &old).unwrap();
    bob.until_dropped("replay", replays + 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
    assert_eq!(bob.session_with(from).await.unwrap(), sid);
}
