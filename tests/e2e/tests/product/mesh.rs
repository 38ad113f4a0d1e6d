//! Four nodes, every pair talking at once.

use std::time::Duration;

use tincan_e2e::texts::text;
use tincan_e2e::{HubProcess, NodeProcess, befriend};

const PEOPLE: usize = 4;
const MESSAGES: usize = 200;
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_pairs_of_four_talk_at_once() {
    let hub = HubProcess::start();
    let mut nodes = Vec::new();
    for name in ["Ada", "Bob", "Cyd", "Dan"] {
        nodes.push(NodeProcess::start(name, &["--hub", hub.origin()]).await);
    }
    for first in 0..PEOPLE {
        for second in first + 1..PEOPLE {
            befriend(&nodes[first], &nodes[second]).await;
        }
    }
    let mut talks = tokio::task::JoinSet::new();
    for from in &nodes {
        for to in nodes.iter().filter(|to| to.id() != from.id()) {
            let (handle, to) = (from.handle().clone(), to.id());
            talks.spawn(async move {
                for nth in 0..MESSAGES {
                    handle.send(to, text(nth)).await.unwrap();
                }
            });
        }
    }
    talks.join_all().await;
    for node in &nodes {
        node.until_delivered(PATIENCE).await;
    }
    for one in &nodes {
        for other in nodes.iter().filter(|other| other.id() != one.id()) {
            let heard: Vec<String> = one
                .history(other.id())
                .await
                .into_iter()
                .filter(|message| !message.outgoing)
                .map(|message| message.content)
                .collect();
            let said: Vec<String> = (0..MESSAGES).map(text).collect();
            assert_eq!(heard, said);
        }
    }
}
