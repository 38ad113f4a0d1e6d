//! A home on a file system without space.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tincan_e2e::{HubProcess, Namespace, NodeProcess, PATIENCE, Process, befriend};

/// The test's name, as the harness has it.
const NAME: &str = "full_disk::a_full_disk_is_told_loses_nothing_and_is_overcome";

/// Takes what space is left.
fn fill(folder: &Path) -> std::path::PathBuf {
    let filler = folder.join("filler");
    let mut size = 4 << 20;
    let mut all = fs::File::create(&filler).unwrap();
    while size > 0 {
        if std::io::Write::write_all(&mut all, &vec![7; size]).is_err() {
            size /= 2;
        }
    }
    filler
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_loses_nothing_and_is_overcome() {
    if !Namespace::Mount.is_free(NAME) {
        return;
    }
    let home = TempDir::with_prefix("tincan-").unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs"])
        .arg(home.path())
        .status()
        .unwrap();
    assert!(mounted.success());
    let folder = home.path().to_owned();

    let hub = HubProcess::start();
    let ada = NodeProcess::start_in(home, &[], "Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    ada.say(bob.id(), ["before".to_owned()].into_iter()).await;
    bob.say(ada.id(), ["there and back".to_owned()].into_iter()).await;
    bob.until_delivered(PATIENCE).await;

    let filler = fill(&folder);
    let large = "x".repeat(16 * 1_024);
    let refused = loop {
        let sent = Process::run(&mut ada.command(&["send", "Bob", &large]));
        if sent.code != Some(0) {
            break sent;
        }
    };
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("is full; free some space"), "{refused:?}");
    let known = ada.history(bob.id()).await.len();

    // What comes in meanwhile is not acknowledged, and so comes again.
    bob.say(ada.id(), [large.clone(), "while you were full".to_owned()].into_iter()).await;
    fs::remove_file(filler).unwrap();
    bob.until_delivered(PATIENCE).await;
    let sent = Process::run(&mut ada.command(&["send", "Bob", "after"]));
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let history = ada.history(bob.id()).await;
    assert_eq!(history.len(), known + 3);
    let theirs = bob.history(ada.id()).await;
    let contents = |messages: &[tincan_node::engine::MessageView]| {
        messages.iter().map(|message| message.id).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(contents(&history), contents(&theirs));
}
