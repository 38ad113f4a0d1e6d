//! A hub whose challenge its own broker does not accept.

use tincan_e2e::{HubProcess, NodeProcess, PATIENCE, Process, fake_hub};
use tincan_node::engine::{Alarm, Event};
use tokio::time::timeout;

/// A challenge of a hub's own invention.
const INVENTED: &str = r#"{"nonce":"aW52ZW50ZWQ","aud":"tincan"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_told_after_three_attempts_and_the_outbox_is_kept() {
    let hub = HubProcess::start();
    let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    let mut ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    tincan_e2e::befriend(&ada, &bob).await;
    bob.stop();
    ada.say(bob.id(), ["keep this".to_owned()].into_iter()).await;
    ada.stop();

    let forged = fake_hub(hub.origin(), INVENTED);
    ada.start_again_with(&["--hub", &forged]).await;
    let mut events = ada.handle().events().await;
    let told = async {
        loop {
            let event = events.next().await.expect("it runs");
            if let Event::Alarm { alarm: Alarm::CredentialsRefused { reason }, .. } = event {
                break reason;
            }
        }
    };
    let reason = timeout(PATIENCE, told).await.expect("it is told");
    let status = Process::run(&mut ada.command(&["status"]));
    let link = status.output.iter().find(|line| line.starts_with("link")).expect("it is shown");
    assert!(link.contains(&reason), "{link} / {reason}");

    ada.stop();
    ada.start_again_with(&["--hub", hub.origin()]).await;
    bob.start_again().await;
    ada.until_delivered(PATIENCE).await;
    assert_eq!(bob.history(ada.id()).await[0].content, "keep this");
}
