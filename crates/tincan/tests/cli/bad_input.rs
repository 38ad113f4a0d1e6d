//! Each mistake gets one line that says what is wrong and what to do, and exit code 2.

use crate::Cli;

fn check(words: &[&str], parts: &[&str]) {
    let line = Cli::new().complaint(words, 2);
    for part in parts {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn unknown_words_and_flags() {
    check(&[], &["a command is missing", "--help"]);
    check(&["sned"], &["sned", "send", "--help"]);
    check(&["status", "--jsn"], &["--jsn", "--json"]);
    check(&["send"], &["CONTACT", "--help"]);
    check(&["invite", "--uses", "many"], &["many"]);
    check(&["invite", "--for", "a while"], &["a while", "7d"]);
    check(&["hub", "--port", "70000"], &["70000"]);
    check(&["completions", "fsh"], &["fsh", "fish"]);
}

#[test]
fn addresses_that_are_none() {
    check(&["--hub", "example.org", "status"], &["example.org", "https://hub.example.org"]);
    check(&["--hub", "http://h/x", "status"], &["http://h/x", "write one like"]);
    check(&["--broker", "amqp://b", "status"], &["amqp://b", "mqtts://"]);
    check(&["--broker", "mqtt://u:secret@", "status"], &["mqtt://u@", "host is missing"]);
    check(&["--pinned-key", "abc", "status"], &["abc", "64 hex digits"]);
    check(&["--name", "\u{202e}", "status"], &["visible character"]);
}

#[test]
fn ids_and_invites_that_are_none() {
    let cli = Cli::new();
    let id = cli.good(&["id"]).trim().to_owned();
    let last = if id.ends_with('q') { "p" } else { "q" };
    let mistyped = format!("{}{last}", &id[..id.len() - 1]);
    let shouted = format!("T{}", &id[1..]);
    for bad in ["bob", "tin1", &mistyped, &shouted] {
        check(&["contact", "add", bad], &[bad, "neither an invite link nor an id"]);
    }
    for (bad, told) in [
        ("http://127.0.0.1:1/#", "is cut off or too long; copy the whole link again"),
        ("http://127.0.0.1:1/#AAAA", "is damaged"),
        ("tincan:#&&", "is cut off or too long; copy the whole link again"),
        ("ftp://x/#A", "must look like https://example.org"),
    ] {
        check(&["contact", "add", bad], &["the invite", told]);
        check(&["chat", bad], &["the invite", told]);
    }
}

#[test]
fn certificates_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let hub = |cert: &str, key: &str, parts: &[&str]| {
        // Whatever else listens on this machine does not matter: the files are read first.
        check(&["hub", "--bind", "127.0.0.1", "--tls-cert", cert, "--tls-key", key], parts);
    };
    let key = "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n";
    let (text, key) = (file("text", "hello"), file("key", key));
    hub("/nowhere/cert.pem", &key, &["/nowhere/cert.pem", "name the file"]);
    hub(&text, &key, &[&text, "no certificate in PEM form", "fullchain.pem"]);
    hub(&key, &text, &[&key, "are the two files swapped?"]);
    check(&["hub", "--tls-cert", &text], &["--tls-key"]);
    check(&["hub", "--tls-key", &key], &["--tls-cert"]);
}

#[test]
fn people_who_are_not_there() {
    check(&["send", "Eve", "hello"], &["Eve", "tincan contact add"]);
    check(&["chat", "Eve"], &["Eve", "tincan contact add"]);
    check(&["history", "Eve"], &["Eve"]);
    check(&["search", "x", "--limit", "0"], &["1 to 1000"]);
    check(&["invite"], &["--hub", "tincan chat"]);
}

#[test]
fn what_is_no_text_is_not_sent() {
    use std::io::Write;
    use std::process::Stdio;
    let cli = Cli::new();
    let mut command = cli.command(&["send", "Eve"]);
    let mut child =
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().unwrap().write_all(&[0xff, 0xfe]).unwrap();
    let line = crate::complaint(&child.wait_with_output().unwrap(), 2);
    assert!(line.contains("not UTF-8"), "{line}");
}
