use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::dial::TlsSettings;

/// Answers each connection with the same bytes, and checks what it is asked.
async fn hub(request: &'static str, answer: impl Into<Vec<u8>>) -> HubClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let answer = answer.into();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.contains(request), "{head}");
        // The client may have had enough before all is written.
        let _ = stream.write_all(&answer).await;
    });
    HubClient::new(Dialer::new(TlsSettings::default()), origin)
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn chunked(body: &str) -> Vec<u8> {
    let (a, b) = body.split_at(3);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len()).into_bytes()
}

#[tokio::test]
async fn what_is_public_is_read() {
    let body = r#"{"name":"h","brokers":["mqtt://h:1"],"stun":["stun:h:2"],"stunProbes":["stun:h:3"],"more":1}"#;
    let expected = HubConfig {
        brokers: vec!["mqtt://h:1".into()],
        stun: vec!["stun:h:2".into()],
        stun_probes: vec!["stun:h:3".into()],
    };
    for answer in [ok(body), chunked(body)] {
        let hub = hub("GET /config.json HTTP/1.1\r\n", answer).await;
        assert_eq!(hub.config().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_challenge_is_read() {
    let hub = hub("GET /challenge ", ok(r#"{"nonce":"n","aud":"a","expires_in":60}"#)).await;
    let expected = Challenge { nonce: "n".into(), aud: "a".into(), now: None };
    assert_eq!(hub.challenge().await.unwrap(), expected);
}

fn entry(urls: &[&str], login: Option<(&str, &str)>) -> IceEntry {
    let login = login
        .map(|(username, password)| (username.to_owned(), password.to_owned()))
        .map(|(username, password)| Credential { username, password });
    IceEntry { urls: urls.iter().map(|url| (*url).to_owned()).collect(), login }
}

#[tokio::test]
async fn ice_is_asked_with_the_token_and_gives_servers_with_their_credentials() {
    let body = r#"{"iceServers":[{"urls":["stun:a:1","turn:a:2"],"username":"9:x","credential":"p"},
        {"urls":"stun:b:3"}],"ttl":3600}"#;
    let hub = hub("authorization: Bearer tin1p.x.y\r\n", ok(body)).await;
    let ice = hub.ice("tin1p.x.y").await.unwrap();
    let entries =
        [entry(&["stun:a:1", "turn:a:2"], Some(("9:x", "p"))), entry(&["stun:b:3"], None)];
    assert_eq!((ice.entries.as_slice(), ice.ttl), (&entries[..], Some(3_600)));
}

#[tokio::test]
async fn a_hub_that_leads_to_tls_is_named_with_the_remedy_and_not_followed() {
    let moved = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://h/config.json\r\n\
                 Content-Length: 0\r\n\r\n";
    let error = hub("GET /config.json ", moved).await.config().await.unwrap_err();
    assert!(error.to_string().contains("speaks TLS; write https://"), "{error}");
    let elsewhere = moved.replace("https", "http");
    let error = hub("GET /config.json ", elsewhere).await.config().await.unwrap_err();
    assert!(error.to_string().contains("answered HTTP 308"), "{error}");
}

#[test]
fn of_endless_lists_of_servers_the_first_are_taken() {
    let urls = vec!["stun:a:1"; 5];
    let server = serde_json::json!({ "urls": urls });
    let body = serde_json::json!({ "iceServers": [server, server, server], "stun": urls });
    let ice = Ice::read(body.to_string().as_bytes()).unwrap();
    let count: usize = ice.entries.iter().map(|entry| entry.urls.len()).sum();
    assert_eq!((count, ice.entries.len()), (MAX_ADDRESSES, 2));
}

#[tokio::test]
async fn nonsense_is_an_error_that_names_the_hub() {
    let long = format!(r#"{{"aud":"a","nonce":"{}"}}"#, "n".repeat(600));
    let endless = {
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.resize(200_000, b'x');
        answer
    };
    let long_head = {
        let mut answer = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        answer.resize(200_000, b'x');
        answer
    };
    for (answer, unreadable) in [
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec(), false),
        (b"SSH-2.0-OpenSSH\r\n".to_vec(), true),
        (ok("{}"), true),
        (ok("[]"), true),
        (ok("\u{0}"), true),
        (ok(&long), true),
        (endless, true),
        (long_head, true),
    ] {
        let error = hub("GET ", answer.clone()).await.challenge().await.unwrap_err();
        let text = error.to_string();
        let start = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        assert!(text.starts_with("http://127.0.0.1:"), "{text} for {start:?}");
        assert!(text.ends_with("is it a Tincan hub?"), "{text} for {start:?}");
        assert_eq!(error.is_unreadable(), unreadable, "{text} for {start:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_broken_off_is_said_so() {
    for answer in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"] {
        let error = hub("GET ", answer).await.challenge().await.unwrap_err();
        assert!(matches!(error, HttpError::Broken { .. }), "{error} for {answer:?}");
        assert!(!error.is_unreadable());
    }
}

#[tokio::test]
async fn a_hub_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut dialer = Dialer::new(TlsSettings::default());
    dialer.patience.exchange = std::time::Duration::from_millis(20);
    let hub = HubClient::new(dialer, origin);
    let error = hub.config().await.unwrap_err();
    assert!(matches!(error, HttpError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn no_hub_at_all_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let hub = HubClient::new(Dialer::new(TlsSettings::default()), origin);
    assert!(hub.config().await.unwrap_err().to_string().contains("is the server running?"));
}
