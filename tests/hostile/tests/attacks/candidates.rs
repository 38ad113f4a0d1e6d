//! Candidates where they do not belong.

use tincan_hostile::{Adversary, LinkEnd};
use tincan_link::{Event, Role};
use tincan_wire::{Body, Candidate, Leaf, SessionId, SessionRef};

use crate::meeting::{Meeting, contacts, with_mallory};

fn candidate(port: u16) -> Candidate {
    let candidate = format!("candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host");
    Candidate { candidate, sdp_mid: None, sdp_mline_index: None }
}

fn candidates(sid: SessionId, generation: u32, candidates: Vec<Candidate>) -> Body {
    let session = SessionRef { sid, generation };
    Body::IceCandidate { session, candidates, eoc: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_and_offers_for_the_session_of_another_contact_are_dropped() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    alice.talk_with(&bob, "before").await.unwrap();
    let sid = bob.session_with(alice.id()).await.unwrap();
    let body = candidates(sid, 0, vec![candidate(9)]);
    broker.deliver(bob.id(), &mallory.letter(bob.id(), body).unwrap()).unwrap();
    bob.until_dropped("session of another contact", 1).await.unwrap();
    let mut end = LinkEnd::new(Role::Offerer, sid).await.unwrap();
    let offer = mallory.letter(bob.id(), end.offer().unwrap()).unwrap();
    broker.deliver(bob.id(), &offer).unwrap();
    bob.until_dropped("session of another contact", 2).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
    assert_eq!(bob.session_with(alice.id()).await.unwrap(), sid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_of_an_earlier_session_are_dropped_in_the_next() {
    let Meeting { broker, alice, bob } = contacts().await;
    let (from, to) = (alice.id(), bob.id());
    broker.withhold(from, to, Leaf::IceCandidate);
    alice.talk_with(&bob, "before").await.unwrap();
    let old = broker.nth(1, from, to, Leaf::IceCandidate).await.unwrap();
    let first = bob.session_with(from).await.unwrap();
    broker.relent();
    let bob = bob.restart(&broker).await.unwrap();
    let before = broker.letters(from, to).len();
    alice.says_to(&bob, "again").await.unwrap();
    let second = bob.session_with(from).await.unwrap();
    assert_ne!(first, second);
    let is_new = |letters: &[tincan_hostile::Letter]| {
        let leaf = |letter: &tincan_hostile::Letter| letter.address().map(|topic| topic.leaf);
        letters.iter().any(|letter| leaf(letter) == Some(Leaf::IceCandidate))
    };
    assert!(is_new(&broker.letters(from, to)[before..]));
    let replays = bob.dropped("replay").await.unwrap();
    broker.deliver(to, &old).unwrap();
    bob.until_dropped("replay", replays + 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
    assert_eq!(bob.session_with(from).await.unwrap(), second);
}

/// Mallory has offered Bob this session, and the connection stands.
async fn connected(sid: SessionId) -> (Meeting, Adversary, LinkEnd) {
    let (meeting, mut mallory) = with_mallory().await;
    let Meeting { broker, bob, .. } = &meeting;
    let mut end = LinkEnd::new(Role::Offerer, sid).await.unwrap();
    let offer = mallory.letter(bob.id(), end.offer().unwrap()).unwrap();
    broker.deliver(bob.id(), &offer).unwrap();
    let answer = mallory.receive(broker, 1, bob.id(), Leaf::Answer).await.unwrap();
    end.accept(&answer).unwrap();
    assert_eq!(end.outcome().await.unwrap(), Event::Connected);
    (meeting, mallory, end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_of_an_older_generation_are_dropped() {
    let sid = SessionId([5; 16]);
    let (Meeting { broker, alice, bob }, mut mallory, mut end) = connected(sid).await;
    let restart = mallory.letter(bob.id(), end.restart().unwrap()).unwrap();
    broker.deliver(bob.id(), &restart).unwrap();
    mallory.receive(&broker, 2, bob.id(), Leaf::Answer).await.unwrap();
    let body = candidates(sid, 0, vec![candidate(9)]);
    broker.deliver(bob.id(), &mallory.letter(bob.id(), body).unwrap()).unwrap();
    bob.until_dropped("candidate of an older generation", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_for_no_session_are_held_for_a_while_and_counted_when_they_go() {
    let sid = SessionId([5; 16]);
    let (Meeting { broker, alice, bob }, mut mallory, _end) = connected(sid).await;
    for other in [6, 7] {
        let body = candidates(SessionId([other; 16]), 0, vec![candidate(9)]);
        broker.deliver(bob.id(), &mallory.letter(bob.id(), body).unwrap()).unwrap();
    }
    // The second makes room for itself, as nothing came for the first.
    bob.until_dropped("candidates without a description", 1).await.unwrap();
    let body = candidates(SessionId([7; 16]), 0, vec![candidate(9); 32]);
    broker.deliver(bob.id(), &mallory.letter(bob.id(), body).unwrap()).unwrap();
    bob.until_dropped("too many held candidates", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_that_are_none_do_not_reach_the_connection() {
    let sid = SessionId([5; 16]);
    let (Meeting { broker, alice, bob }, mut mallory, _end) = connected(sid).await;
    let with = |candidate: &str| Candidate {
        candidate: candidate.to_owned(),
        sdp_mid: None,
        sdp_mline_index: None,
    };
    let list = vec![with("nonsense"), with("candidate:1 1 udp 1 127.0.0.1 99999 typ host")];
    let count = list.len() as u64;
    let body = candidates(sid, 0, list);
    broker.deliver(bob.id(), &mallory.letter(bob.id(), body).unwrap()).unwrap();
    bob.until_dropped("sdp_bad_candidate", count).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}
