//! Other commands on a home on which a node runs use that node.

use serde_json::Value;
use tincan_e2e::{HubProcess, NodeProcess, Process, befriend};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_home_is_used_and_not_fought_for() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    // What blocks must not keep the runtime of this test from running.
    tokio::task::spawn_blocking(move || {
        let id = ada.run(&["id", "--json"]).json();
        assert_eq!(id[0]["id"], ada.id().to_string());

        let sent = ada.run(&["send", "Bob", "--json", "good evening"]);
        assert_eq!(sent.json()[0]["state"], "delivered");
        let read = bob.run(&["history", "Ada", "--json"]).json();
        assert_eq!((read.len(), &read[0]["content"]), (1, &Value::from("good evening")));

        let found = bob.run(&["search", "even", "--json"]).json();
        assert_eq!(found[0]["content"], "good evening");

        let status = ada.run(&["status", "--json"]).json();
        assert_eq!(status[0]["running"], true);
        assert_eq!(status[0]["broker"]["state"], "connected");
        assert_eq!(status[0]["hub"], hub.origin());

        let renamed = ada.run(&["contact", "rename", "Bob", "Robert", "--json"]).json();
        assert_eq!(renamed[0]["nickname"], "Robert");
        let listed = ada.run(&["contact", "list"]);
        assert!(listed.output[0].contains("Robert  online"), "{listed:?}");

        let prefix = &bob.id().to_string()[..10];
        assert_eq!(ada.run(&["send", prefix, "by prefix"]).code, Some(0));
        let nobody = ada.run(&["send", "Eve", "hello"]);
        assert_eq!(nobody.code, Some(2));
        assert!(nobody.errors.contains("no contact is called `Eve`"), "{nobody:?}");

        let other = ada.run(&["--hub", "http://127.0.0.1:9", "status"]);
        assert_eq!(other.code, Some(2), "{other:?}");
        assert!(other.errors.contains(hub.origin()), "{other:?}");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_see_one_safety_number_and_can_note_it() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    tokio::task::spawn_blocking(move || {
        let seen_by_ada = ada.run(&["contact", "verify", "Bob", "--json"]).json();
        let seen_by_bob = bob.run(&["contact", "verify", "Ada", "--equal", "--json"]).json();
        assert_eq!(seen_by_ada[0]["safety_number"], seen_by_bob[0]["safety_number"]);
        assert_eq!(seen_by_ada[0]["verified"], false);
        assert_eq!(seen_by_bob[0]["verified"], true);

        let blocked = ada.run(&["contact", "block", "Bob", "--json"]).json();
        assert_eq!(blocked[0]["status"], "blocked");
        let refused = ada.run(&["send", "Bob", "hello"]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.errors.contains("blocked"), "{refused:?}");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_gets_it_later_and_the_exit_code_says_so() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    bob.stop();
    let words = ["send", "Bob", "are you there?", "--timeout", "1s"];
    let late = Process::run(&mut ada.command(&words));
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(late.errors.contains("stays in the outbox"), "{late:?}");
    bob.start_again().await;
    ada.until_delivered(tincan_e2e::PATIENCE).await;
    assert_eq!(bob.history(ada.id()).await[0].content, "are you there?");
}
