//! People who have no invite ask by id, and are accepted or declined by command.

use serde_json::Value;
use tincan_e2e::{HubProcess, NodeProcess, Process};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_by_id_is_declined_or_accepted_by_command() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    let eve = NodeProcess::start("Eve", &["--hub", hub.origin()]).await;
    tokio::task::spawn_blocking(move || {
        let (id_ada, id_bob) = (ada.id().to_string(), bob.id().to_string());
        let asked = ada.run(&["contact", "add", &id_bob, "--timeout", "1s", "--json"]);
        assert_eq!(asked.json()[0]["status"], "requested");
        bob.until_listed(&id_ada, "asks");
        let shown = bob.run(&["contact", "list"]);
        assert!(shown.output[0].contains("Ada  asks: accept or decline"), "{shown:?}");
        let declined = bob.run(&["contact", "decline", "Ada", "--json"]);
        assert_eq!(declined.json()[0]["answer"], "declined");
        ada.until_listed(&id_bob, "declined");

        let asked = eve.run(&["contact", "add", &id_bob, "--timeout", "1s"]);
        assert_eq!(asked.code, Some(0), "{asked:?}");
        bob.until_listed(&eve.id().to_string(), "asks");
        let accepted = bob.run(&["contact", "accept", "Eve", "--json"]);
        assert_eq!(accepted.json()[0]["answer"], "accepted");
        eve.until_listed(&id_bob, "accepted");

        let sent =
            Process::run_with(&mut eve.command(&["send", &id_bob, "-", "--json"]), "from a pipe\n");
        assert_eq!(sent.json()[0]["state"], "delivered");
        let history = bob.run(&["history", "Eve", "--json"]);
        assert_eq!(history.json()[0]["content"], "from a pipe");

        let blocked = bob.run(&["contact", "block", "Eve", "--json"]);
        assert_eq!(blocked.json()[0]["status"], "blocked");
        let unblocked = bob.run(&["contact", "unblock", "Eve", "--json"]);
        assert_eq!(unblocked.json()[0]["status"], "accepted");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_can_accept_everyone_and_prints_what_comes() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    tokio::task::spawn_blocking(move || {
        let mut listener = Process::start(&mut bob.command(&["listen", "--accept", "--json"]));
        let id_bob = bob.id().to_string();
        let added = ada.run(&["contact", "add", &id_bob, "--timeout", "60s", "--json"]);
        assert_eq!(added.json()[0]["status"], "accepted");
        assert_eq!(added.json()[0]["name"], "Bob");
        assert_eq!(ada.run(&["send", "Bob", "are you listening?"]).code, Some(0));
        let message = listener.wait_for("the message", |line| {
            let line: Value = serde_json::from_str(line).expect("each line is JSON");
            (line["event"] == "message").then_some(line)
        });
        assert_eq!(message["message"]["content"], "are you listening?");
        assert_eq!(message["message"]["outgoing"], false);
        let ended = listener.terminate();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    })
    .await
    .unwrap();
}
