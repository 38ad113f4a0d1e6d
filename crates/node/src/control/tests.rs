use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde_json::{Value, json};
use tincan_engine::{BrokerState, BrokerView};
use tincan_engine::{Command, Event, Reply, Time};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::feed::{Bounds, Feed};
use crate::handle::{Handle, Local};
use crate::home::Home;
use crate::request::{Request, RequestError};
use crate::store::Store;

/// A control socket before a shell that the test plays.
struct Fixture {
    home: Home,
    _dir: tempfile::TempDir,
    local: Local,
    requests: mpsc::Receiver<Request>,
    server: Option<ControlServer>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("home")).unwrap();
        let (store, _) = Store::open(&home, |_| {}).unwrap();
        let (requests, requests_in) = mpsc::channel(16);
        let local = Local {
            requests,
            store: Arc::new(store),
            events: Feed::new(Bounds { items: 16, bytes: 1024 }),
            screens: Arc::new(AtomicU64::new(100)),
        };
        let mut fixture = Self { home, _dir: dir, local, requests: requests_in, server: None };
        fixture.listen();
        fixture
    }

    fn listen(&mut self) {
        self.server = Some(ControlServer::start(self.home.path(), self.local.clone()).unwrap());
    }

    async fn connect(&self) -> BufReader<UnixStream> {
        let path = Home::control_socket(self.home.path());
        BufReader::new(UnixStream::connect(path).await.unwrap())
    }

    /// The next command, answered with `Done`.
    async fn command(&mut self) -> Command {
        let request = timeout(Duration::from_secs(10), self.requests.recv()).await;
        match request.expect("a request comes").unwrap() {
            Request::Command { command, answer } => {
                let _ = answer.send(Ok(Reply::Done));
                command
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn say(stream: &mut BufReader<UnixStream>, line: &str) {
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
}

async fn hear(stream: &mut BufReader<UnixStream>) -> Value {
    let mut line = String::new();
    timeout(Duration::from_secs(10), stream.read_line(&mut line)).await.expect("a line").unwrap();
    serde_json::from_str(&line).unwrap()
}

fn event(attempts: u32) -> Arc<Event> {
    Arc::new(Event::Broker(BrokerView {
        state: BrokerState::Connecting,
        reason: None,
        retry_at: Some(Time::from_millis(7)),
        attempts,
    }))
}

#[tokio::test]
async fn the_socket_is_for_its_owner_only_and_goes_with_the_node() {
    let mut fixture = Fixture::new();
    let path = Home::control_socket(fixture.home.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fixture.server = None;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_socket_is_taken_over_and_a_missing_one_means_not_running() {
    let mut fixture = Fixture::new();
    fixture.server = None;
    let home = fixture.home.path().to_owned();
    let not_running = ControlError::NotRunning { home: home.clone() };
    assert_eq!(Handle::connect(&home).await.unwrap_err(), not_running);
    let path = Home::control_socket(&home);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert_eq!(Handle::connect(&home).await.unwrap_err(), not_running);
    fixture.listen();
    Handle::connect(&home).await.unwrap();
}

#[tokio::test]
async fn a_path_that_is_too_long_is_said_so() {
    let fixture = Fixture::new();
    let path = fixture.home.path().join("x".repeat(120));
    let error = ControlServer::start(&path, fixture.local.clone()).unwrap_err();
    assert!(error.to_string().contains("shorter path"), "{error}");
}

#[tokio::test]
async fn a_command_goes_to_the_shell_and_its_answer_back() {
    let mut fixture = Fixture::new();
    let handle = Handle::connect(fixture.home.path()).await.unwrap();
    let (reply, command) = tokio::join!(handle.command(Command::Connect), fixture.command());
    assert_eq!((reply.unwrap(), command), (Reply::Done, Command::Connect));
}

#[tokio::test]
async fn a_query_goes_to_the_store() {
    let fixture = Fixture::new();
    let handle = Handle::connect(fixture.home.path()).await.unwrap();
    assert_eq!(handle.search("nothing", None, 10).await.unwrap(), []);
    let error = handle.search("nothing", None, 0).await.unwrap_err();
    assert!(matches!(error, RequestError::Query(_)), "{error:?}");
}

#[tokio::test]
async fn events_come_to_those_who_subscribed() {
    let fixture = Fixture::new();
    let handle = Handle::connect(fixture.home.path()).await.unwrap();
    let mut events = handle.events().await;
    fixture.local.events.send(event(1), 1);
    let got = timeout(Duration::from_secs(10), events.next()).await.unwrap();
    assert_eq!(got, Some(Arc::unwrap_or_clone(event(1))));
    assert_eq!(events.missed(), 0);
}

#[tokio::test]
async fn an_unsubscribed_connection_hears_no_events() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect().await;
    say(&mut stream, r#"{"id":1,"subscribe":true}"#).await;
    assert_eq!(hear(&mut stream).await, json!({"id": 1, "ok": {}}));
    fixture.local.events.send(event(1), 1);
    assert_eq!(hear(&mut stream).await["event"], "broker");
    say(&mut stream, r#"{"id":2,"subscribe":false}"#).await;
    assert_eq!(hear(&mut stream).await, json!({"id": 2, "ok": {}}));
    fixture.local.events.send(event(2), 1);
    say(&mut stream, r#"{"id":3,"subscribe":false}"#).await;
    assert_eq!(hear(&mut stream).await, json!({"id": 3, "ok": {}}));
}

#[tokio::test]
async fn what_a_slow_reader_misses_is_counted() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect().await;
    say(&mut stream, r#"{"id":1,"subscribe":true}"#).await;
    hear(&mut stream).await;
    // The forwarding task has no turn in between: 16 events stay, 4 are lost.
    for attempts in 0..20 {
        fixture.local.events.send(event(attempts), 1);
    }
    assert_eq!(hear(&mut stream).await, json!({"event": "missed", "missed": 4}));
    assert_eq!(hear(&mut stream).await["attempts"], 4);
}

#[tokio::test]
async fn garbage_gets_an_error_and_the_connection_lives_on() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect().await;
    for garbage in ["hello", "{}", "[1,2]", r#"{"id":"x","command":"connect"}"#, "\u{0}"] {
        say(&mut stream, garbage).await;
        let answer = hear(&mut stream).await;
        assert_eq!(answer["error"]["error"], "bad_request", "{garbage}");
        assert_eq!(answer["id"], Value::Null);
    }
    say(&mut stream, r#"{"id":7,"command":"fly"}"#).await;
    let answer = hear(&mut stream).await;
    assert_eq!((&answer["id"], &answer["error"]["error"]), (&json!(7), &json!("bad_request")));
    say(&mut stream, r#"{"id":8,"subscribe":false}"#).await;
    assert_eq!(hear(&mut stream).await, json!({"id": 8, "ok": {}}));
}

#[tokio::test]
async fn endless_garbage_ends_the_connection() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect().await;
    for _ in 0..200 {
        // The other end may be gone already.
        let _ = stream.write_all(b"nonsense\n").await;
    }
    let mut answers = String::new();
    let end = timeout(Duration::from_secs(10), stream.read_to_string(&mut answers)).await;
    assert!(end.is_ok(), "the connection must end");
    assert_eq!(answers.lines().count(), 100);
}

#[tokio::test]
async fn a_line_without_end_ends_the_connection() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect().await;
    let _ = stream.write_all(&vec![b'x'; 200 * 1024]).await;
    let answer = hear(&mut stream).await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("longer than"), "{answer}");
    let mut rest = Vec::new();
    // It may be reset, since not all was read.
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.expect("ends");
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_connection_is_one_screen_that_closes_with_it() {
    let contact = tincan_wire::Identity::from_seed([1; 32]).user_id();
    let mut fixture = Fixture::new();
    let mut stream = fixture.connect().await;
    let open = json!({"id": 1, "command": "open_chat", "contact": contact, "screen": 5});
    say(&mut stream, &open.to_string()).await;
    assert_eq!(fixture.command().await, Command::OpenChat { contact, screen: 100 });
    drop(stream);
    assert_eq!(fixture.command().await, Command::CloseScreen { screen: 100 });
}

#[tokio::test]
async fn many_requests_at_once_are_all_answered_in_order_of_the_shell() {
    let mut fixture = Fixture::new();
    let mut stream = fixture.connect().await;
    for id in 0..400 {
        say(&mut stream, &json!({"id": id, "command": "connect"}).to_string()).await;
    }
    let mut ids = Vec::new();
    for _ in 0..400 {
        fixture.command().await;
        ids.push(hear(&mut stream).await["id"].as_u64().unwrap());
    }
    assert_eq!(ids, (0..400).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_node_that_goes_ends_its_clients() {
    let mut fixture = Fixture::new();
    let handle = Handle::connect(fixture.home.path()).await.unwrap();
    let mut events = handle.events().await;
    let ask = handle.command(Command::Connect);
    let die = async {
        let request = fixture.requests.recv().await;
        drop(request);
        fixture.requests.close();
    };
    let (answer, ()) = tokio::join!(ask, die);
    assert_eq!(answer.unwrap_err(), RequestError::Closed);
    drop((fixture.server.take(), fixture.local));
    drop(handle);
    assert_eq!(timeout(Duration::from_secs(10), events.next()).await.expect("ends"), None);
}
