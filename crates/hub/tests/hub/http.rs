//! One HTTP request, by hand, so that headers are what the test says.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::byte_stream::Bytes;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// Sends `method path` with these header lines and reads the answer to its end.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
) -> Reply {
    let stream = TcpStream::connect(address).await.unwrap();
    request_over(stream, address, method, path, headers).await
}

/// The same over a connection that is there.
pub(crate) async fn request_over(
    mut stream: impl Bytes,
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
) -> Reply {
    let mut lines = vec![format!("{method} {path} HTTP/1.1")];
    if !headers.iter().any(|h| h.to_ascii_lowercase().starts_with("host:")) {
        lines.push(format!("Host: {address}"));
    }
    lines.extend(headers.iter().map(|&h| h.to_owned()));
    lines.push("Connection: close\r\n\r\n".to_owned());
    stream.write_all(lines.join("\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Reply {
    request(address, "GET", path, &[]).await
}
