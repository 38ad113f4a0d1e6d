//! More than anybody can look at, from people whom nobody knows.

use std::time::Duration;

use tincan_hostile::{Adversary, Letter};
use tincan_node::engine::{Command, Status};
use tincan_wire::{Body, DisplayName, Leaf, PrekeySecret};

use crate::meeting::{Meeting, contacts, conversation, with_mallory};

/// Forty envelopes of strangers may cost public-key work at once; these are fewer …
const AT_ONCE: usize = 30;
/// … and then one each 250 ms; this is slower.
const ONE_MORE: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_looked_at_a_few_at_a_time_while_the_conversation_goes_on() {
    let Meeting { broker, alice, bob } = conversation().await;
    let mut stranger = Adversary::new(80);
    let pk = PrekeySecret::from_bytes(&[7; 36]).public();
    let name = DisplayName::clean("x");
    let body = Body::ContactRequest { name, proof: None, stamp: None, pk };
    let request = stranger.letter_of_stranger(bob.id(), body).unwrap();
    const FLOOD: u64 = 5_000;
    for _ in 0..FLOOD {
        broker.deliver(bob.id(), &request).unwrap();
    }
    alice.talk_with(&bob, "during").await.unwrap();
    let counted = |status: &Status| {
        let count = |reason: &str| status.dropped.get(reason).copied().unwrap_or(0);
        let (unread, read) = (count("too many strangers"), count("request without a stamp"));
        (unread + read == FLOOD).then_some((unread, read))
    };
    let (unread, read) = bob.until("the flood's end", counted).await.unwrap();
    // Forty at once, and four a second as long as it took.
    assert!(read >= 40 && unread >= FLOOD / 2, "{read} were read, {unread} were not");
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_the_leaves_of_contacts_costs_no_look() {
    let Meeting { broker, alice, bob } = conversation().await;
    let mut stranger = Adversary::new(81);
    let body = Body::Heartbeat { n: 1, re: false };
    let letter = stranger.letter_of_stranger(bob.id(), body).unwrap();
    let before = bob.dropped("stranger").await.unwrap();
    let leaves: Vec<_> = Leaf::ALL.into_iter().filter(|l| *l != Leaf::ContactRequest).collect();
    for _ in 0..1_000 {
        for leaf in &leaves {
            broker.deliver(bob.id(), &letter.moved_to(bob.id(), *leaf)).unwrap();
        }
    }
    alice.talk_with(&bob, "during").await.unwrap();
    bob.until_dropped("stranger", before + 6_000).await.unwrap();
    assert_eq!(bob.dropped("too many strangers").await.unwrap(), 0);
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_takes_fifty_strangers_and_still_the_guest_who_was_invited() {
    let Meeting { broker, alice, bob } = contacts().await;
    let to = bob.id();
    let work = tokio::task::spawn_blocking(move || {
        let strangers = (100..151).map(|number| Adversary::new(number).stamped_request(to));
        strangers.collect::<anyhow::Result<Vec<Letter>>>().unwrap()
    });
    let requests = work.await.unwrap();
    let mut pace = tokio::time::interval(ONE_MORE);
    for (nth, request) in requests.iter().enumerate() {
        if nth >= AT_ONCE {
            pace.tick().await;
        }
        broker.deliver(to, request).unwrap();
        let reached = |status: &Status| {
            let full = status.dropped.contains_key("request inbox full");
            (status.requests > nth as u64 || full).then_some(())
        };
        bob.until("a request", reached).await.unwrap();
    }
    bob.until_dropped("request inbox full", 1).await.unwrap();
    assert_eq!(bob.handle().status().await.unwrap().requests, 50);
    let mut guest = Adversary::new(99);
    guest.befriend(&broker, &bob).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_blocked_is_not_heard() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let contact = mallory.id();
    bob.handle().command(Command::BlockContact { contact }).await.unwrap();
    for n in 0..1_000 {
        let letter = mallory.letter(bob.id(), Body::Heartbeat { n, re: false }).unwrap();
        broker.deliver(bob.id(), &letter).unwrap();
    }
    bob.until_dropped("blocked", 1_000).await.unwrap();
    assert!(!bob.contact(contact).await.unwrap().online);
    alice.talk_with(&bob, "after").await.unwrap();
}
