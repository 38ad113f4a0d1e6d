//! Payloads on other topics than their own, and on their sender's.

use tincan_hostile::Letter;
use tincan_wire::{Leaf, Topic};

use crate::meeting::{Meeting, conversation};

/// One letter of Alice's to Bob of each leaf that there was.
fn one_of_each(meeting: &Meeting) -> Vec<(Leaf, Letter)> {
    let letters = meeting.broker.letters(meeting.alice.id(), meeting.bob.id());
    let of = |leaf| {
        let is_it = |letter: &&Letter| letter.address().is_some_and(|topic| topic.leaf == leaf);
        Some((leaf, letters.iter().find(is_it)?.clone()))
    };
    Leaf::ALL.into_iter().filter_map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_on_another_leaf_does_not_decrypt() {
    let meeting = conversation().await;
    let letters = one_of_each(&meeting);
    let Meeting { broker, alice, bob } = meeting;
    let mut moved = 0;
    for (leaf, letter) in &letters {
        for other in Leaf::ALL.into_iter().filter(|other| other != leaf) {
            broker.deliver(bob.id(), &letter.moved_to(bob.id(), other)).unwrap();
            moved += 1;
        }
    }
    assert!(moved >= 12, "{letters:?}");
    bob.until_dropped("open_undecryptable", moved).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_on_the_topic_of_another_user_is_dropped() {
    let meeting = conversation().await;
    let letters = one_of_each(&meeting);
    let Meeting { broker, alice, bob } = meeting;
    for (leaf, letter) in &letters {
        broker.deliver(bob.id(), &letter.moved_to(alice.id(), *leaf)).unwrap();
    }
    bob.until_dropped("not a topic of ours", letters.len() as u64).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_nobody_has_are_dropped() {
    let meeting = conversation().await;
    let letters = one_of_each(&meeting);
    let Meeting { broker, alice, bob } = meeting;
    let (leaf, letter) = &letters[0];
    let own = Topic { user: bob.id(), leaf: *leaf }.to_string();
    let topics = [
        own.to_uppercase(),
        format!("{own}/"),
        format!("/{own}"),
        own.replace(leaf.as_str(), "mail"),
        own.replace(leaf.as_str(), ""),
        own.replace("user/", "users/"),
    ];
    for topic in &topics {
        let letter = Letter { topic: topic.clone(), ..letter.clone() };
        broker.deliver(bob.id(), &letter).unwrap();
    }
    bob.until_dropped("not a topic of ours", topics.len() as u64).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_reflected_to_its_sender_is_dropped() {
    let meeting = conversation().await;
    let letters = one_of_each(&meeting);
    let Meeting { broker, alice, bob } = meeting;
    for (leaf, letter) in &letters {
        broker.deliver(alice.id(), letter).unwrap();
        broker.deliver(alice.id(), &letter.moved_to(alice.id(), *leaf)).unwrap();
    }
    alice.until_dropped("not a topic of ours", letters.len() as u64).await.unwrap();
    // Sealed to a key of Bob's, under the tag that both share.
    alice.until_dropped("unknown prekey", letters.len() as u64).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_request_reflected_to_its_sender_does_not_decrypt() {
    let Meeting { broker, alice, bob } = conversation().await;
    // Bob asked, and knew no prekey of Alice's then.
    let request = broker.nth(1, bob.id(), alice.id(), Leaf::ContactRequest).await.unwrap();
    let moved = request.moved_to(bob.id(), Leaf::ContactRequest);
    broker.deliver(bob.id(), &moved).unwrap();
    bob.until_dropped("open_undecryptable", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}
