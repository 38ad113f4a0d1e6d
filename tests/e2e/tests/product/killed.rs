//! `kill -9` at random instants while both sides talk: of a node, of both, of the hub.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use fastrand::Rng;
use rusqlite::Connection;
use tincan_e2e::{HubProcess, NodeProcess, befriend};
use tincan_node::engine::{Answer, Command, Delivery, MessageView, Query, Reply};
use tincan_node::wire::{MessageId, UserId};
use tokio::time::timeout;

const KILLS: usize = 500;

/// Most kills come while everything starts and connects, …
const SOON: Duration = Duration::from_millis(100);
/// … one in so many later, while messages flow.
const LATE_ONE_IN: usize = 20;
const LATE: Duration = Duration::from_millis(1_500);

/// How long all that waits may take once nobody is killed any more: the longest backoff, and what
/// two minutes of talking take to arrive.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// So many messages of a conversation are looked at after a kill: more than are sent between two.
const RECENT: usize = 1_000;

/// Someone who talks, and what was promised to them: a message whose number stands here was
/// said to be stored.
struct Talker {
    node: NodeProcess,
    name: &'static str,
    next: usize,
    promised: BTreeMap<usize, MessageId>,
}

impl Talker {
    async fn start(name: &'static str, hub: &HubProcess) -> Self {
        let node = NodeProcess::start(name, &["--hub", hub.origin()]).await;
        Self { node, name, next: 0, promised: BTreeMap::new() }
    }

    /// Talks until the process is gone or the future is dropped; a number is never said twice.
    async fn talk(&mut self, to: UserId) {
        loop {
            let number = self.next;
            self.next += 1;
            let content = format!("{} {number}", self.name);
            let ask = Command::SendMessage { contact: to, content, reply: None };
            match self.node.handle().command(ask).await {
                Ok(Reply::Message { message }) => {
                    self.promised.insert(number, message.id);
                }
                // It was killed before it could answer.
                Ok(reply) => panic!("not {reply:?}"),
                Err(_) => return std::future::pending().await,
            }
        }
    }

    /// What it shows as delivered among the last messages.
    async fn delivered(&self, to: UserId) -> BTreeSet<MessageId> {
        let query = Query::History { contact: to, before: None, limit: RECENT };
        let answer = self.node.handle().query(query).await.expect("it runs");
        let Answer::Messages { messages, .. } = answer else { panic!("not {answer:?}") };
        let is_there = |message: &&MessageView| {
            message.outgoing && matches!(message.state, Delivery::Delivered | Delivery::Read)
        };
        messages.iter().filter(is_there).map(|message| message.id).collect()
    }

    /// What is on its disk, of which a copy is read: the program itself shall find it as it is.
    fn on_disk(&self) -> BTreeSet<MessageId> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tincan.db", "tincan.db-wal"] {
            match fs::copy(self.node.home().join(name), folder.path().join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
                _ => {}
            }
        }
        let connection = Connection::open(folder.path().join("tincan.db")).unwrap();
        let mut rows = connection.prepare("SELECT id FROM messages").unwrap();
        let ids = rows.query_map([], |row| row.get::<_, [u8; 16]>(0)).unwrap();
        ids.map(|id| MessageId::from_bytes(id.unwrap()).unwrap()).collect()
    }

    /// The numbers that `of` said, in the order in which they are shown here.
    fn numbers(history: &[MessageView], of: &Self, outgoing: bool) -> Vec<usize> {
        let said = history.iter().filter(|message| message.outgoing == outgoing);
        let number = |message: &MessageView| {
            let rest = message.content.strip_prefix(of.name).expect("it is of who said it");
            rest.trim_start().parse().expect("a number")
        };
        said.map(number).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_hub_killed_at_500_random_instants_lose_double_and_reorder_nothing() {
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("TEST_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut hub = HubProcess::start();
    let mut ada = Talker::start("Ada", &hub).await;
    let mut bob = Talker::start("Bob", &hub).await;
    befriend(&ada.node, &bob.node).await;
    let (a, b) = (ada.node.id(), bob.node.id());

    let mut looked = 0;
    for kill in 0..KILLS {
        let longest = if kill % LATE_ONE_IN == 0 { LATE } else { SOON };
        let span = longest.mul_f64(rng.f64());
        // It ends by the time; what is under way then has an unknown end.
        let _ = timeout(span, async { tokio::join!(ada.talk(b), bob.talk(a)) }).await;
        match rng.u8(..5) {
            0 | 1 => {
                ada.node.kill();
                looked += look(&bob, &ada, kill).await;
                ada.node.start_again_alone().await;
            }
            2 | 3 => {
                bob.node.kill();
                looked += look(&ada, &bob, kill).await;
                bob.node.start_again_alone().await;
            }
            _ => {
                hub.kill();
                if rng.bool() {
                    ada.node.kill();
                    bob.node.kill();
                    ada.node.start_again_alone().await;
                    bob.node.start_again_alone().await;
                }
                hub.start_again();
            }
        }
    }
    ada.node.until_delivered(SETTLED_WITHIN).await;
    bob.node.until_delivered(SETTLED_WITHIN).await;

    let of_ada = ada.node.history(b).await;
    let of_bob = bob.node.history(a).await;
    assert_eq!(of_ada.len(), of_bob.len());
    assert!(of_ada.iter().zip(&of_bob).all(|(here, there)| here.id == there.id), "one order");
    for (sender, here, there) in [(&ada, &of_ada, &of_bob), (&bob, &of_bob, &of_ada)] {
        let said = Talker::numbers(here, sender, true);
        let heard = Talker::numbers(there, sender, false);
        assert!(said.windows(2).all(|pair| pair[0] < pair[1]), "{}: once, in order", sender.name);
        assert_eq!(said, heard, "{}: the same on both sides", sender.name);
        let kept: BTreeSet<usize> = said.into_iter().collect();
        let lost: Vec<_> = sender.promised.keys().filter(|nth| !kept.contains(nth)).collect();
        assert!(lost.is_empty(), "{}: {lost:?} were said to be stored", sender.name);
        assert!(sender.promised.len() > KILLS, "{}: it got to talk", sender.name);
    }
    assert!(looked > KILLS, "deliveries were looked at");
    println!(
        "{} kills; Ada said {}, Bob {}; {looked} deliveries were compared with a dead disk",
        KILLS,
        ada.promised.len(),
        bob.promised.len()
    );
}

/// Whatever the living one shows as delivered is on the disk of the one that was just killed.
/// Gives how many that are.
async fn look(living: &Talker, dead: &Talker, kill: usize) -> usize {
    let delivered = living.delivered(dead.node.id()).await;
    let held = dead.on_disk();
    let missing: Vec<_> = delivered.difference(&held).collect();
    assert!(missing.is_empty(), "kill {kill}: {} shows {missing:?} as delivered", living.name);
    delivered.len()
}
