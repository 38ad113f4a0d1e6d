//! The tag by which a contact is known before anything is decrypted.

use tincan_hostile::{Adversary, Tag};
use tincan_wire::{Body, ChatStatus, DisplayName, Leaf, PrekeySecret, Topic};

use crate::meeting::{Meeting, with_mallory};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_under_the_tag_of_another_contact_is_dropped() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let mut eve = Adversary::new(78);
    eve.befriend(&broker, &bob).await.unwrap();
    let topic = Topic { user: bob.id(), leaf: Leaf::ChatPresence };
    let opened = Body::ChatPresence { status: ChatStatus::Opened };
    let signed = eve.signed(bob.id(), opened).unwrap();
    let letter = mallory.enclose(&topic, &signed, Tag::OfContact).unwrap();
    broker.deliver(bob.id(), &letter).unwrap();
    bob.until_dropped("tag of another contact", 1).await.unwrap();
    assert!(!bob.contact(eve.id()).await.unwrap().chat_open);
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_from_a_contact_without_the_tag_is_dropped() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let pk = PrekeySecret::from_bytes(&[7; 36]).public();
    let name = DisplayName::clean("Mallory");
    let body = Body::ContactRequest { name, proof: None, stamp: None, pk };
    let letter = mallory.letter_of_stranger(bob.id(), body).unwrap();
    broker.deliver(bob.id(), &letter).unwrap();
    bob.until_dropped("contact without tag", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}
