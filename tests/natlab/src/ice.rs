//! What the hub's `POST /ice` offers (protocol §10), asked with an access token of our own (§9).

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use tincan_wire::{AccessClaims, AccessToken, DeviceId, Identity, client_id};

use crate::hub::Hub;
use crate::plan::server4;

const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const MAX_ANSWER: u64 = 64 * 1024;

/// All URLs that it names. To be called on a machine that reaches the server.
pub(crate) fn urls() -> Result<Vec<String>, String> {
    let challenge = fetch("GET /challenge HTTP/1.1\r\n")?;
    let now = challenge["now"].as_u64().ok_or("the challenge has no time")? / 1000;
    let text = |key: &str| challenge[key].as_str().unwrap_or_default().to_owned();
    let own = Identity::from_seed([7; 32]);
    let claims = AccessClaims {
        sub: own.user_id(),
        aud: text("aud"),
        cid: client_id(&DeviceId([7; 8])),
        iat: now,
        exp: now + 60,
        nonce: text("nonce"),
    };
    let token = AccessToken::issue(&own, &claims);
    let head =
        format!("POST /ice HTTP/1.1\r\nauthorization: Bearer {token}\r\ncontent-length: 0\r\n");
    let answer = fetch(&head)?;
    let servers = answer["iceServers"].as_array().ok_or("the hub names no servers")?;
    let urls = servers.iter().flat_map(|server| match &server["urls"] {
        Value::Array(urls) => urls.clone(),
        one => vec![one.clone()],
    });
    Ok(urls.filter_map(|url| url.as_str().map(str::to_owned)).collect())
}

/// Whether it has something at this path.
pub(crate) fn has(path: &str) -> Result<bool, String> {
    let answer = ask(&format!("GET {path} HTTP/1.1\r\n"))?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

fn fetch(head: &str) -> Result<Value, String> {
    let answer = ask(head)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("the hub does not speak HTTP")?;
    serde_json::from_str(body).map_err(|error| format!("{error}: {answer}"))
}

fn ask(head: &str) -> Result<String, String> {
    let [server, _]: [Ipv4Addr; 2] = server4();
    let told = |error: std::io::Error| format!("the hub at {server}: {error}");
    let mut stream = TcpStream::connect((server, Hub::PORT)).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    write!(stream, "{head}host: {server}\r\nconnection: close\r\n\r\n").map_err(told)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).map_err(told)?;
    Ok(answer)
}
