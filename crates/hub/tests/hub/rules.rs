//! Topic rules: what is forbidden has no effect, whatever the broker acknowledges.

use tincan_mqtt::{Event, Qos};
use tincan_wire::{Leaf, own_filter};

use crate::client::{ALL_WAYS, Client};
use crate::hub;
use crate::user::User;

#[tokio::test]
async fn only_own_topics_can_be_subscribed_to() {
    let (hub, me, other) = (hub().await, User::new(1), User::new(2));
    for way in ALL_WAYS {
        let mut client = Client::by(way, &me, &hub).await;
        for filter in [
            "#".to_owned(),
            "user/+/offer".to_owned(),
            own_filter(&other.id()),
            format!("$share/g/{}", own_filter(&me.id())),
            other.topic(Leaf::Offer),
        ] {
            client.subscribe(&filter);
            client.send(&me.topic(Leaf::Heartbeat), "", Qos::AtMostOnce).await;
            match client.wait_for(|e| matches!(e, Event::SubscriptionRefused { .. })).await {
                Event::SubscriptionRefused { filter: refused, .. } => assert_eq!(refused, filter),
                other => unreachable!("{other:?}"),
            }
        }
        let mut peer = Client::of(&other, &hub).await;
        peer.publish(&other.topic(Leaf::Offer), "not for you").await;
        peer.publish(&me.topic(Leaf::Offer), "for you").await;
        let (_, payload) = loop {
            let message = client.message().await;
            if !message.0.ends_with("heartbeat") {
                break message;
            }
        };
        assert_eq!(payload, b"for you", "{way:?}");
        client.disconnect().await;
    }
}

#[tokio::test]
async fn a_single_leaf_can_be_subscribed_to() {
    let (hub, me) = (hub().await, User::new(1));
    let mut client = Client::new(tincan_mqtt::Version::V5);
    client.subscribe(&me.topic(Leaf::Answer));
    client.sign_in(crate::client::Over::Tcp, &me, &hub).await;
    client.publish(&me.topic(Leaf::Offer), "no").await;
    client.publish(&me.topic(Leaf::Answer), "yes").await;
    assert_eq!(client.message().await.1, b"yes");
}

#[tokio::test]
async fn forbidden_publishes_reach_nobody() {
    let (hub, me, other) = (hub().await, User::new(1), User::new(2));
    for way in ALL_WAYS {
        let mut peer = Client::of(&other, &hub).await;
        let mut client = Client::by(way, &me, &hub).await;
        for topic in [
            "$SYS/broker".to_owned(),
            "user/x/offer".to_owned(),
            format!("user/{}/mail", other.id()),
            format!("user/{}", other.id()),
            format!("{}/deeper", other.topic(Leaf::Offer)),
        ] {
            client.publish(&topic, "forbidden").await;
        }
        client.publish(&other.topic(Leaf::Offer), "allowed").await;
        assert_eq!(peer.message().await.1, b"allowed", "{way:?}");
        assert!(peer.pending().is_empty(), "{way:?}");
        client.disconnect().await;
        peer.disconnect().await;
    }
}

#[tokio::test]
async fn retained_publishes_are_neither_kept_nor_delivered() {
    let (hub, me, other) = (hub().await, User::new(1), User::new(2));
    let mut peer = Client::of(&other, &hub).await;
    let mut client = Client::by(ALL_WAYS[1], &me, &hub).await;
    let topic = other.topic(Leaf::Offer);
    let len = 2 + topic.len() + 2 + 1;
    let (len, topic_len) = (u8::try_from(len).unwrap(), u8::try_from(topic.len()).unwrap());
    // QoS 1 and retain, packet id 9.
    let packet = [&[0x33, len, 0, topic_len][..], topic.as_bytes(), &[0, 9], b"r"].concat();
    client.write(&packet).await;
    client.publish(&topic, "plain").await;
    assert_eq!(peer.message().await.1, b"plain");
    assert!(peer.pending().is_empty());

    // Nor does it greet a new subscriber.
    peer.disconnect().await;
    let mut again = Client::by(ALL_WAYS[1], &other, &hub).await;
    client.publish(&topic, "later").await;
    assert_eq!(again.message().await.1, b"later");
}

#[tokio::test]
async fn a_recipient_does_not_learn_the_senders_client_id() {
    let (hub, me, other) = (hub().await, User::new(1), User::new(2));
    for way in ALL_WAYS {
        let mut peer = Client::of(&other, &hub).await;
        let mut client = Client::by(way, &me, &hub).await;
        client.publish(&other.topic(Leaf::Offer), "hello").await;
        peer.message().await;
        let received = String::from_utf8_lossy(&peer.received).into_owned();
        assert!(received.contains("hello"));
        assert!(!received.contains(&me.client_id), "{way:?}");
        assert!(!received.contains(&me.id().to_string()), "{way:?}");
        client.disconnect().await;
        peer.disconnect().await;
    }
}
