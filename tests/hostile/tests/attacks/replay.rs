//! Old envelopes, delivered again.

use std::path::Path;

use tincan_hostile::{CrashingNode, Letter, Person, Watched};
use tincan_hostile::{HostileBroker, Posted};
use tincan_wire::Leaf;

use crate::meeting::{Meeting, conversation};

fn deliver_all(broker: &HostileBroker, to: &Watched, letters: &[Letter]) {
    for letter in letters {
        broker.deliver(to.id(), letter).unwrap();
    }
}

/// Whether the position of a body is on disk before it acts.
fn is_durable(posted: &Posted) -> bool {
    let leaf = posted.letter.address().map(|topic| topic.leaf);
    matches!(leaf, Some(Leaf::Offer | Leaf::ContactRequest | Leaf::ContactResponse))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_is_dropped_when_it_comes_again() {
    let Meeting { broker, alice, bob } = conversation().await;
    let sid = bob.session_with(alice.id()).await.unwrap();
    for (from, to) in [(&alice, &bob), (&bob, &alice)] {
        let letters = broker.letters(from.id(), to.id());
        let before = to.dropped("replay").await.unwrap();
        deliver_all(&broker, to, &letters);
        deliver_all(&broker, to, &letters);
        to.until_dropped("replay", before + 2 * letters.len() as u64).await.unwrap();
    }
    assert_eq!(bob.session_with(alice.id()).await.unwrap(), sid);
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_before_a_restart_is_dropped_after_it() {
    let Meeting { broker, alice, bob } = conversation().await;
    let letters = broker.letters(alice.id(), bob.id());
    // One that he has not read by then would be new to him.
    deliver_all(&broker, &bob, &letters);
    bob.until_dropped("replay", letters.len() as u64).await.unwrap();
    let bob = bob.restart(&broker).await.unwrap();
    let before = bob.dropped("replay").await.unwrap();
    deliver_all(&broker, &bob, &letters);
    bob.until_dropped("replay", before + letters.len() as u64).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_requests_and_responses_of_before_a_kill_are_dropped_after_it() {
    let program = Path::new(env!("CARGO_BIN_EXE_hostile-node"));
    let broker = HostileBroker::start().await.unwrap();
    let alice = Person::start(&broker).await.unwrap();
    let bob = CrashingNode::start(program, &broker).await.unwrap();
    alice.befriend(&bob).await.unwrap();
    alice.talk_with(&bob, "before").await.unwrap();
    let bob = bob.crash(program, &broker).await.unwrap();
    let posted = broker.posted().into_iter();
    let old = posted.filter(|p| p.is_between(alice.id(), bob.id()) && is_durable(p));
    let old: Vec<_> = old.map(|posted| posted.letter).collect();
    assert!(old.len() >= 2, "a request and an offer: {old:?}");
    deliver_all(&broker, &bob, &old);
    bob.until_dropped("replay", old.len() as u64).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}
