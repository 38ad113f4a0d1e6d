//! How things end: signals, closed terminals and readers that leave.

use std::process::Stdio;

use rustix::process::Signal;
use tincan_e2e::{HubProcess, NodeProcess, Process, befriend, tincan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_signal_ends_a_node_and_a_hub_in_order() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let words = ["hub", "--bind", "127.0.0.1", "--port", "0", "--mqtt-port", "0"];
        let mut command = tincan(&words);
        command.args(["--ws-port", "0", "--stun-port", "0", "--second-stun-port", "0"]);
        let mut hub = Process::start(&mut command);
        hub.wait_for("its address", |line| line.strip_prefix("hub ").map(drop));
        hub.signal(signal);
        let finished = hub.finish();
        assert_eq!(finished.code, Some(0), "{finished:?}");

        let home = tempfile::tempdir().unwrap();
        let mut command = tincan(&["listen"]);
        let mut node = Process::start(command.arg("--home").arg(home.path()));
        node.wait_for("its id", |line| line.strip_prefix("listening as ").map(drop));
        node.signal(signal);
        let finished = node.finish();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!home.path().join("control.sock").exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_leaves_ends_the_writer_without_a_word() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    ada.say(bob.id(), (0..300).map(tincan_e2e::texts::text)).await;
    let mut command = ada.command(&["history", "Bob", "--all"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
