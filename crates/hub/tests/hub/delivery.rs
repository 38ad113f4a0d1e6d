//! Messages reach whom they are for, there or away.

use tincan_mqtt::{CloseReason, Event, Qos};
use tincan_wire::Leaf;

use crate::client::{ALL_WAYS, Client, Over};
use crate::user::User;
use crate::{hub, hub_with};

#[tokio::test]
async fn a_message_reaches_its_recipient_every_way() {
    let (hub, alice, bob) = (hub().await, User::new(1), User::new(2));
    for way in ALL_WAYS {
        let mut a = Client::by(way, &alice, &hub).await;
        let mut b = Client::by(way, &bob, &hub).await;
        for (leaf, payload) in [(Leaf::Offer, vec![0; 16 * 1024]), (Leaf::Answer, b"x".to_vec())] {
            a.publish(&bob.topic(leaf), payload.clone()).await;
            assert_eq!(b.message().await, (bob.topic(leaf), payload), "{way:?}");
        }
        b.send(&alice.topic(Leaf::Heartbeat), "beat", Qos::AtMostOnce).await;
        assert_eq!(a.message().await.1, b"beat");
        a.disconnect().await;
        b.disconnect().await;
    }
}

#[tokio::test]
async fn two_devices_of_one_user_both_get_it() {
    let (hub, alice, mut second) = (hub().await, User::new(1), User::new(1));
    second.client_id = "tin00000000000000ff".into();
    let mut one = Client::of(&alice, &hub).await;
    let mut two = Client::by(ALL_WAYS[3], &second, &hub).await;
    let mut bob = Client::of(&User::new(2), &hub).await;
    bob.publish(&alice.topic(Leaf::Offer), "both").await;
    assert_eq!(one.message().await.1, b"both");
    assert_eq!(two.message().await.1, b"both");
}

#[tokio::test]
async fn who_is_away_gets_it_in_order_on_return() {
    let (hub, alice, bob) = (hub().await, User::new(1), User::new(2));
    for way in ALL_WAYS {
        let mut b = Client::by(way, &bob, &hub).await;
        b.disconnect().await;
        let mut a = Client::by(way, &alice, &hub).await;
        for n in 0..20 {
            a.publish(&bob.topic(Leaf::ContactResponse), n.to_string()).await;
        }
        b.sign_in(way.0, &bob, &hub).await;
        for n in 0..20 {
            assert_eq!(b.message().await.1, n.to_string().into_bytes(), "{way:?}");
        }
        a.disconnect().await;
        b.disconnect().await;
    }
}

#[tokio::test]
async fn what_waits_survives_a_restart_with_a_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let (alice, bob) = (User::new(1), User::new(2));
    let before = hub_with(|config| config.data_dir = Some(directory.path().into())).await;
    let mut b = Client::of(&bob, &before).await;
    b.disconnect().await;
    let mut a = Client::of(&alice, &before).await;
    a.publish(&bob.topic(Leaf::ContactRequest), "kept").await;
    before.shutdown().await;

    let after = hub_with(|config| config.data_dir = Some(directory.path().into())).await;
    b.sign_in(Over::Tcp, &bob, &after).await;
    assert_eq!(b.message().await.1, b"kept");
}

#[tokio::test]
async fn the_newer_connection_takes_the_session_over() {
    let (hub, alice) = (hub().await, User::new(1));
    for (_, version) in ALL_WAYS {
        let mut old = Client::by((Over::Tcp, version), &alice, &hub).await;
        let mut new = Client::by((Over::WebSocket, version), &alice, &hub).await;
        let closed = old.wait_for(|e| matches!(e, Event::Closed { .. })).await;
        assert_eq!(closed, Event::Closed { reason: CloseReason::TakenOver });
        new.publish(&alice.topic(Leaf::Offer), "to myself").await;
        assert_eq!(new.message().await.1, b"to myself");
        new.disconnect().await;
    }
}

#[tokio::test]
async fn a_connection_that_broke_is_resumed() {
    let (hub, alice, bob) = (hub().await, User::new(1), User::new(2));
    let mut a = Client::of(&alice, &hub).await;
    let mut b = Client::of(&bob, &hub).await;
    for round in 0..5 {
        b.cut();
        a.publish(&bob.topic(Leaf::Offer), format!("round {round}")).await;
        b.sign_in(Over::Tcp, &bob, &hub).await;
        assert_eq!(b.message().await.1, format!("round {round}").into_bytes());
    }
}

#[tokio::test]
async fn a_thousand_messages_arrive_in_order() {
    let hub = hub_with(|config| {
        (config.limits.publishes_per_second, config.limits.publish_burst) = (100_000, 100_000);
    })
    .await;
    let (alice, bob) = (User::new(1), User::new(2));
    let mut a = Client::of(&alice, &hub).await;
    let mut b = Client::of(&bob, &hub).await;
    let topic = bob.topic(Leaf::IceCandidate);
    for n in 0..1000 {
        a.send(&topic, n.to_string(), Qos::AtLeastOnce).await;
    }
    let receiving = async {
        for n in 0..1000 {
            assert_eq!(b.message().await.1, n.to_string().into_bytes());
        }
    };
    let acks = async { a.wait_for(|e| matches!(e, Event::Acked { token: 1000 })).await };
    tokio::join!(receiving, acks);
}
