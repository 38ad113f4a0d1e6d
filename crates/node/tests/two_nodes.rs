//! Two nodes in this process meet at a hub on this machine and talk over the whole product path.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use tincan_hub::Hub;
use tincan_node::engine::{BrokerState, Command, Delivery, Event, PeerState, Reply, Target};
use tincan_node::wire::UserId;
use tincan_node::{Config, Events, Handle, Node, RequestError, ShellError};
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

async fn hub() -> (Hub, String) {
    let hub = Hub::start(tincan_hub::Config::on(IpAddr::V4(Ipv4Addr::LOCALHOST))).await.unwrap();
    let origin = format!("http://{}", hub.addresses().http);
    (hub, origin)
}

async fn node(home: &Path, hub: Option<&str>) -> Node {
    let mut config = Config::new(home);
    config.hub = hub.map(str::to_owned);
    Node::start(config).await.unwrap()
}

/// Waits for the first event that gives something.
async fn until<T>(events: &mut Events, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = events.next().await.expect("the node is there");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("it happens in time")
}

async fn connected(handle: &Handle) {
    let mut events = handle.events().await;
    if handle.status().await.unwrap().broker.state != BrokerState::Connected {
        until(&mut events, |event| match event {
            Event::Broker(view) if view.state == BrokerState::Connected => Some(()),
            _ => None,
        })
        .await;
    }
}

/// Makes contacts of the two, by an invite of the first.
async fn befriend(a: &Handle, b: &Handle, hub: &str) -> (UserId, UserId) {
    connected(a).await;
    let invite =
        a.invite(Some(hub.to_owned()), vec![], 1, Duration::from_secs(3_600)).await.unwrap();
    let mut events = b.events().await;
    let a_id = b.add(Target::Invite(invite), None).await.unwrap().id;
    until(&mut events, |event| match event {
        Event::Contact { contact } => {
            (contact.status == tincan_node::engine::ContactStatus::Accepted).then_some(())
        }
        _ => None,
    })
    .await;
    (a_id, b.id().await.unwrap())
}

async fn heard(events: &mut Events, words: &str) {
    until(events, |event| match event {
        Event::Message { message } if !message.outgoing && message.content == words => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_delivered_each_way_and_in_both_histories() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub().await;
    let a = node(&dir.path().join("a"), Some(&origin)).await;
    // The other learns of the hub by the invite.
    let b = node(&dir.path().join("b"), None).await;
    let (ha, hb) = (a.handle(), b.handle());
    let (a_id, b_id) = befriend(&ha, &hb, &origin).await;
    assert_eq!((a_id, b_id), (a.id(), b.id()));
    assert_eq!(hb.shell_status().await.unwrap().hub.as_deref(), Some(origin.as_str()));

    let (mut at_a, mut at_b) = (ha.events().await, hb.events().await);
    let sent = ha.send(b_id, "hello").await.unwrap();
    heard(&mut at_b, "hello").await;
    let state = ha.wait_delivered(b_id, sent.id, PATIENCE).await.unwrap();
    assert!(matches!(state, Delivery::Delivered | Delivery::Read), "{state:?}");
    hb.send(a_id, "hello yourself").await.unwrap();
    heard(&mut at_a, "hello yourself").await;

    let contents = |messages: Vec<tincan_node::engine::MessageView>| {
        messages.into_iter().map(|message| message.content).collect::<Vec<_>>()
    };
    for (handle, contact) in [(&ha, b_id), (&hb, a_id)] {
        let history = contents(handle.history(contact, 10).await.unwrap());
        assert_eq!(history, ["hello", "hello yourself"]);
        let found = contents(handle.search("yourself", None, 10).await.unwrap());
        assert_eq!(found, ["hello yourself"]);
    }
    a.close().await;
    b.close().await;
    hub.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_back_gets_what_waited() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub().await;
    let a = node(&dir.path().join("a"), Some(&origin)).await;
    let b = node(&dir.path().join("b"), Some(&origin)).await;
    let (a_id, b_id) = befriend(&a.handle(), &b.handle(), &origin).await;
    b.close().await;
    let sent = a.handle().send(b_id, "while you were away").await.unwrap();
    assert_eq!(sent.state, Delivery::Queued);
    // Without a word about the hub: it is remembered only where an invite named it.
    let b = node(&dir.path().join("b"), Some(&origin)).await;
    let state = a.handle().wait_delivered(b_id, sent.id, PATIENCE).await.unwrap();
    assert!(matches!(state, Delivery::Delivered | Delivery::Read), "{state:?}");
    assert_eq!(b.handle().history(a_id, 1).await.unwrap()[0].content, "while you were away");
    a.close().await;
    b.close().await;
    hub.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_ends_says_goodbye() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub().await;
    let a = node(&dir.path().join("a"), Some(&origin)).await;
    let b = node(&dir.path().join("b"), Some(&origin)).await;
    let (a_id, b_id) = befriend(&a.handle(), &b.handle(), &origin).await;
    a.handle().send(b_id, "before I go").await.unwrap();
    let mut at_b = b.handle().events().await;
    if b.handle().history(a_id, 1).await.unwrap().is_empty() {
        heard(&mut at_b, "before I go").await;
    }
    a.close().await;
    let reason = until(&mut at_b, |event| match event {
        Event::Peer(view) if view.state == PeerState::Closed => Some(view.reason),
        _ => None,
    })
    .await;
    assert_eq!(reason.as_deref(), Some("the contact went offline"));
    let contacts = b.handle().contacts().await.unwrap();
    assert!(contacts.iter().all(|contact| !contact.online), "{contacts:?}");
    b.close().await;
    hub.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_uses_the_node_over_its_control_socket() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub().await;
    let homes = [dir.path().join("a"), dir.path().join("b")];
    let a = node(&homes[0], Some(&origin)).await;
    let b = node(&homes[1], Some(&origin)).await;
    let ra = Handle::connect(&homes[0]).await.unwrap();
    let rb = Handle::connect(&homes[1]).await.unwrap();
    let (a_id, b_id) = befriend(&ra, &rb, &origin).await;
    let mut at_b = rb.events().await;
    let open = Command::OpenChat { contact: b_id, screen: ra.screen() };
    assert_eq!(ra.command(open).await.unwrap(), Reply::Done);
    for n in 0..100 {
        ra.send(b_id, format!("message {n}")).await.unwrap();
    }
    heard(&mut at_b, "message 99").await;
    assert_eq!(rb.history(a_id, 1_000).await.unwrap().len(), 100);
    ra.stop().await.unwrap();
    timeout(PATIENCE, a.wait()).await.expect("it stops");
    assert_eq!(a.handle().send(b_id, "too late").await.unwrap_err(), RequestError::Closed);
    b.close().await;
    hub.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_to_another_hub_is_refused_with_both_names() {
    let dir = tempfile::tempdir().unwrap();
    let a = node(&dir.path().join("a"), Some("http://127.0.0.1:1")).await;
    let b = node(&dir.path().join("b"), Some("http://127.0.0.1:2")).await;
    let hub = Some("http://127.0.0.1:1".to_owned());
    let invite = a.handle().invite(hub, vec![], 1, Duration::from_secs(60)).await.unwrap();
    let error = b.handle().add(Target::Invite(invite), None).await.unwrap_err();
    let expected = ShellError::OtherMeetingPlace {
        ours: "http://127.0.0.1:2".to_owned(),
        theirs: "http://127.0.0.1:1".to_owned(),
    };
    assert_eq!(error, RequestError::Shell(expected));
    a.close().await;
    b.close().await;
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_told_with_reason_and_retry() {
    let dir = tempfile::tempdir().unwrap();
    let node = node(&dir.path().join("a"), Some("http://127.0.0.1:1")).await;
    let handle = node.handle();
    let mut events = handle.events().await;
    let seen = handle.status().await.unwrap().broker;
    let view = if seen.state == BrokerState::Error {
        seen
    } else {
        until(&mut events, |event| match event {
            Event::Broker(view) if view.state == BrokerState::Error => Some(view),
            _ => None,
        })
        .await
    };
    let reason = view.reason.unwrap();
    assert!(reason.contains("127.0.0.1:1") && reason.contains("refused"), "{reason}");
    assert!(view.retry_at.is_some());
    node.close().await;
}

#[tokio::test]
async fn a_home_in_use_is_refused_and_free_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("a");
    let first = node(&home, None).await;
    let id = first.id();
    let error = Node::start(Config::new(&home)).await.unwrap_err();
    assert!(error.to_string().contains(&home.display().to_string()), "{error}");
    first.close().await;
    let again = node(&home, None).await;
    assert_eq!(again.id(), id);
    again.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_says_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub().await;
    let a = node(&dir.path().join("a"), Some(&origin)).await;
    let b = node(&dir.path().join("b"), Some(&origin)).await;
    let (ha, hb) = (a.handle(), b.handle());
    let (_, b_id) = befriend(&ha, &hb, &origin).await;
    let mut events = ha.events().await;
    let screen = ha.screen();
    ha.command(Command::OpenChat { contact: b_id, screen }).await.unwrap();
    let path = until(&mut events, |event| match event {
        Event::Peer(view) if view.state == PeerState::Connected => view.path,
        _ => None,
    })
    .await;
    assert!(!path.local_address.is_empty() && !path.remote_address.is_empty());
    a.close().await;
    b.close().await;
    hub.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_is_reached_over_a_websocket_too() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub().await;
    let mut config = Config::new(dir.path().join("a"));
    config.hub = Some(origin.clone());
    config.brokers = vec![format!("ws://{}/mqtt", hub.addresses().websocket)];
    let a = Node::start(config).await.unwrap();
    let b = node(&dir.path().join("b"), Some(&origin)).await;
    let (a_id, _) = befriend(&a.handle(), &b.handle(), &origin).await;
    let mut at_a = a.handle().events().await;
    b.handle().send(a_id, "over there").await.unwrap();
    heard(&mut at_a, "over there").await;
    a.close().await;
    b.close().await;
    hub.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_moves_is_followed_when_it_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub().await;
    let home = dir.path().join("a");
    let a = node(&home, None).await;
    a.handle().set_hub(&origin).await.unwrap();
    connected(&a.handle()).await;
    assert!(a.handle().set_hub("nonsense").await.is_err());
    a.close().await;
    let a = node(&home, None).await;
    connected(&a.handle()).await;
    assert_eq!(a.handle().shell_status().await.unwrap().hub.as_deref(), Some(origin.as_str()));
    a.close().await;
    hub.shutdown().await;
}
