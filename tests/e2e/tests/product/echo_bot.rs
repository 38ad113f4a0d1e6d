//! The example of the SDK, which says back whatever it is told.

use std::process::Command;

use tempfile::TempDir;
use tincan_e2e::{HubProcess, NodeProcess, PATIENCE, Process, example};
use tincan_node::engine::Event;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_bot_says_back_what_it_is_told() {
    let hub = HubProcess::start();
    let home = TempDir::new().unwrap();
    let mut command = Command::new(example("echo_bot"));
    let mut bot = Process::start(command.arg(home.path()).arg(hub.origin()));
    let start = format!("{}/#", hub.origin());
    let invite =
        bot.wait_for("its invite", |line| line.starts_with(&start).then(|| line.to_owned()));

    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let words = ["contact", "add", &invite, "--nickname", "Echo", "--timeout", "60s"];
    assert_eq!(ada.run(&words).output, ["Echo is accepted"]);
    let mut events = ada.handle().events().await;
    assert_eq!(ada.run(&["send", "Echo", "Hello ✓ שלום"]).output, ["✓ delivered to Echo"]);
    let answer = async {
        loop {
            match events.next().await.expect("it runs") {
                Event::Message { message } if !message.outgoing => return message.content,
                _ => {}
            }
        }
    };
    let answer = timeout(PATIENCE, answer).await.expect("it answers");
    assert_eq!(answer, "Hello ✓ שלום");
    let shown = ada.run(&["history", "Echo"]);
    assert_eq!(shown.output.len(), 2, "{shown:?}");
    assert!(shown.output[0].ends_with(" you: Hello ✓ שלום"), "{shown:?}");
    assert!(shown.output[1].ends_with(" Echo: Hello ✓ שלום"), "{shown:?}");
}
