//! A hub whose challenge its own broker does not accept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use tincan_e2e::{HubProcess, NodeProcess, PATIENCE, Process};
use tincan_node::engine::{Alarm, Event};
use tokio::time::timeout;

/// Says what the hub at `real` says, except that its challenge is its own invention. Returns
/// its origin; it ends with the test's process.
fn forger(real: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &real);
        }
    });
    origin
}

fn answer(mut stream: TcpStream, real: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(request)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let body = match request.split(' ').nth(1) {
        Some("/config.json") => config(real),
        Some("/challenge") => r#"{"nonce":"aW52ZW50ZWQ","aud":"tincan"}"#.to_owned(),
        _ => "{}".to_owned(),
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let length = body.len();
    // A client that has hung up needs no answer.
    let _ = write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}");
}

fn config(real: &str) -> String {
    let address = real.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET /config.json HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").expect("an answer with a body");
    body.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_told_after_three_attempts_and_the_outbox_is_kept() {
    let hub = HubProcess::start();
    let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    let mut ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    tincan_e2e::befriend(&ada, &bob).await;
    bob.stop();
    ada.say(bob.id(), ["keep this".to_owned()].into_iter()).await;
    ada.stop();

    let forged = forger(hub.origin().to_owned());
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
