//! Who is there, and who is not, in the words of somebody else.

use tincan_hostile::{Tag, Watched};
use tincan_wire::{Body, ChatStatus, Leaf, Topic, UserId};

use crate::meeting::{Meeting, conversation, with_mallory};

async fn seen_online(watched: &Watched, id: UserId, online: bool) {
    let fits = |contact: &tincan_node::engine::ContactView| contact.online == online;
    watched.until_contact(id, "presence", |contact| fits(contact).then_some(())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_left_is_not_brought_back_by_what_they_said_before() {
    let Meeting { broker, alice, bob } = conversation().await;
    let id = alice.id();
    let home = alice.end().await;
    seen_online(&bob, id, false).await;
    let letters = broker.letters(id, bob.id());
    for letter in &letters {
        broker.deliver(bob.id(), letter).unwrap();
    }
    bob.until_dropped("replay", letters.len() as u64).await.unwrap();
    assert!(!bob.contact(id).await.unwrap().online);
    let alice = tincan_hostile::Person::at(home, &broker).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_that_another_contact_or_a_stranger_made_up_is_dropped() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    let (id, to) = (alice.id(), bob.id());
    // She takes her leave of those whom she knows to be there.
    seen_online(&alice, to, true).await;
    let home = alice.end().await;
    seen_online(&bob, id, false).await;
    let bodies = [
        Body::Heartbeat { n: 1, re: false },
        Body::ChatPresence { status: ChatStatus::Opened },
        Body::ChatPresence { status: ChatStatus::Closed },
    ];
    let strangers = bob.dropped("stranger").await.unwrap();
    for body in bodies {
        let topic = Topic { user: to, leaf: body.leaf() };
        let text = mallory.claim(id, to, body);
        for tag in [Tag::OfContact, Tag::Random] {
            broker.deliver(to, &mallory.wrap(&topic, &text, tag).unwrap()).unwrap();
        }
    }
    bob.until_dropped("open_bad_signature", 3).await.unwrap();
    bob.until_dropped("stranger", strangers + 3).await.unwrap();
    let view = bob.contact(id).await.unwrap();
    assert!(!view.online && !view.chat_open);
    let alice = tincan_hostile::Person::at(home, &broker).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farewell_that_somebody_made_up_is_dropped() {
    let (Meeting { broker, alice, bob }, mut mallory) = with_mallory().await;
    seen_online(&bob, alice.id(), true).await;
    let farewell = Body::ChatPresence { status: ChatStatus::Left };
    let topic = Topic { user: bob.id(), leaf: Leaf::ChatPresence };
    let text = mallory.claim(alice.id(), bob.id(), farewell.clone());
    let letter = mallory.wrap(&topic, &text, Tag::OfContact).unwrap();
    broker.deliver(bob.id(), &letter).unwrap();
    bob.until_dropped("open_bad_signature", 1).await.unwrap();
    assert!(bob.contact(alice.id()).await.unwrap().online);
    let of_stranger = mallory.letter_of_stranger(bob.id(), farewell).unwrap();
    let before = bob.dropped("stranger").await.unwrap();
    broker.deliver(bob.id(), &of_stranger).unwrap();
    bob.until_dropped("stranger", before + 1).await.unwrap();
    alice.talk_with(&bob, "after").await.unwrap();
}
