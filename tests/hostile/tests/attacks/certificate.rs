//! Somebody at the other end of the connection who is not who signed for it.

use tincan_hostile::{Adversary, LinkEnd, Watched, redescribed};
use tincan_link::{Event, Role};
use tincan_node::engine::Alarm;
use tincan_wire::{Body, Description, Fingerprint, Leaf, SessionId};

use crate::meeting::{Meeting, with_mallory};

/// The same, for a certificate that is not at the end.
fn for_another(body: &Body) -> Body {
    let other = Fingerprint([0xab; 32]);
    let moved = |d: &Description| {
        let sdp = d.sdp.replace(&d.fp.to_string(), &other.to_string());
        assert_ne!(sdp, d.sdp);
        Description { sdp, fp: other, ..d.clone() }
    };
    redescribed(body, moved).unwrap()
}

/// The alarm is raised while this end moves.
async fn check_alarm(mut end: LinkEnd, victim: &Watched, mallory: &Adversary) {
    let moving = tokio::spawn(async move { end.outcome().await });
    let alarm = victim.until_alarm(mallory.id()).await.unwrap();
    let reason = "the certificate is not the announced one".to_owned();
    assert_eq!(alarm, Alarm::HelloFailed { reason });
    victim.until_dropped("other certificate", 1).await.unwrap();
    assert_eq!(victim.contact(mallory.id()).await.unwrap().peer.sid, None);
    assert!(victim.heard_from(mallory.id()).await.unwrap().is_empty());
    moving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offerer_with_another_certificate_raises_the_alarm() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let mut end = LinkEnd::new(Role::Offerer, SessionId([5; 16])).await.unwrap();
    let offer = for_another(&end.offer().unwrap());
    broker.deliver(bob.id(), &mallory.letter(bob.id(), offer).unwrap()).unwrap();
    let answer = mallory.receive(&broker, 1, bob.id(), Leaf::Answer).await.unwrap();
    end.accept(&answer).unwrap();
    check_alarm(end, &bob, &mallory).await;
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answerer_with_another_certificate_raises_the_alarm() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    bob.open_chat(mallory.id()).await.unwrap();
    let offer = mallory.receive(&broker, 1, bob.id(), Leaf::Offer).await.unwrap();
    let sid = offer.session().unwrap().sid;
    let mut end = LinkEnd::new(Role::Answerer, sid).await.unwrap();
    let answer = for_another(&end.answer(&offer).unwrap());
    broker.deliver(bob.id(), &mallory.letter(bob.id(), answer).unwrap()).unwrap();
    check_alarm(end, &bob, &mallory).await;
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_before_they_have_proved_who_they_are_is_not_heard() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let sid = SessionId([5; 16]);
    let mut end = LinkEnd::new(Role::Offerer, sid).await.unwrap();
    let offer = mallory.letter(bob.id(), end.offer().unwrap()).unwrap();
    broker.deliver(bob.id(), &offer).unwrap();
    let answer = mallory.receive(&broker, 1, bob.id(), Leaf::Answer).await.unwrap();
    end.accept(&answer).unwrap();
    assert_eq!(end.outcome().await.unwrap(), Event::Connected);
    let (from, to) = (mallory.id(), bob.id());
    let id = "01900000-0000-7000-8000-000000000000";
    end.say(&format!(
        "{{\"id\":\"{id}\",\"from\":\"{from}\",\"to\":\"{to}\",\"content\":\"hi\",\
         \"timestamp\":1763792787123,\"type\":\"text\"}}"
    ))
    .unwrap();
    let signature = "A".repeat(86);
    end.say(&format!(
        "{{\"type\":\"hello\",\"v\":1,\"sid\":\"{sid}\",\"sig\":\"{signature}\",\"caps\":[],\
         \"max\":65536}}"
    ))
    .unwrap();
    let moving = tokio::spawn(async move { end.outcome().await });
    bob.until_dropped("frame before hello", 1).await.unwrap();
    let alarm = bob.until_alarm(from).await.unwrap();
    assert_eq!(alarm, Alarm::HelloFailed { reason: "hello_bad_signature".to_owned() });
    bob.until_dropped("hello failed", 1).await.unwrap();
    assert!(bob.heard_from(from).await.unwrap().is_empty());
    moving.abort();
    alice.talk_with(&bob, "after").await.unwrap();
}
