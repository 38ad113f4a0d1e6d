//! Older versions than the two could speak, and weaker keys than they could use.

use tincan_hostile::{HostileBroker, Letter, Person, Tag};
use tincan_wire::{Body, Leaf, Topic};

use crate::meeting::{Meeting, conversation, with_mallory};

fn replaced(letter: &Letter, old: &str, new: &str) -> Letter {
    let text = String::from_utf8(letter.payload.clone()).unwrap();
    assert!(text.contains(old), "{text}");
    Letter { payload: text.replacen(old, new, 1).into_bytes(), ..letter.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envelope_of_another_version_is_dropped() {
    let Meeting { broker, alice, bob } = conversation().await;
    let letter = broker.nth(1, alice.id(), bob.id(), Leaf::Heartbeat).await.unwrap();
    for version in ["\"v\":0", "\"v\":2"] {
        let letter = replaced(&letter, "\"v\":1", version);
        broker.deliver(bob.id(), &letter).unwrap();
    }
    bob.until_dropped("envelope_version", 2).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_another_version_is_dropped() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let topic = Topic { user: bob.id(), leaf: Leaf::Heartbeat };
    for version in ["\"v\":0", "\"v\":2"] {
        let body = Body::Heartbeat { n: 1, re: false };
        let text = mallory.claim(mallory.id(), bob.id(), body).replace("\"v\":1", version);
        let letter = mallory.wrap(&topic, &text, Tag::OfContact).unwrap();
        broker.deliver(bob.id(), &letter).unwrap();
    }
    bob.until_dropped("signal_version", 2).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envelope_that_is_said_to_be_for_the_identity_key_does_not_decrypt() {
    let Meeting { broker, alice, bob } = conversation().await;
    let letter = broker.nth(1, alice.id(), bob.id(), Leaf::Offer).await.unwrap();
    let text = String::from_utf8(letter.payload.clone()).unwrap();
    let at = text.find("\"k\":\"").unwrap();
    let named = &text[at..at + 14];
    assert_ne!(named, "\"k\":\"00000000\"", "Alice has a prekey of Bob's");
    let letter = replaced(&letter, named, "\"k\":\"00000000\"");
    broker.deliver(bob.id(), &letter).unwrap();
    bob.until_dropped("open_undecryptable", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_protects_depends_on_mqtt_5() {
    let broker = HostileBroker::start().await.unwrap();
    broker.refuse_mqtt_5();
    let (alice, bob) = tokio::join!(Person::start(&broker), Person::start(&broker));
    let (alice, bob) = (alice.unwrap(), bob.unwrap());
    assert_eq!(broker.mqtt_level(alice.id()), Some(4));
    bob.befriend(&alice).await.unwrap();
    alice.talk_with(&bob, "before").await.unwrap();
    let offer = broker.nth(1, alice.id(), bob.id(), Leaf::Offer).await.unwrap();
    broker.deliver(bob.id(), &offer).unwrap();
    bob.until_dropped("replay", 1).await.unwrap();
    broker.deliver(bob.id(), &Letter { retain: true, ..offer.clone() }).unwrap();
    bob.until_dropped("retained message", 1).await.unwrap();
    broker.deliver(bob.id(), &offer.moved_to(bob.id(), Leaf::Answer)).unwrap();
    bob.until_dropped("open_undecryptable", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}
