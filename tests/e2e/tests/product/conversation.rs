//! Two nodes and a hub: ten thousand messages each way, and each of the three stopped and
//! started again.

use std::time::Duration;

use tincan_e2e::texts::text;
use tincan_e2e::{HubProcess, NodeProcess, PATIENCE, befriend};
use tincan_node::engine::{Delivery, MessageView};

const MESSAGES: usize = 10_000;
const AFTER_RESTART: usize = 100;

/// How long ten thousand messages each way may take on a machine that does other things too.
const ALL_OF_IT: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_each_way_arrive_and_outlive_restarts() {
    let mut hub = HubProcess::start();
    let mut ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;

    talk(&ada, &bob, 0..MESSAGES, ALL_OF_IT).await;
    same_history(&ada, &bob, MESSAGES).await;

    let mut said = MESSAGES;
    let mut next = || {
        let range = said..said + AFTER_RESTART;
        said = range.end;
        range
    };
    assert_eq!(hub.stop().code, Some(0));
    hub.start_again();
    talk(&ada, &bob, next(), PATIENCE).await;

    assert_eq!(ada.stop().code, Some(0));
    ada.start_again().await;
    talk(&ada, &bob, next(), PATIENCE).await;

    bob.kill();
    bob.start_again().await;
    talk(&ada, &bob, next(), PATIENCE).await;

    // Neither a hub that is away nor a node that is keeps what was said from arriving later.
    bob.stop();
    let range = next();
    ada.say(bob.id(), range.clone().map(text)).await;
    hub.stop();
    hub.start_again();
    bob.start_again().await;
    bob.say(ada.id(), range.map(text)).await;
    ada.until_delivered(PATIENCE).await;
    bob.until_delivered(PATIENCE).await;

    same_history(&ada, &bob, said).await;
}

/// Both say the same texts at the same time, until all is delivered.
async fn talk(
    ada: &NodeProcess,
    bob: &NodeProcess,
    range: std::ops::Range<usize>,
    patience: Duration,
) {
    let texts = || range.clone().map(text);
    tokio::join!(ada.say(bob.id(), texts()), bob.say(ada.id(), texts()));
    ada.until_delivered(patience).await;
    bob.until_delivered(patience).await;
}

/// Both hold the same, field by field and in the same order, and every message is delivered.
async fn same_history(ada: &NodeProcess, bob: &NodeProcess, each: usize) {
    let (of_ada, of_bob) = (ada.history(bob.id()).await, bob.history(ada.id()).await);
    assert_eq!(of_ada.len(), 2 * each);
    assert_eq!(of_bob.len(), 2 * each);
    for (a, b) in of_ada.iter().zip(&of_bob) {
        assert_eq!((a.contact, b.contact), (bob.id(), ada.id()));
        assert_ne!(a.outgoing, b.outgoing);
        let seen_by_ada =
            MessageView { contact: bob.id(), outgoing: !b.outgoing, state: a.state, ..b.clone() };
        assert_eq!(*a, seen_by_ada);
        assert!(matches!(a.state, Delivery::Delivered | Delivery::Read), "{a:?}");
        assert!(matches!(b.state, Delivery::Delivered | Delivery::Read), "{b:?}");
    }
    for history in [&of_ada, &of_bob] {
        let said: Vec<&MessageView> = history.iter().filter(|message| message.outgoing).collect();
        for (nth, message) in said.iter().enumerate() {
            assert_eq!(message.content, text(nth), "the {nth}th");
            assert_eq!(message.s, nth as u64 + 1, "positions have no gap");
        }
    }
}
