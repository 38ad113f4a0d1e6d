//! The page's way to the test: a small HTTP server on loopback, one thread for each connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Largest body taken, in bytes; session descriptions have a few thousand.
const MAX_BODY: usize = 64 * 1024;
/// Longest header section, in bytes.
const MAX_HEAD: u64 = 16 * 1024;

/// Answers a request: path and body in; body, or the text of a failure, out.
pub type Handler = dyn Fn(&str, &str) -> Result<String> + Send + Sync;

/// Serves until the process ends; returns the address.
pub fn serve(handler: Arc<Handler>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let handler = handler.clone();
            thread::spawn(move || {
                // A browser that breaks a connection is its own affair; the test has deadlines.
                let _ = answer(connection, &*handler);
            });
        }
    });
    Ok(address)
}

fn answer(connection: TcpStream, handler: &Handler) -> Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut head = (&mut reader).take(MAX_HEAD);
    let mut first = String::new();
    head.read_line(&mut first)?;
    let path = first.split(' ').nth(1).context("a request line")?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        head.read_line(&mut line)?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    ensure!(length <= MAX_BODY, "the body is too large");
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (status, text) = match handler(&path, &String::from_utf8(body)?) {
        Ok(text) => ("200 OK", text),
        Err(error) => ("500 Internal Server Error", format!("{error:#}")),
    };
    let kind = if path == "/" { "text/html" } else { "text/plain" };
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )?;
    Ok(())
}
