//! `tincan chat --json`: a program talks, and reads an object a line.

use serde_json::{Value, json};
use tempfile::TempDir;
use tincan_e2e::{Process, object, tincan};
use tincan_node::wire::Invite;

/// A chat that a program holds.
struct Chat {
    process: Process,
    id: String,
}

impl Chat {
    fn start(home: &TempDir, words: &[&str]) -> Self {
        let home = home.path();
        let id = Process::run(tincan(&["id", "--json"]).arg("--home").arg(home)).one_json();
        let process = Process::start(tincan(words).args(["--json", "--home"]).arg(home));
        Self { process, id: id["id"].as_str().unwrap().to_owned() }
    }

    /// The next object that is wanted; each line before it is one, too.
    fn next(&mut self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        self.process.wait_for(what, |line| Some(object(line)).filter(|value| is_wanted(value)))
    }

    fn event(&mut self, name: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        self.next(name, |value| value["event"] == name && is_wanted(value))
    }
}

#[test]
fn a_program_reads_objects_from_the_invite_to_the_history() {
    let homes = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let words = ["--name", "Ada", "chat", "--hub-bind", "127.0.0.1"];
    let mut ada = Chat::start(&homes[0], &words);
    let invite = ada.next("the invite", |value| value["invite"].is_string());
    let link = invite["invite"].as_str().unwrap();
    let parsed: Invite = link.parse().unwrap();
    assert_eq!(invite, json!({ "invite": link, "expiry": parsed.expiry }));
    assert_eq!(parsed.key.to_string(), ada.id);

    let mut bob = Chat::start(&homes[1], &["--name", "Bob", "chat", link]);
    let (id_ada, id_bob) = (ada.id.clone(), bob.id.clone());
    let contact = ada.event("contact", |value| value["contact"]["status"] == "accepted");
    assert_eq!(
        (&contact["contact"]["id"], &contact["contact"]["name"]),
        (&json!(id_bob), &json!("Bob"))
    );
    let peer =
        bob.event("peer", |value| value["state"] == "connected" && value["path"].is_object());
    assert_eq!((&peer["contact"], &peer["path"]["remote"]), (&json!(id_ada), &json!("host")));
    let presence = ada.event("presence", |value| value["chat_open"] == true);
    assert_eq!(
        presence,
        json!({ "event": "presence", "contact": id_bob, "online": true, "chat_open": true })
    );

    ada.process.say("Hello Bob");
    let said = ada.event("message", |_| true);
    assert_eq!(
        (&said["message"]["contact"], &said["message"]["outgoing"]),
        (&json!(id_bob), &json!(true))
    );
    let id = &said["message"]["id"];
    let delivery = ada.event("delivery", |value| value["state"] == "delivered");
    assert_eq!((&delivery["contact"], &delivery["ids"]), (&json!(id_bob), &json!([id])));
    let read = ada.event("read", |_| true);
    assert_eq!(read, json!({ "event": "read", "contact": id_bob, "to": 1 }));
    let heard = bob.event("message", |_| true);
    assert_eq!((&heard["message"]["id"], &heard["message"]["content"]), (id, &json!("Hello Bob")));

    bob.process.say("/path");
    let path =
        bob.next("the path", |value| value.get("path").is_some() && value.get("event").is_none());
    assert_eq!((&path["path"]["local"], &path["path"]["remote"]), (&json!("host"), &json!("host")));
    bob.process.say("/verify equal");
    let number = bob.next("the number", |value| value.get("safety_number").is_some());
    assert_eq!(number["verified"], true);
    assert_eq!(number["safety_number"].as_str().map(|text| text.split(' ').count()), Some(12));
    bob.process.say("/status");
    let status = bob.next("the status", |value| value.get("broker").is_some());
    assert_eq!((&status["id"], &status["broker"]["state"]), (&json!(id_bob), &json!("connected")));
    for command in ["/search hello", "/history 1"] {
        bob.process.say(command);
        let found = bob.next(command, |value| value.get("content").is_some());
        assert_eq!((&found["id"], &found["content"]), (id, &json!("Hello Bob")));
        assert_eq!((&found["contact"], &found["outgoing"]), (&json!(id_ada), &json!(false)));
    }
    bob.process.say("/invite");
    let invite = bob.next("an invite", |value| value.get("invite").is_some());
    let parsed: Invite = invite["invite"].as_str().unwrap().parse().unwrap();
    assert_eq!((parsed.key.to_string(), json!(parsed.expiry)), (id_bob, invite["expiry"].clone()));
    bob.process.say("/help");
    bob.process.say("/quit");
    let finished = bob.process.finish();
    assert_eq!((finished.code, finished.errors.as_str()), (Some(0), ""));
    finished.output.iter().map(String::as_str).for_each(|line| drop(object(line)));

    // Who opens it again gets what was said before as the first of all.
    let mut bob = Chat::start(&homes[1], &["chat", "Ada"]);
    let first = bob.next("the history", |_| true);
    assert_eq!((&first["id"], &first["state"]), (id, &json!("read")));
}
