//! `tincan chat` as two people use it: one brings the hub and an invite, the other takes it.

use std::io::Write;

use tincan_e2e::{Process, tincan};

fn say(process: &mut Process, line: &str) {
    let input = process.input().as_mut().expect("it is open");
    writeln!(input, "{line}").unwrap();
}

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
    say(&mut ada, "Hello Bob ✓");
    heard(&mut bob, "Ada: Hello Bob ✓");
    say(&mut bob, "שלום Ada");
    heard(&mut ada, "Bob: שלום Ada");
    say(&mut bob, "/path");
    heard(&mut bob, "connected directly");
    say(&mut bob, "//not a command");
    heard(&mut ada, "Bob: /not a command");
    say(&mut bob, "/nonsense");
    heard(&mut bob, "/nonsense is no command");
    say(&mut bob, "/quit");
    let finished = bob.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(ada.terminate().code, Some(0));

    // The hub comes back where it was, and the contact finds it without a new invite.
    let mut ada = start_ada(&["Bob"]);
    let mut command = tincan(&["chat", "Ada"]);
    let mut bob = Process::start(command.arg("--home").arg(bob_home.path()));
    heard(&mut bob, "Ada: Hello Bob ✓");
    heard(&mut bob, "Ada: connected");
    say(&mut bob, "again");
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
    say(&mut bob, "one");
    say(&mut bob, "two");
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
