//! A broker that passes one direction only.

use tincan_hostile::{Fate, HostileBroker};
use tincan_node::engine::{ContactView, Delivery, PeerState};
use tincan_wire::{Leaf, UserId};

use crate::meeting::{Meeting, contacts, conversation};

fn mute(broker: &HostileBroker, who: UserId) {
    broker.judge(move |posted| if posted.from == who { Fate::Withhold } else { Fate::Pass });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_nothing_back_shows_nothing_as_delivered_and_says_why() {
    let Meeting { broker, alice, bob } = contacts().await;
    mute(&broker, bob.id());
    let message = alice.handle().send(bob.id(), "hello").await.unwrap();
    let unanswered = |contact: &ContactView| {
        (contact.peer.reason.as_deref() == Some("no answer within 15 s")).then_some(())
    };
    alice.until_contact(bob.id(), "a reason", unanswered).await.unwrap();
    let history = alice.handle().history(bob.id(), 10).await.unwrap();
    assert_eq!(history[0].state, Delivery::Queued);
    assert!(bob.heard_from(alice.id()).await.unwrap().is_empty());
    broker.relent();
    alice.delivered(&message).await.unwrap();
    assert_eq!(bob.heard_from(alice.id()).await.unwrap(), ["hello"]);
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_offers_never_arrive_answers_those_of_the_other_in_the_end() {
    let Meeting { broker, alice, bob } = contacts().await;
    // Of two offers the one of the smaller key wins: just that one is withheld.
    let (winner, loser) = if alice.id() < bob.id() { (&alice, &bob) } else { (&bob, &alice) };
    broker.withhold(winner.id(), loser.id(), Leaf::Offer);
    winner.open_chat(loser.id()).await.unwrap();
    broker.nth(1, winner.id(), loser.id(), Leaf::Offer).await.unwrap();
    loser.open_chat(winner.id()).await.unwrap();
    winner.until_dropped("glare: our offer wins", 1).await.unwrap();
    winner.session_with(loser.id()).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_session_lives_it_needs_no_broker_in_either_direction() {
    let Meeting { broker, alice, bob } = conversation().await;
    let sid = bob.session_with(alice.id()).await.unwrap();
    mute(&broker, bob.id());
    alice.talk_with(&bob, "one way").await.unwrap();
    broker.judge(|_| Fate::Withhold);
    alice.talk_with(&bob, "no way").await.unwrap();
    assert_eq!(bob.session_with(alice.id()).await.unwrap(), sid);
    assert_eq!(alice.contact(bob.id()).await.unwrap().peer.state, PeerState::Connected);
}
