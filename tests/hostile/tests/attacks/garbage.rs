//! What is no envelope, and what is no MQTT.

use tincan_hostile::Letter;
use tincan_node::engine::BrokerState;
use tincan_wire::{Leaf, MAX_ENVELOPE_BYTES, Topic};

use crate::meeting::{Meeting, conversation};

fn nested(depth: usize) -> Vec<u8> {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_that_are_no_envelope_are_dropped_by_their_fault() {
    let Meeting { broker, alice, bob } = conversation().await;
    let faults: [(&str, Vec<u8>); 8] = [
        ("json_syntax", b"{".to_vec()),
        ("json_not_utf8", vec![0xff; 300]),
        ("json_too_deep", nested(200)),
        ("json_not_an_object", b"[]".to_vec()),
        ("json_duplicate_key", br#"{"v":1,"v":1}"#.to_vec()),
        ("json_missing_field", br#"{"v":1}"#.to_vec()),
        ("json_bad_field", br#"{"v":1,"k":"0000000"}"#.to_vec()),
        ("envelope_too_long", vec![b' '; MAX_ENVELOPE_BYTES + 1]),
    ];
    for (reason, payload) in &faults {
        for leaf in Leaf::ALL {
            let letter = Letter::new(&Topic { user: bob.id(), leaf }, payload.clone());
            broker.deliver(bob.id(), &letter).unwrap();
        }
        bob.until_dropped(reason, Leaf::ALL.len() as u64).await.unwrap();
    }
    alice.talk_with(&bob, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_mqtt_end_the_connection_and_not_the_conversation() {
    let Meeting { broker, alice, bob } = conversation().await;
    let sid = bob.session_with(alice.id()).await.unwrap();
    let page = b"HTTP/1.1 400 Bad Request\r\n".repeat(8);
    let nonsense = [&[0xff; 64][..], &[0x30, 0xff, 0xff, 0xff, 0xff], &page];
    for (nth, bytes) in nonsense.into_iter().enumerate() {
        broker.write(bob.id(), bytes).unwrap();
        bob.until_dropped("unreadable packet of the broker", nth as u64 + 1).await.unwrap();
        let gone = |status: &tincan_node::engine::Status| {
            (status.broker.state != BrokerState::Connected).then_some(())
        };
        bob.until("the connection's end", gone).await.unwrap();
        alice.talk_with(&bob, "in between").await.unwrap();
        bob.connected().await.unwrap();
    }
    assert_eq!(bob.session_with(alice.id()).await.unwrap(), sid);
}
