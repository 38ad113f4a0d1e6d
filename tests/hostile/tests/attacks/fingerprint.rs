//! Contacts whose descriptions are not what they signed for, or not theirs.

use tincan_hostile::{LinkEnd, redescribed};
use tincan_link::Role;
use tincan_node::engine::{Alarm, Delivery, PeerState};
use tincan_wire::{Body, Description, Fingerprint, Leaf, SessionId};

use crate::meeting::{Meeting, contacts, with_mallory};

/// The attribute of an SDP that names the certificate.
const ATTRIBUTE: &str = "a=fingerprint:";

fn line(description: &Description) -> String {
    let lines = description.sdp.split_inclusive("\r\n");
    lines.filter(|line| line.starts_with(ATTRIBUTE)).collect()
}

/// The ways in which a description can disagree with the fingerprint that was signed beside it.
fn disagreeing(honest: &Body) -> [(&'static str, Body); 4] {
    let with = |change: &dyn Fn(&str) -> String| {
        let new = |d: &Description| {
            let line = line(d);
            Description { sdp: d.sdp.replace(&line, &change(&line)), ..d.clone() }
        };
        redescribed(honest, new).unwrap()
    };
    let other = format!("{ATTRIBUTE}{}\r\n", Fingerprint([0xab; 32]));
    let weaker = format!("{ATTRIBUTE}sha-1 {}AB\r\n", "AB:".repeat(19));
    let hidden = |line: &str| format!("{line}{}", line.replace("fingerprint", "FingerPrint"));
    [
        ("sdp_other_fingerprint", with(&|_| other.clone())),
        ("sdp_several_fingerprints", with(&hidden)),
        ("sdp_no_fingerprint", with(&|_| String::new())),
        ("sdp_bad_fingerprint", with(&|_| weaker.clone())),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_whose_fingerprint_is_not_the_signed_one_is_not_answered() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let mut end = LinkEnd::new(Role::Offerer, SessionId([5; 16])).await.unwrap();
    let offer = end.offer().unwrap();
    for (reason, body) in disagreeing(&offer) {
        let letter = mallory.letter(bob.id(), body).unwrap();
        broker.deliver(bob.id(), &letter).unwrap();
        bob.until_dropped(reason, 1).await.unwrap();
    }
    assert_eq!(bob.contact(mallory.id()).await.unwrap().peer.sid, None);
    broker.deliver(bob.id(), &mallory.letter(bob.id(), offer).unwrap()).unwrap();
    mallory.receive(&broker, 1, bob.id(), Leaf::Answer).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_whose_fingerprint_is_not_the_signed_one_is_not_taken() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    bob.open_chat(mallory.id()).await.unwrap();
    let offer = mallory.receive(&broker, 1, bob.id(), Leaf::Offer).await.unwrap();
    let sid = offer.session().unwrap().sid;
    let mut end = LinkEnd::new(Role::Answerer, sid).await.unwrap();
    let answer = end.answer(&offer).unwrap();
    for (reason, body) in disagreeing(&answer) {
        let letter = mallory.letter(bob.id(), body).unwrap();
        broker.deliver(bob.id(), &letter).unwrap();
        bob.until_dropped(reason, 1).await.unwrap();
    }
    assert_eq!(bob.contact(mallory.id()).await.unwrap().peer.state, PeerState::Connecting);
    broker.deliver(bob.id(), &mallory.letter(bob.id(), answer).unwrap()).unwrap();
    end.outcome().await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_does_not_move_a_session_to_another_fingerprint() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let sid = SessionId([5; 16]);
    let mut end = LinkEnd::new(Role::Offerer, sid).await.unwrap();
    let first = mallory.letter(bob.id(), end.offer().unwrap()).unwrap();
    broker.deliver(bob.id(), &first).unwrap();
    mallory.receive(&broker, 1, bob.id(), Leaf::Answer).await.unwrap();
    let Body::Offer { mut session, description } =
        LinkEnd::new(Role::Offerer, sid).await.unwrap().offer().unwrap()
    else {
        panic!("an offer is an offer")
    };
    session.generation += 1;
    let restart = Body::Offer { session, description };
    let restart = mallory.letter(bob.id(), restart).unwrap();
    broker.deliver(bob.id(), &restart).unwrap();
    bob.until_dropped("restart with another fingerprint", 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

/// Another's description, but with no prekey: answers must come to her.
fn as_hers(body: &Body) -> Body {
    redescribed(body, |description| Description { pk: None, ..description.clone() }).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_who_joins_two_others_under_her_name_raises_the_alarm_at_both() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    mallory.befriend(&broker, &alice).await.unwrap();
    let secret = alice.handle().send(mallory.id(), "for Mallory").await.unwrap();
    let offer = mallory.receive(&broker, 1, alice.id(), Leaf::Offer).await.unwrap();
    broker.deliver(bob.id(), &mallory.letter(bob.id(), as_hers(&offer)).unwrap()).unwrap();
    let answer = mallory.receive(&broker, 1, bob.id(), Leaf::Answer).await.unwrap();
    broker.deliver(alice.id(), &mallory.letter(alice.id(), as_hers(&answer)).unwrap()).unwrap();
    for victim in [&alice, &bob] {
        let alarm = victim.until_alarm(mallory.id()).await.unwrap();
        let expected = Alarm::HelloFailed { reason: "hello_bad_signature".to_owned() };
        assert_eq!(alarm, expected);
        victim.until_dropped("hello failed", 1).await.unwrap();
        assert_eq!(victim.contact(mallory.id()).await.unwrap().peer.sid, None);
    }
    assert!(bob.heard_from(mallory.id()).await.unwrap().is_empty());
    let history = alice.handle().history(mallory.id(), 10).await.unwrap();
    assert_eq!((history[0].id, history[0].state), (secret.id, Delivery::Queued));
    alice.talk_with(&bob, "after").await.unwrap();
    assert!(alice.alarms(bob.id()).is_empty() && bob.alarms(alice.id()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_contacts_raise_no_alarm() {
    let Meeting { broker: _broker, alice, bob } = contacts().await;
    alice.talk_with(&bob, "hello").await.unwrap();
    assert!(alice.alarms(bob.id()).is_empty() && bob.alarms(alice.id()).is_empty());
    for honest in [&alice, &bob] {
        assert_eq!(honest.dropped("hello failed").await.unwrap(), 0);
        assert_eq!(honest.dropped("other certificate").await.unwrap(), 0);
    }
}
