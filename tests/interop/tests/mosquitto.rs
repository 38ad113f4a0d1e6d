//! Nodes chat through a broker that is not ours: Mosquitto, over every transport.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use tempfile::TempDir;
use tincan_interop::mosquitto::{LOGIN, Listener, Mosquitto};
use tincan_node::engine::{BrokerState, ContactStatus, Delivery, Event, Target};
use tincan_node::{Config, Handle, Node};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// A node and its home.
struct Person {
    node: Node,
    _home: TempDir,
}

impl Person {
    async fn start(config: impl FnOnce(&mut Config)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut settings = Config::new(home.path());
        config(&mut settings);
        Self { node: Node::start(settings).await.unwrap(), _home: home }
    }

    fn handle(&self) -> Handle {
        self.node.handle()
    }
}

/// Waits for an event for which `wanted` gives something.
async fn wait<T>(
    events: &mut tincan_node::Events,
    what: &str,
    wanted: impl Fn(Event) -> Option<T>,
) -> T {
    let found = async {
        loop {
            let event = events.next().await.expect("the node runs");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("waited for {what} in vain"))
}

fn accepted(event: Event) -> Option<()> {
    match event {
        Event::Contact { contact } => (contact.status == ContactStatus::Accepted).then_some(()),
        _ => None,
    }
}

/// Two people meet through `broker`, and what each says arrives.
async fn talk(config: impl Fn(&mut Config)) {
    let (ada, bob) = (Person::start(&config).await, Person::start(&config).await);
    let (ada, bob) = (ada.handle(), bob.handle());
    let (mut of_ada, mut of_bob) = (ada.events().await, bob.events().await);
    // A broker keeps requests only for whom it has seen before.
    for (handle, events) in [(&ada, &mut of_ada), (&bob, &mut of_bob)] {
        if handle.status().await.unwrap().broker.state != BrokerState::Connected {
            wait(events, "the broker", |event| match event {
                Event::Broker(view) => (view.state == BrokerState::Connected).then_some(()),
                _ => None,
            })
            .await;
        }
    }
    let invite = ada.invite(None, Vec::new(), 1, Duration::from_secs(3_600)).await.unwrap();
    bob.add(Target::Invite(invite), None).await.unwrap();
    wait(&mut of_ada, "the contact", accepted).await;
    wait(&mut of_bob, "the contact", accepted).await;
    let (ada_id, bob_id) = (ada.id().await.unwrap(), bob.id().await.unwrap());
    for (from, to, words) in [(&ada, bob_id, "Hello Bob"), (&bob, ada_id, "Hello Ada")] {
        let message = from.send(to, words).await.unwrap();
        let state = from.wait_delivered(to, message.id, PATIENCE).await.unwrap();
        assert!(matches!(state, Delivery::Delivered | Delivery::Read), "{words}: {state:?}");
    }
    assert_eq!(ada.history(bob_id, 10).await.unwrap().len(), 2);
}

async fn check(listener: Listener) {
    let broker = Mosquitto::start(listener).unwrap();
    let login = listener.password.then_some(LOGIN);
    talk(|config| {
        config.brokers = vec![broker.url(login)];
        config.ca_file = listener.tls.then(|| broker.ca_file());
    })
    .await;
}

#[tokio::test]
async fn over_tcp() {
    check(Listener { websocket: false, tls: false, password: false }).await;
}

#[tokio::test]
async fn over_tcp_with_a_password() {
    check(Listener { websocket: false, tls: false, password: true }).await;
}

#[tokio::test]
async fn over_tls_with_an_authority_of_our_own() {
    check(Listener { websocket: false, tls: true, password: false }).await;
}

#[tokio::test]
async fn over_tls_with_a_password() {
    check(Listener { websocket: false, tls: true, password: true }).await;
}

#[tokio::test]
async fn over_websocket() {
    check(Listener { websocket: true, tls: false, password: false }).await;
}

#[tokio::test]
async fn over_websocket_with_a_password() {
    check(Listener { websocket: true, tls: false, password: true }).await;
}

#[tokio::test]
async fn over_websocket_in_tls_with_a_password() {
    check(Listener { websocket: true, tls: true, password: true }).await;
}

#[tokio::test]
async fn over_tls_with_the_pinned_key_alone() {
    let broker =
        Mosquitto::start(Listener { websocket: false, tls: true, password: false }).unwrap();
    talk(|config| {
        config.brokers = vec![broker.url(None)];
        config.pinned_key = Some(broker.key());
    })
    .await;
}

/// The reason for which a node with this config does not get in.
async fn refusal(config: impl FnOnce(&mut Config)) -> String {
    let person = Person::start(config).await;
    let handle = person.handle();
    let mut events = handle.events().await;
    let broker = handle.status().await.unwrap().broker;
    let broker = match broker.state {
        BrokerState::Error => broker,
        _ => {
            wait(&mut events, "the refusal", |event| match event {
                Event::Broker(view) if view.state == BrokerState::Error => Some(view),
                Event::Broker(view) if view.state == BrokerState::Connected => {
                    panic!("it got in: {view:?}")
                }
                _ => None,
            })
            .await
        }
    };
    broker.reason.expect("an error has a reason")
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_named() {
    let broker =
        Mosquitto::start(Listener { websocket: false, tls: true, password: false }).unwrap();
    let reason = refusal(|config| config.brokers = vec![broker.url(None)]).await;
    assert!(reason.contains("certificate"), "{reason}");
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused_and_named() {
    let broker =
        Mosquitto::start(Listener { websocket: false, tls: true, password: false }).unwrap();
    let reason = refusal(|config| {
        config.brokers = vec![broker.url(None)];
        config.pinned_key = Some([7; 32]);
    })
    .await;
    assert!(reason.contains("key"), "{reason}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_named() {
    let broker =
        Mosquitto::start(Listener { websocket: false, tls: false, password: true }).unwrap();
    let url = broker.url(Some((LOGIN.0, "wrong")));
    let reason = refusal(|config| config.brokers = vec![url]).await;
    assert!(reason.contains("password") || reason.contains("user"), "{reason}");
    assert!(!reason.contains("wrong:") && !reason.contains(":wrong"), "{reason}");
}
