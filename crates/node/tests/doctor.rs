//! The doctor at a hub on this machine: what it finds, and that it disturbs nobody.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tincan_doctor::{
    Broker, Database, Fault, Measurements, MeetingPlace, Running, StorageFault, Verdict, Way,
    diagnose,
};
use tincan_hub::Hub;
use tincan_node::doctor::examine;
use tincan_node::engine::{BrokerState, Event};
use tincan_node::{Config, Events, Node};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a person will wait for on a good network.
const QUICK: Duration = Duration::from_secs(5);

async fn hub(change: impl FnOnce(&mut tincan_hub::Config)) -> (Hub, String) {
    let mut config = tincan_hub::Config::on(LOOPBACK);
    change(&mut config);
    let hub = Hub::start(config).await.unwrap();
    let origin = format!("http://{}", hub.addresses().http);
    (hub, origin)
}

fn config(home: &Path, hub: &str) -> Config {
    let mut config = Config::new(home);
    config.hub = Some(hub.to_owned());
    config
}

async fn look(config: &Config) -> Measurements {
    timeout(PATIENCE, examine(config)).await.expect("it ends").unwrap()
}

fn codes(seen: &Measurements) -> Vec<&'static str> {
    diagnose(seen).findings().iter().map(|finding| finding.code).collect()
}

async fn until_connected(events: &mut Events, node: &Node) {
    if node.handle().status().await.unwrap().broker.state == BrokerState::Connected {
        return;
    }
    let search = async {
        loop {
            match events.next().await.expect("the node is there") {
                Event::Broker(view) if view.state == BrokerState::Connected => return,
                _ => {}
            }
        }
    };
    timeout(PATIENCE, search).await.expect("it connects");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_good_hub_everything_works_and_nothing_stays_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, origin) = hub(|config| config.relay.allow_private_peers = true).await;
    let seen = look(&config(dir.path(), &origin)).await;
    assert!(seen.took < QUICK, "{:?}", seen.took);
    let ways = |brokers: &[Broker]| brokers.iter().map(|it| it.place.way).collect::<Vec<_>>();
    assert_eq!(ways(&seen.brokers), [Way::Mqtt, Way::Ws, Way::Ws]);
    assert!(seen.brokers.iter().all(|broker| broker.outcome.is_ok()), "{:?}", seen.brokers);
    let ways: Vec<_> = seen.relays.iter().map(|relay| relay.place.way).collect();
    assert_eq!(ways, [Way::TurnUdp, Way::TurnTcp, Way::TurnTcp]);
    assert!(seen.relays.iter().all(|relay| relay.outcome.is_ok()), "{:?}", seen.relays);
    assert_eq!(seen.mtu.as_ref().and_then(|mtu| mtu.largest), Some(1_472));
    assert!(seen.clock_behind_ms.unwrap().abs() < 1_000);
    assert_eq!(seen.running, Some(Running::Nobody));
    assert!(diagnose(&seen).verdict() < Verdict::Notice, "{:?}", codes(&seen));
    // Neither in the home nor at the hub.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let settled = async {
        while hub.stats().allocations > 0 || hub.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, settled).await.expect("allocations and connections end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_the_same_home_stays_connected_and_tells_where() {
    let dir = tempfile::tempdir().unwrap();
    let (_hub, origin) = hub(|_| {}).await;
    let node = Node::start(config(dir.path(), &origin)).await.unwrap();
    let mut events = node.handle().events().await;
    until_connected(&mut events, &node).await;
    // The hub is not told again: the node knows it.
    let seen = look(&Config::new(dir.path())).await;
    assert_eq!(seen.place, MeetingPlace::Hub);
    assert_eq!(seen.running, Some(Running::Connected));
    assert!(seen.brokers.iter().all(|broker| broker.outcome.is_ok()), "{:?}", seen.brokers);
    let storage = seen.storage.as_ref().unwrap();
    assert!(storage.commit.is_ok() && storage.database == Database::Sound, "{storage:?}");
    assert_eq!(node.handle().status().await.unwrap().broker.state, BrokerState::Connected);
    while let Ok(Some(event)) = timeout(Duration::from_millis(100), events.next()).await {
        assert!(!matches!(event, Event::Broker(_)), "{event:?}");
    }
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_people_were_met_last_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let (_hub, origin) = hub(|_| {}).await;
    let node = Node::start(Config::new(dir.path())).await.unwrap();
    node.handle().set_hub(&origin).await.unwrap();
    node.close().await;
    let seen = look(&Config::new(dir.path())).await;
    assert_eq!((seen.place, seen.running), (MeetingPlace::Hub, Some(Running::Nobody)));
    assert!(seen.brokers.iter().any(|broker| broker.outcome.is_ok()), "{:?}", seen.brokers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_without_a_relay_or_in_a_private_network_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (_hub, origin) = hub(|config| config.relay.enabled = false).await;
    assert!(codes(&look(&config(dir.path(), &origin)).await).contains(&"no_relay"));
    let (_hub, origin) = self::hub(|_| {}).await;
    let seen = look(&config(dir.path(), &origin)).await;
    let faults: Vec<_> = seen.relays.iter().map(|relay| relay.outcome.clone()).collect();
    assert_eq!(faults, vec![Err(Fault::RelayedInPrivate); 3]);
    assert_eq!(diagnose(&seen).verdict(), Verdict::Notice);
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let free = TcpListener::bind((LOOPBACK, 0)).await.unwrap().local_addr().unwrap();
    let seen = look(&config(dir.path(), &format!("http://{free}"))).await;
    assert_eq!(seen.hub.as_ref().unwrap().answered, Err(Fault::Refused));
    assert_eq!(diagnose(&seen).verdict(), Verdict::Problem);
}

/// A server that answers everybody with the same bytes.
async fn server(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                // Whoever asked may have had enough.
                let _ = stream.write_all(answer).await;
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            });
        }
    });
    at
}

#[tokio::test]
async fn servers_that_speak_nonsense_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = server(b"\xff\xfe\xfd garbage that is neither HTTP nor MQTT\r\n\r\n").await;
    let seen = look(&config(dir.path(), &format!("http://{at}"))).await;
    assert_eq!(seen.hub.as_ref().unwrap().answered, Err(Fault::NotAHub));
    let mut broker = Config::new(dir.path());
    broker.brokers = vec![format!("mqtt://{at}"), format!("ws://{at}")];
    let seen = look(&broker).await;
    assert_eq!(seen.place, MeetingPlace::Broker);
    assert!(seen.brokers.iter().all(|broker| broker.outcome.is_err()), "{:?}", seen.brokers);
    assert_eq!(diagnose(&seen).verdict(), Verdict::Problem);
}

#[tokio::test]
async fn a_server_that_swallows_everything_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let at = server(b"").await;
    let mut all = config(dir.path(), &format!("http://{at}"));
    all.brokers = vec![format!("mqtt://{at}")];
    let seen = look(&all).await;
    assert_eq!(seen.hub.as_ref().unwrap().answered, Err(Fault::TimedOut));
    assert_eq!(seen.brokers[0].outcome, Err(Fault::TimedOut));
    assert!(seen.took < Duration::from_secs(20), "{:?}", seen.took);
}

#[tokio::test]
async fn a_home_that_is_none_is_told_and_one_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let storage = |seen: Measurements| seen.storage.unwrap();
    let seen = storage(look(&Config::new(&file)).await);
    assert_eq!(seen.commit, Err(StorageFault::NotADirectory));
    let later = dir.path().join("a/b");
    let seen = storage(look(&Config::new(&later)).await);
    assert!(seen.commit.is_ok() && !later.exists(), "{seen:?}");
    assert_eq!(seen.database, Database::None);
}

#[tokio::test]
async fn a_damaged_database_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tincan.db"), "this is no database at all ".repeat(100)).unwrap();
    let seen = look(&Config::new(dir.path())).await;
    assert!(matches!(seen.storage.as_ref().unwrap().database, Database::Damaged(_)), "{seen:?}");
    assert!(codes(&seen).contains(&"database_damaged"));
}

#[tokio::test]
async fn what_is_no_address_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    assert!(examine(&config(dir.path(), "hub")).await.is_err());
}
