//! What `tincan status` says of the path to a contact.

use std::time::Duration;

use tincan_e2e::{HubProcess, NodeProcess, befriend};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_tells_what_the_path_is_what_passed_and_how_the_last_one_ended() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    let texts = || (0..30).map(|n| format!("{n} {}", "x".repeat(2_000)));
    ada.say(bob.id(), texts()).await;
    ada.until_delivered(Duration::from_secs(20)).await;

    let status = ada.run(&["status", "--json"]).one_json();
    let peer = &status["contacts"][0]["peer"];
    let path = &peer["path"];
    assert_eq!((&path["local"], path["relay_transport"].is_null()), (&"host".into(), true));
    assert!(path["rtt_micros"].as_u64().is_some_and(|micros| micros > 0), "{path}");
    // More than what was said, and no more than it takes to say it.
    let sent = path["bytes_sent"].as_u64().unwrap();
    assert!((60_000..300_000).contains(&sent), "{path}");
    assert!(path["bytes_received"].as_u64().is_some_and(|bytes| bytes > 1_000), "{path}");
    assert!(path["loss_permille"].as_u64().is_some_and(|loss| loss < 200), "{path}");
    // The path is there before the contact is verified.
    let since = |key: &str| peer[key].as_u64().unwrap();
    assert!(since("path_since").abs_diff(since("since")) < 15_000, "{peer}");
    assert!(peer["ended"].is_null(), "{peer}");

    let line = ada.status_line(|line| line.contains(" sent, "));
    for words in [" KB received", " % lost", "on this path for "] {
        assert!(line.contains(words), "{words}: {line}");
    }

    bob.kill();
    bob.start_again().await;
    ada.say(bob.id(), texts()).await;
    ada.until_delivered(Duration::from_secs(60)).await;
    let line = ada.status_line(|line| line.contains("ended "));
    assert!(line.contains(" ago: "), "{line}");
}
