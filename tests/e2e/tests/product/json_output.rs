//! `--json`: every line that a command prints is an object with the right values.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use tincan_e2e::{HubProcess, NodeProcess, Process, befriend, object, tincan};
use tincan_node::wire::Invite;

/// What every test here is about, and `chat`, which json_chat.rs is about. Completions and the
/// man page are scripts for other programs whatever is asked for.
const COMMANDS: [&str; 15] = [
    "chat",
    "hub",
    "id",
    "invite",
    "contact",
    "send",
    "listen",
    "history",
    "search",
    "export",
    "import",
    "status",
    "doctor",
    "completions",
    "man",
];

/// The names of an object's fields, sorted.
fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// That a moment in milliseconds is so many seconds after now, give or take a minute.
fn check_moment(value: &Value, secs: u64) {
    let (moment, expected) = (value.as_u64().expect("a moment"), now_ms() + secs * 1_000);
    assert!(moment.abs_diff(expected) < 60_000, "{moment} {expected}");
}

/// That it is a contact with nothing said yet.
fn check_contact(value: &Value, id: &str, name: &str, nickname: &Value, status: &str) {
    let expected = [
        "chat_open",
        "id",
        "last_seen",
        "name",
        "nickname",
        "online",
        "peer",
        "read_receipts",
        "relay_only",
        "status",
        "verified",
        "waiting",
    ];
    assert_eq!(fields(value), expected);
    let shown = (&value["id"], &value["name"], &value["nickname"], &value["status"]);
    assert_eq!(shown, (&json!(id), &json!(name), nickname, &json!(status)));
    assert_eq!((&value["verified"], &value["waiting"]), (&json!(false), &json!(0)));
    assert_eq!(value["peer"]["contact"], id);
}

/// That it is a message of a conversation.
fn check_message(value: &Value, contact: &str, content: &str, outgoing: bool, state: &str) {
    let expected =
        ["contact", "content", "h", "id", "kind", "lg", "outgoing", "s", "state", "timestamp"];
    assert_eq!(fields(value), expected);
    assert_eq!((&value["contact"], &value["content"]), (&json!(contact), &json!(content)));
    assert_eq!((&value["outgoing"], &value["state"]), (&json!(outgoing), &json!(state)));
    assert_eq!(value["kind"], "text");
    check_moment(&value["timestamp"], 0);
}

/// A command on a home on which nothing runs.
fn run(home: &Path, words: &[&str]) -> Vec<Value> {
    Process::run(tincan(words).arg("--json").arg("--home").arg(home)).json()
}

#[test]
fn every_command_that_there_is_has_a_test() {
    let help = Process::run(&mut tincan(&["--help"])).output;
    let names = help
        .iter()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help");
    assert_eq!(names.collect::<Vec<_>>(), COMMANDS);
}

#[test]
fn an_id_is_an_object_with_and_without_its_code() {
    let home = TempDir::new().unwrap();
    let id = run(home.path(), &["id"]);
    assert!(id[0]["id"].as_str().is_some_and(|id| id.starts_with("tin1") && id.len() == 62));
    assert_eq!(id, [json!({ "id": id[0]["id"] })]);
    assert_eq!(run(home.path(), &["id", "--qr"]), id);
}

#[test]
fn an_invite_says_its_link_its_end_and_its_uses() {
    let home = TempDir::new().unwrap();
    let id = run(home.path(), &["id"]).remove(0);
    for (words, uses, secs) in [
        (&["invite"][..], 1, 7 * 86_400),
        (&["invite", "--qr", "--uses", "3", "--for", "12h"], 3, 43_200),
    ] {
        let place = ["--hub", "http://127.0.0.1:9", "--name", "Ada"];
        let [value] = &run(home.path(), &[&place, words].concat())[..] else { panic!("one line") };
        assert_eq!(fields(value), ["expiry", "link", "uses"]);
        assert_eq!(value["uses"], uses);
        check_moment(&value["expiry"], secs);
        let invite: Invite = value["link"].as_str().unwrap().parse().unwrap();
        assert_eq!(invite.key.to_string(), id["id"]);
        assert_eq!(
            (invite.hub.as_deref(), invite.expiry),
            (Some(place[1]), value["expiry"].as_u64().unwrap())
        );
        assert_eq!(invite.name.map(|name| name.to_string()).as_deref(), Some("Ada"));
    }
}

#[test]
fn a_hub_says_where_its_parts_are() {
    let mut command = tincan(&["hub", "--json", "--bind", "127.0.0.1", "--port", "0"]);
    command.args(["--mqtt-port", "0", "--ws-port", "0", "--stun-port", "0"]);
    command.args(["--second-stun-port", "0"]);
    let mut hub = Process::start(&mut command);
    let said = hub.wait_for("its addresses", |line| Some(object(line)));
    assert_eq!(fields(&said), ["http", "mqtt", "origin", "stun", "websocket"]);
    assert_eq!(said["origin"], format!("http://{}", said["http"].as_str().unwrap()));
    for part in ["http", "mqtt", "stun", "websocket"] {
        let port = said[part].as_str().and_then(|address| address.strip_prefix("127.0.0.1:"));
        assert!(
            port.and_then(|port| port.parse().ok()).is_some_and(|port: u16| port > 0),
            "{said}"
        );
    }
    assert_eq!(hub.terminate().output, [""; 0], "nothing more is printed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_are_objects_from_their_request_to_their_block() {
    let hub = HubProcess::start();
    let [ada, bob, eve] = people(&hub).await;
    let (id_ada, id_bob, id_eve) =
        (ada.id().to_string(), bob.id().to_string(), eve.id().to_string());
    let null = Value::Null;

    let link = bob.run(&["invite", "--json"]).one_json()["link"].as_str().unwrap().to_owned();
    let words = ["contact", "add", &link, "--nickname", "Bobby", "--timeout", "60s", "--json"];
    check_contact(&ada.run(&words).one_json(), &id_bob, "Bob", &json!("Bobby"), "accepted");
    bob.until_listed(&id_ada, "accepted");

    let words = ["contact", "add", &id_bob, "--timeout", "0s", "--json"];
    check_contact(&eve.run(&words).one_json(), &id_bob, "", &null, "requested");
    let asks = bob.until_listed(&id_eve, "asks");
    assert_eq!(fields(&asks), ["at", "id", "name", "status"]);
    assert_eq!(asks["name"], "Eve");
    check_moment(&asks["at"], 0);
    let listed = bob.run(&["contact", "list", "--json"]).json();
    assert_eq!(listed.len(), 2);
    check_contact(&listed[0], &id_ada, "Ada", &null, "accepted");
    assert_eq!(bob.run(&["status", "--json"]).one_json()["requests"], 1);
    let declined = bob.run(&["contact", "decline", "Eve", "--json"]).json();
    assert_eq!(declined, [json!({ "id": id_eve, "answer": "declined" })]);
    eve.until_listed(&id_bob, "declined");

    let words = ["contact", "add", &id_eve, "--timeout", "0s", "--json"];
    check_contact(&ada.run(&words).one_json(), &id_eve, "", &null, "requested");
    eve.until_listed(&id_ada, "asks");
    let accepted = eve.run(&["contact", "accept", "Ada", "--json"]).json();
    assert_eq!(accepted, [json!({ "id": id_ada, "answer": "accepted" })]);
    ada.until_listed(&id_eve, "accepted");

    let change = |words: &[&str]| ada.run(&[&["contact", "--json"], words].concat()).one_json();
    check_contact(&change(&["rename", "Bobby", "Rob"]), &id_bob, "Bob", &json!("Rob"), "accepted");
    check_contact(&change(&["rename", "Rob"]), &id_bob, "Bob", &null, "accepted");
    check_contact(&change(&["block", "Bob"]), &id_bob, "Bob", &null, "blocked");
    check_contact(&change(&["unblock", "Bob"]), &id_bob, "Bob", &null, "accepted");

    for (setting, shown) in [("on", json!(true)), ("off", json!(false)), ("default", null)] {
        assert_eq!(change(&["relay-only", "Bob", setting])["relay_only"], shown, "{setting}");
    }

    let number = change(&["verify", "Bob"]);
    assert_eq!(fields(&number), ["id", "safety_number", "verified"]);
    assert_eq!((&number["id"], &number["verified"]), (&json!(id_bob), &json!(false)));
    let groups: Vec<&str> = number["safety_number"].as_str().unwrap().split(' ').collect();
    assert_eq!(groups.len(), 12);
    assert!(groups.concat().bytes().all(|b| b.is_ascii_digit()) && groups.concat().len() == 60);
    assert_eq!(change(&["verify", "Bob", "--qr"]), number);
    let mut equal = number.clone();
    equal["verified"] = json!(true);
    assert_eq!(change(&["verify", "Bob", "--equal"]), equal);
    assert_eq!(change(&["verify", "Bob", "--undo"]), number);
}

async fn people(hub: &HubProcess) -> [NodeProcess; 3] {
    let flags = ["--hub", hub.origin()];
    let start = |name| NodeProcess::start(name, &flags);
    [start("Ada").await, start("Bob").await, start("Eve").await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_objects_wherever_they_are_printed() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    let (id_ada, id_bob) = (ada.id().to_string(), bob.id().to_string());
    let mut listener = Process::start(&mut bob.command(&["listen", "--json", "--contact", "Ada"]));
    // It prints nothing before something happens: who asks for the status later is later there.
    let sent = ada.run(&["send", "Bob", "one\ntwo", "--json"]).one_json();
    check_message(&sent, &id_bob, "one\ntwo", true, "delivered");
    assert_eq!((&sent["s"], bob.history(ada.id()).await.len()), (&json!(1), 1));
    let heard = bob.run(&["history", "Ada", "--json"]).one_json();
    check_message(&heard, &id_ada, "one\ntwo", false, "delivered");
    assert_eq!((&heard["id"], &heard["timestamp"]), (&sent["id"], &sent["timestamp"]));
    let answered = bob.run(&["send", "Ada", "three", "--json"]).one_json();
    let answer = listener.wait_for("the answer's event", |line| {
        let event = object(line);
        (event["event"] == "message" && event["message"]["outgoing"] == true).then_some(event)
    });
    assert_eq!(fields(&answer), ["event", "message"]);
    check_message(&answer["message"], &id_ada, "three", true, "queued");
    let delivery = listener.wait_for("its delivery", |line| {
        Some(object(line)).filter(|event| event["event"] == "delivery")
    });
    let expected = |state: &str| json!({ "event": "delivery", "contact": id_ada, "ids": [answered["id"]], "state": state });
    let is_one = ["sent", "delivered"].iter().any(|state| delivery == expected(state));
    assert!(is_one, "{delivery}");
    for line in listener.terminate().output {
        object(&line);
    }

    let both = ada.run(&["history", "Bob", "--json"]).json();
    assert_eq!(both.len(), 2);
    check_message(&both[0], &id_bob, "one\ntwo", true, "delivered");
    check_message(&both[1], &id_bob, "three", false, "delivered");
    assert_eq!(ada.run(&["history", "Bob", "--json", "--last", "1"]).json(), both[1..]);
    assert_eq!(ada.run(&["history", "Bob", "--json", "--all"]).json(), both);
    assert_eq!(ada.run(&["search", "thr", "--json"]).json(), both[1..]);
    assert_eq!(ada.run(&["search", "thr", "--json", "--contact", "Bob"]).json(), both[1..]);
    assert_eq!(ada.run(&["search", "four", "--json"]).json(), [Value::Null; 0]);

    bob.stop();
    let put = ada.run(&["send", "Bob", "four", "--timeout", "0s", "--json"]).one_json();
    check_message(&put, &id_bob, "four", true, "queued");
    let late = ada.run(&["send", "Bob", "five", "--timeout", "1s", "--json"]);
    assert_eq!(late.code, Some(1), "{late:?}");
    let [line] = &late.output[..] else { panic!("one line: {late:?}") };
    check_message(&object(line), &id_bob, "five", true, "queued");
    assert_eq!(late.errors.lines().count(), 1, "the reason is for a person: {late:?}");
    assert_eq!(ada.until_listed(&id_bob, "accepted")["waiting"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_an_object_whether_or_not_a_node_runs() {
    let hub = HubProcess::start();
    let mut ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    assert_eq!(ada.run(&["send", "Bob", "hello"]).code, Some(0));
    let expected = [
        "broker",
        "brokers",
        "clock_behind_ms",
        "contacts",
        "dropped",
        "home",
        "hub",
        "id",
        "name",
        "relay_failures",
        "requests",
        "running",
    ];
    let running = ada.run(&["status", "--json"]).one_json();
    assert_eq!(fields(&running), expected);
    let connected =
        json!({ "state": "connected", "reason": null, "retry_at": null, "attempts": 0 });
    assert_eq!(running["broker"], connected);
    assert!(running["clock_behind_ms"].as_i64().is_some_and(|ms| ms.abs() < 60_000), "{running}");
    assert_eq!((&running["dropped"], &running["requests"]), (&json!({}), &json!(0)));
    let contact = &running["contacts"][0];
    check_contact(contact, &bob.id().to_string(), "Bob", &Value::Null, "accepted");
    assert_eq!(
        (&contact["online"], &contact["peer"]["state"]),
        (&json!(true), &json!("connected"))
    );
    assert_eq!(contact["peer"]["path"]["local"], "host");
    assert_eq!(running["contacts"].as_array().map(Vec::len), Some(1));

    ada.stop();
    let alone = ada.run(&["status", "--json"]).one_json();
    assert_eq!(fields(&alone), expected);
    for (value, is_running) in [(&running, true), (&alone, false)] {
        assert_eq!(value["running"], is_running);
        assert_eq!((&value["id"], &value["name"]), (&json!(ada.id()), &json!("Ada")));
        assert_eq!((&value["home"], &value["brokers"]), (&json!(ada.home()), &json!([])));
    }
    assert_eq!(running["hub"], hub.origin());
    assert_ne!(alone["broker"]["state"], "connected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_says_what_went_in_and_what_came_out() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    assert_eq!(ada.run(&["send", "Bob", "one"]).code, Some(0));
    assert_eq!(bob.run(&["send", "Ada", "two"]).code, Some(0));
    let folder = TempDir::new().unwrap();
    let (file, passphrase) = (folder.path().join("backup"), folder.path().join("passphrase"));
    fs::write(&passphrase, "five words of a test\n").unwrap();
    let [file, passphrase] = [&file, &passphrase].map(|path| path.to_str().unwrap());
    let words = [file, "--passphrase-file", passphrase, "--json"];

    let exported = ada.run(&[&["export"], &words[..]].concat()).one_json();
    let bytes = fs::metadata(file).unwrap().len();
    let id = json!(ada.id());
    assert_eq!(
        exported,
        json!({ "file": file, "id": id, "contacts": 1, "messages": 2, "bytes": bytes })
    );
    let elsewhere = folder.path().join("elsewhere");
    let mut imported = run(&elsewhere, &[&["import"], &words[..3]].concat());
    check_moment(&imported[0]["made"], 0);
    let made = imported[0]["made"].take();
    assert!(made.is_u64());
    let expected = |merged, contacts, messages, known| {
        json!({
            "id": id, "made": null, "merged": merged, "contacts": contacts, "messages": messages,
            "known": known, "waiting": 0, "conflicts": 0,
        })
    };
    assert_eq!(imported, [expected(false, 1, 2, 0)]);
    let mut again = run(&elsewhere, &[&["import"], &words[..3]].concat());
    assert_eq!(again[0]["made"].take(), made);
    assert_eq!(again, [expected(true, 0, 0, 2)]);
}

#[test]
fn a_diagnosis_is_an_object_with_its_findings() {
    let (hub, home) = (HubProcess::start(), TempDir::new().unwrap());
    let [value] = &run(home.path(), &["--hub", hub.origin(), "doctor"])[..] else {
        panic!("one line")
    };
    assert_eq!(fields(value), ["findings", "summary", "took_ms", "verdict"]);
    assert!(value["took_ms"].as_u64().is_some_and(|ms| ms < 60_000), "{value:#}");
    for finding in value["findings"].as_array().unwrap() {
        let expected = ["check", "code", "meaning", "remedy", "verdict", "what"];
        let names = fields(finding).into_iter().filter(|name| *name != "latency_ms");
        assert_eq!(names.collect::<Vec<_>>(), expected);
        assert!(finding["latency_ms"].is_null() || finding["latency_ms"].is_f64(), "{finding}");
    }
}

#[test]
fn what_fails_prints_nothing_but_its_reason_to_stderr() {
    let home = TempDir::new().unwrap();
    for (words, code) in [
        (&["send", "Eve", "hello"][..], 2),
        (&["history", "Eve"], 2),
        (&["contact", "accept", "Eve"], 1),
        (&["invite"], 2),
        (&["import", "/nonexistent"], 2),
    ] {
        let failed = Process::run(tincan(words).arg("--json").arg("--home").arg(home.path()));
        assert_eq!(failed.code, Some(code), "{words:?}: {failed:?}");
        assert_eq!(failed.output, [""; 0], "{words:?}");
        assert_eq!(failed.errors.lines().count(), 1, "{words:?}: {failed:?}");
        assert!(failed.errors.starts_with("tincan: "), "{words:?}: {failed:?}");
    }
}
