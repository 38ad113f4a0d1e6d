//! `tincan chat` as two people use it: one brings the hub and an invite, the other takes it.

use tincan_e2e::{Process, tincan};

fn link(process: &mut Process) -> String {
    process
        .wait_for("the link", |line| line.starts_with("http://127.0.0.1:").then(|| line.to_owned()))
}

fn heard(process: &mut Process, words: &str) {
    process.wait_for(words, |line| line.contains(words).then_some(()));
}

#[test]
fn two_people_meet_without_any_hub_and_talk() {
    let (ada_home, bob_home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start_ada = |more: &[&str]| {
        let mut command = tincan(&["--name", "Ada", "chat", "--hub-bind", "127.0.0.1"]);
        Process::start(command.args(more).arg("--home").arg(ada_home.path()))
    };
    let mut ada = start_ada(&[]);
    let link = link(&mut ada);

    let mut command = tincan(&["--name", "Bob", "chat", &link]);
    let mut bob = Process::start(command.arg("--home").arg(bob_home.path()));
    heard(&mut ada, "Bob is here.");
    heard(&mut bob, "Ada: connected");
    ada.say("Hello Bob ✓");
    heard(&mut bob, "Ada: Hello Bob ✓");
    bob.say("שלום Ada");
    heard(&mut ada, "Bob: שלום Ada");
    bob.say("/path");
    heard(&mut bob, "connected directly");
    bob.say("//not a command");
    heard(&mut ada, "Bob: /not a command");
    bob.say("/nonsense");
    heard(&mut bob, "/nonsense is no command");
    bob.say("/quit");
    let finished = bob.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(ada.terminate().code, Some(0));

    // The hub comes back where it was, and the contact finds it without a new invite.
    let mut ada = start_ada(&["Bob"]);
    let mut command = tincan(&["chat", "Ada"]);
    let mut bob = Process::start(command.arg("--home").arg(bob_home.path()));
    heard(&mut bob, "Ada: Hello Bob ✓");
    heard(&mut bob, "Ada: connected");
    bob.say("again");
    heard(&mut ada, "Bob: again");
    assert_eq!(ada.terminate().code, Some(0));
}

#[test]
fn what_a_script_says_is_delivered_before_it_ends() {
    let (ada_home, bob_home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = tincan(&["--name", "Ada", "chat", "--hub-bind", "127.0.0.1"]);
    let mut ada = Process::start(command.arg("--home").arg(ada_home.path()));
    let link = link(&mut ada);
    let mut command = tincan(&["--name", "Bob", "chat", &link]);
    let mut bob = Process::start(command.arg("--home").arg(bob_home.path()));
    bob.say("one");
    bob.say("two");
    let finished = bob.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.output.iter().any(|line| line.contains("delivered")), "{finished:?}");
    heard(&mut ada, "Bob: one");
    heard(&mut ada, "Bob: two");
}

#[test]
fn an_own_invite_is_not_taken() {
    let home = tempfile::tempdir().unwrap();
    let mut command = tincan(&["chat", "--hub-bind", "127.0.0.1"]);
    let mut ada = Process::start(command.arg("--home").arg(home.path()));
    let link = link(&mut ada);
    let mut command = tincan(&["chat", &link]);
    let finished = Process::run(command.arg("--home").arg(home.path()));
    assert_eq!(finished.code, Some(2));
    assert!(finished.errors.contains("your own id"), "{finished:?}");
}
