//! Frames of the chat channel, from user 1 to user 2 (protocol §5).

use serde_json::{Value, json};
use tincan_wire::{FrameCodec, FrameError};

use super::{refused, signals, user};

pub(super) fn frames() -> Value {
    let (from, to) = (user(1).user_id(), user(2).user_id());
    let (sender, receiver) = (FrameCodec::new(from, to), FrameCodec::new(to, from));
    let valid: Value = valid()
        .into_iter()
        .map(|text| {
            let frame = receiver.decode(text.as_bytes()).expect("a valid frame");
            json!({ "json": text, "read_as": sender.encode(&frame).expect("encodes") })
        })
        .collect();
    let parse = |text: &str| receiver.decode(text.as_bytes());
    let invalid = refused("json", wrong(), parse, FrameError::reason);
    json!({ "from": from, "to": to, "valid": valid, "invalid": invalid })
}

const X: &str = r#"{"lg":"k3m9x2ap","s":42,"h":1763792787123}"#;
const REF_X: &str =
    r#"{"lg":"k3m9x2ap","s":43,"h":1763792787124,"ref":"019aaa32-1400-7101-8101-010101010101"}"#;

fn message(kind: &str, content: &str, timestamp: &str, x: &str) -> String {
    let (from, to) = (user(1).user_id(), user(2).user_id());
    format!(
        r#"{{"id":"019aaa3e-16b3-7707-8707-070707070707","from":"{from}","to":"{to}","content":{content},"timestamp":{timestamp},"type":"{kind}","x":{x}}}"#
    )
}

const NOW: &str = "1763792787123";

fn text() -> String {
    message("text", "\"Hello\"", NOW, X)
}

fn valid() -> Vec<String> {
    let sig = "A".repeat(86);
    let sid = signals::session().sid;
    let restart = signals::bodies().swap_remove(0).to_json();
    let more = signals::bodies().swap_remove(3).to_json();
    vec![
        text(),
        message("text", r#""\u0022 \\ \u00e9 \ud83d\udc4b / \n""#, NOW, X),
        message("text", "\"seconds\"", "1763792787", X),
        message("text", "\"plain\"", NOW, "null"),
        message("text", "\"newer\"", NOW, r#"{"later":[{"a":1}]}"#),
        message("text", "\"Yes\"", NOW, REF_X),
        message("edit", "\"Hello!\"", NOW, REF_X),
        message("delete", "\"\"", NOW, REF_X),
        message("react", "\"👍\"", NOW, REF_X),
        format!(r#"{{"type":"batch","m":[{},{}]}}"#, text(), text()),
        format!(
            r#"{{"type":"hello","v":1,"sid":"{sid}","sig":"{sig}","caps":["file"],"max":65536}}"#
        ),
        r#"{"type":"sync","have":{"k3m9x2ap":[[1,42],[44,45]]},"sent":{"k3m9x2ap":118}}"#
            .to_owned(),
        r#"{"type":"sync","have":{"k3m9x2ap":[[1,2],[3,4]]}}"#.to_owned(),
        r#"{"type":"ack","lg":"k3m9x2ap","to":42,"sel":[44,45]}"#.to_owned(),
        r#"{"type":"ack","lg":"k3m9x2ap","to":0,"sel":[]}"#.to_owned(),
        r#"{"type":"read","lg":"k3m9x2ap","to":42,"new":true}"#.to_owned(),
        r#"{"type":"typing","on":true}"#.to_owned(),
        r#"{"type":"ping"}"#.to_owned(),
        r#"{"type":"pong"}"#.to_owned(),
        r#"{"type":"gone","lg":"k3m9x2ap","s":[[43,43],[50,60]]}"#.to_owned(),
        format!(r#"{{"type":"signal","b":{restart}}}"#),
        format!(r#"{{"type":"signal","b":{more}}}"#),
        r#"{"type":"bye","why":"idle"}"#.to_owned(),
    ]
}

fn wrong() -> Vec<String> {
    let (from, to) = (user(1).user_id().to_string(), user(2).user_id().to_string());
    let third = user(3).user_id().to_string();
    let heartbeat = signals::bodies().swap_remove(10).to_json();
    let long = format!("\"{}\"", "x".repeat(16 * 1024 + 1));
    let many: Vec<String> = (0..257).map(|at| at.to_string()).collect();
    let gone = |s: &str| format!(r#"{{"type":"gone","lg":"k3m9x2ap","s":{s}}}"#);
    vec![
        String::new(),
        "[]".to_owned(),
        r#"{"type":"wave"}"#.to_owned(),
        r#"{"typ":"text"}"#.to_owned(),
        text().replacen(&from, &third, 1),
        text().replacen(&to, &third, 1),
        format!(r#"{{"type":"batch","m":[{},{}]}}"#, text(), text().replacen(&from, &to, 1)),
        r#"{"type":"batch","m":[]}"#.to_owned(),
        text().replacen("\"s\":42", "\"s\":42,\"s\":43", 1),
        text().replacen("\"s\":42", "\"s\":0", 1),
        text().replacen("\"s\":42,", "", 1),
        text().replacen("\"h\":1763792787123", "\"h\":9007194959773697", 1),
        text().replacen("k3m9x2ap", "K3M9X2AP", 1),
        text().replacen("-7707-", "-4707-", 1),
        message("edit", "\"x\"", NOW, X),
        message("text", "\"x\"", "1.5", X),
        message("text", "\"\\ud800\"", NOW, X),
        message("text", &long, NOW, X),
        gone("[[0,1]]"),
        gone("[[2,1]]"),
        gone("[[1,2],[2,3]]"),
        format!(r#"{{"type":"ack","lg":"k3m9x2ap","to":1,"sel":[{}]}}"#, many.join(",")),
        format!(r#"{{"type":"signal","b":{heartbeat}}}"#),
        format!(r#"{{"type":"bye","why":"{}"}}"#, "x".repeat(33)),
        r#"{"type":"hello","v":2,"sid":"","sig":"","max":0}"#.to_owned(),
    ]
}
