//! Envelopes of which a part was changed: what swapping a fingerprint, a session id or anything
//! else in an offer or answer amounts to for who holds no key.

use tincan_hostile::{Letter, LinkEnd, Tag, Watched};
use tincan_link::Role;
use tincan_wire::{Leaf, SessionId, Topic, UserId};

use crate::meeting::{Meeting, contacts, with_mallory};

/// A value of an envelope's field with its first character changed into another that is legal
/// there.
fn changed(letter: &Letter, field: &str) -> Letter {
    let text = String::from_utf8(letter.payload.clone()).unwrap();
    let at = text.find(&format!("\"{field}\":\"")).unwrap() + field.len() + 4;
    let other = if &text[at..=at] == "a" { "b" } else { "a" };
    let payload = format!("{}{other}{}", &text[..at], &text[at + 1..]).into_bytes();
    Letter { payload, ..letter.clone() }
}

/// With which reason an envelope is dropped of which this field was changed.
const FIELDS: [(&str, &str); 4] = [
    ("k", "unknown prekey"),
    // The tag covers the encapsulated key.
    ("g", "stranger"),
    ("e", "stranger"),
    ("c", "open_undecryptable"),
];

/// Holds back the first letter of this kind, delivers it with each part changed, and at last as
/// it was.
async fn tamper(
    meeting: &Meeting,
    (from, to): (UserId, UserId),
    leaf: Leaf,
    (words, victim): (&str, &Watched),
) {
    let Meeting { broker, alice, bob } = meeting;
    broker.withhold_next(from, to, leaf);
    let message = alice.handle().send(bob.id(), words).await.unwrap();
    let letter = broker.nth(1, from, to, leaf).await.unwrap();
    for (field, reason) in FIELDS {
        let before = victim.dropped(reason).await.unwrap();
        broker.deliver(to, &changed(&letter, field)).unwrap();
        victim.until_dropped(reason, before + 1).await.unwrap();
    }
    assert!(bob.heard_from(alice.id()).await.unwrap().is_empty());
    broker.deliver(to, &letter).unwrap();
    alice.delivered(&message).await.unwrap();
    assert_eq!(bob.heard_from(alice.id()).await.unwrap(), [words]);
    alice.talk_with(bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_of_which_any_part_was_changed_is_dropped() {
    let meeting = contacts().await;
    let (alice, bob) = (meeting.alice.id(), meeting.bob.id());
    tamper(&meeting, (alice, bob), Leaf::Offer, ("an offer", &meeting.bob)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_which_any_part_was_changed_is_dropped() {
    let meeting = contacts().await;
    let (alice, bob) = (meeting.alice.id(), meeting.bob.id());
    tamper(&meeting, (bob, alice), Leaf::Answer, ("an answer", &meeting.alice)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_in_place_of_another_is_dropped_and_the_next_attempt_connects() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let (from, to) = (alice.id(), bob.id());
    broker.withhold_next(from, to, Leaf::Offer);
    let message = alice.handle().send(bob.id(), "hello").await.unwrap();
    broker.nth(1, from, to, Leaf::Offer).await.unwrap();
    // The broker knows Alice's id and Mallory's key, but not Alice's key.
    let topic = Topic { user: to, leaf: Leaf::Offer };
    let mut end = LinkEnd::new(Role::Offerer, SessionId([5; 16])).await.unwrap();
    let text = mallory.claim(from, to, end.offer().unwrap());
    let as_contact = mallory.wrap(&topic, &text, Tag::OfContact).unwrap();
    broker.deliver(to, &as_contact).unwrap();
    bob.until_dropped("open_bad_signature", 1).await.unwrap();
    let as_stranger = mallory.wrap(&topic, &text, Tag::Random).unwrap();
    let before = bob.dropped("stranger").await.unwrap();
    broker.deliver(to, &as_stranger).unwrap();
    bob.until_dropped("stranger", before + 1).await.unwrap();
    alice.delivered(&message).await.unwrap();
    assert_eq!(bob.heard_from(from).await.unwrap(), ["hello"]);
}
