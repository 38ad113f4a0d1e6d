//! A site that says of itself that it is a hub, and says what a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Serves the `config.json` of the hub at `real`, so that its broker is used, and `challenge` in
/// place of that hub's own. Returns its origin; it ends with the test's process.
///
/// # Panics
/// When it cannot listen.
pub fn fake_hub(real: &str, challenge: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let real: Arc<str> = real.into();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A node asks for two things at once.
            let real = Arc::clone(&real);
            thread::spawn(move || answer(stream.unwrap(), &real, challenge));
        }
    });
    origin
}

fn answer(mut stream: TcpStream, real: &str, challenge: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(request)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let body = match request.split(' ').nth(1) {
        Some("/config.json") => config(real),
        Some("/challenge") => challenge.to_owned(),
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
