//! Hubs and brokers that answer nonsense: the reason is said in words, and it is counted.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use tincan_e2e::{HubProcess, NodeProcess, fake_hub};

/// Takes connections, reads what comes first and answers with `answer`; it ends with the test's
/// process. Returns where it is.
fn server_of(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A client that has hung up needs no answer.
            let _ = stream.read(&mut [0; 4_096]).and_then(|_| stream.write_all(answer));
        }
    });
    address
}

/// That `tincan status` says `reason` with the time of the next attempt, and counts it.
async fn check(flags: &[&str], reason: &str, counted: &str) {
    let ada = NodeProcess::start_alone("Ada", flags).await;
    let link = ada.status_line(|line| line.contains("not connected") && line.contains("; next"));
    let start = format!("link      not connected: {reason}");
    assert!(link.starts_with(&start), "{link}");
    let dropped = ada.status_line(|line| line.starts_with("dropped"));
    let count = dropped.strip_prefix("dropped   ").and_then(|rest| rest.split_once(" × "));
    let (count, name) = count.unwrap_or_else(|| panic!("{dropped}"));
    assert_eq!(name, counted);
    let count: u64 = count.parse().unwrap();
    assert!(count >= 1, "{dropped}");
    // The count goes on while it is tried again.
    let more = ada.status_line(|line| {
        let now = line.strip_prefix("dropped   ").and_then(|rest| rest.split_once(" × "));
        now.is_some_and(|(now, name)| name == counted && now.parse::<u64>().unwrap() > count)
    });
    let status = ada.run(&["status", "--json"]).one_json();
    let now = status["dropped"][counted].as_u64().expect("it is counted");
    assert!(now > count, "{now}: {more}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_answers_no_mqtt_is_named_and_counted() {
    let address = server_of(b"\x00\xff\xff\xff\xff\xff this is no MQTT");
    let broker = format!("mqtt://{address}");
    check(&["--broker", &broker], &format!("{broker}: "), "unreadable packet of the broker").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_server_in_place_of_a_broker_is_named_and_counted() {
    let address = server_of(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let broker = format!("mqtt://{address}");
    check(&["--broker", &broker], &format!("{broker}: "), "unreadable packet of the broker").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_of_nonsense_is_named_and_counted() {
    let hub = HubProcess::start();
    let origin = fake_hub(hub.origin(), "<html>this is no challenge</html>");
    let reason = format!("{origin} sent something unexpected for /challenge (");
    check(&["--hub", &origin], &reason, "unreadable answer of the hub").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_web_server_at_all_is_named_and_counted() {
    let origin = format!("http://{}", server_of(b"\x00\xff\xff\xff this is no HTTP\r\n\r\n"));
    let reason = format!("{origin} does not answer as a web server would (");
    check(&["--hub", &origin], &reason, "unreadable answer of the hub").await;
}
