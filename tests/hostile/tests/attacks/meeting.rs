//! Who is there in most of the attacks.

use tincan_hostile::{Adversary, HostileBroker, Person};

/// Two contacts at a hostile broker.
pub(crate) struct Meeting {
    pub(crate) broker: HostileBroker,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
}

/// Alice and Bob are contacts, and have not spoken yet.
pub(crate) async fn contacts() -> Meeting {
    let broker = HostileBroker::start().await.unwrap();
    let (alice, bob) = tokio::join!(Person::start(&broker), Person::start(&broker));
    let (alice, bob) = (alice.unwrap(), bob.unwrap());
    bob.befriend(&alice).await.unwrap();
    Meeting { broker, alice, bob }
}

/// Alice and Bob are contacts and have spoken: there is a session.
pub(crate) async fn conversation() -> Meeting {
    let meeting = contacts().await;
    meeting.alice.talk_with(&meeting.bob, "before").await.unwrap();
    meeting
}

/// Alice and Bob, and Mallory, a contact of Bob's without a node.
pub(crate) async fn with_mallory() -> (Meeting, Adversary) {
    let meeting = contacts().await;
    let mut mallory = Adversary::new(77);
    mallory.befriend(&meeting.broker, &meeting.bob).await.unwrap();
    (meeting, mallory)
}
