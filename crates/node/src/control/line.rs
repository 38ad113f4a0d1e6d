//! What stands in a line of the control socket.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tincan_engine::{Command, Query};

use crate::request::{RequestError, ShellError};

/// The longest line, in bytes without its end. An answer holds a page of messages; a request
/// holds at most one message of 16 KiB, escaped.
pub(crate) const MAX_REQUEST_BYTES: usize = 128 * 1024;

/// The longest answer a client takes: a page of 1,000 messages of 16 KiB, escaped.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A request, parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Command(Command),
    Query(Query),
    /// Send events from now on, or no more.
    Subscribe(bool),
    Shell(ShellAsk),
}

/// For the shell itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shell", rename_all = "snake_case")]
pub(crate) enum ShellAsk {
    Status,
    SetHub { origin: String },
    Stop,
}

impl Ask {
    /// As a client writes it, without its number.
    pub(crate) fn to_value(&self) -> serde_json::Result<Value> {
        match self {
            Self::Command(command) => serde_json::to_value(command),
            Self::Query(query) => serde_json::to_value(query),
            Self::Subscribe(on) => Ok(serde_json::json!({ "subscribe": on })),
            Self::Shell(ask) => serde_json::to_value(ask),
        }
    }
}

/// The line of a request, without its end.
pub(crate) fn request(id: u64, mut question: Value) -> String {
    if let Value::Object(fields) = &mut question {
        fields.insert("id".to_owned(), id.into());
    }
    question.to_string()
}

/// Reads a request: its number, if it has one, and what it asks.
pub(crate) fn parse(line: &[u8]) -> (Option<u64>, Result<Ask, ShellError>) {
    let mut fields: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(fields) => fields,
        Err(error) => return (None, Err(bad(format!("not a JSON object: {error}")))),
    };
    let id = fields.remove("id").and_then(|id| id.as_u64());
    if id.is_none() {
        return (None, Err(bad("no `id`, which must be a number from 0".to_owned())));
    }
    (id, ask(fields))
}

fn ask(fields: Map<String, Value>) -> Result<Ask, ShellError> {
    fn typed<T: for<'a> Deserialize<'a>>(fields: Map<String, Value>) -> Result<T, ShellError> {
        serde_json::from_value(Value::Object(fields)).map_err(|error| bad(error.to_string()))
    }
    let kinds = ["command", "query", "subscribe", "shell"];
    let mut found = kinds.iter().filter(|kind| fields.contains_key(**kind));
    match (found.next(), found.next()) {
        (Some(&"command"), None) => Ok(Ask::Command(typed(fields)?)),
        (Some(&"query"), None) => Ok(Ask::Query(typed(fields)?)),
        (Some(&"shell"), None) => Ok(Ask::Shell(typed(fields)?)),
        (Some(&"subscribe"), None) => match fields.get("subscribe") {
            Some(Value::Bool(on)) => Ok(Ask::Subscribe(*on)),
            _ => Err(bad("`subscribe` must be true or false".to_owned())),
        },
        _ => Err(bad("one of `command`, `query`, `subscribe`, `shell` is needed".to_owned())),
    }
}

fn bad(reason: String) -> ShellError {
    ShellError::BadRequest { reason }
}

/// The line of an answer, without its end.
pub(crate) fn answer<T: Serialize>(id: Option<u64>, result: Result<&T, &RequestError>) -> String {
    let value = match result {
        Ok(value) => serde_json::to_value(value).map(|value| ("ok", value)),
        Err(error) => error_value(error).map(|value| ("error", value)),
    };
    let mut line = Map::new();
    line.insert("id".to_owned(), id.into());
    match value {
        Ok((key, value)) => line.insert(key.to_owned(), value),
        // None of our types can fail to print; if one does, the asker hears it.
        Err(error) => line.insert("error".to_owned(), error.to_string().into()),
    };
    Value::Object(line).to_string()
}

/// `{"error": "<its name>", …its data, "message": "<words>", "of": "<who says it>"}`.
fn error_value(error: &RequestError) -> serde_json::Result<Value> {
    let (of, mut value) = match error {
        RequestError::Command(error) => ("command", serde_json::to_value(error)?),
        RequestError::Query(error) => ("query", serde_json::to_value(error)?),
        RequestError::Shell(error) => ("shell", serde_json::to_value(error)?),
        RequestError::Closed => ("shell", serde_json::json!({ "error": "closed" })),
    };
    if let Value::Object(fields) = &mut value {
        fields.insert("message".to_owned(), error.to_string().into());
        fields.insert("of".to_owned(), of.into());
    }
    Ok(value)
}

/// The error of an answer, as the client's caller gets it.
pub(crate) fn parse_error(value: Value) -> RequestError {
    let of = value.get("of").and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = value.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    let parsed = match of.as_str() {
        "command" => serde_json::from_value(value).map(RequestError::Command),
        "query" => serde_json::from_value(value).map(RequestError::Query),
        _ if value.get("error").and_then(Value::as_str) == Some("closed") => {
            return RequestError::Closed;
        }
        _ => serde_json::from_value(value).map(RequestError::Shell),
    };
    // A newer node may know errors that this program does not.
    parsed.unwrap_or(RequestError::Shell(ShellError::BadRequest { reason: message }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tincan_engine::CommandError;

    use super::*;
    use crate::store::QueryError;

    fn check(line: &str, id: Option<u64>, expected: Result<Ask, ()>) {
        let (found, ask) = parse(line.as_bytes());
        assert_eq!((found, ask.map_err(drop)), (id, expected), "{line}");
    }

    #[test]
    fn each_kind_of_request_is_read() {
        check(r#"{"id":1,"command":"connect"}"#, Some(1), Ok(Ask::Command(Command::Connect)));
        check(r#"{"query":"summaries","id":2}"#, Some(2), Ok(Ask::Query(Query::Summaries)));
        check(r#"{"id":3,"subscribe":true}"#, Some(3), Ok(Ask::Subscribe(true)));
        check(r#"{"id":4,"shell":"stop"}"#, Some(4), Ok(Ask::Shell(ShellAsk::Stop)));
        let hub = ShellAsk::SetHub { origin: "http://h".to_owned() };
        check(r#"{"id":5,"shell":"set_hub","origin":"http://h"}"#, Some(5), Ok(Ask::Shell(hub)));
    }

    /// The names that a kind of request knows, from the complaint about one that it does not.
    fn known<T: for<'a> Deserialize<'a> + std::fmt::Debug>(kind: &str) -> Vec<String> {
        let line = serde_json::json!({ kind: "no_such" });
        let complaint = serde_json::from_value::<T>(line).unwrap_err().to_string();
        let (_, listed) = complaint.split_once("expected one of ").expect("it lists them");
        listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_document_names_every_command_and_query() {
        let document = include_str!("../../../../docs/control-socket.md");
        let (_, listed) = document.split_once("\nCommands: ").expect("it lists them");
        let (commands, rest) = listed.split_once(" Queries: ").expect("it lists them");
        let (queries, _) = rest.split_once(". ").expect("a sentence ends");
        let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        assert_eq!(sorted(quoted(commands)), sorted(known::<Command>("command")));
        assert_eq!(sorted(quoted(queries)), sorted(known::<Query>("query")));
    }

    #[test]
    fn what_means_nothing_keeps_its_number_if_it_has_one() {
        for line in ["", "{", "[]", "7", "null", r#"{"command":"connect"}"#, r#"{"id":-1}"#] {
            check(line, None, Err(()));
        }
        for rest in [
            r#""command":"no_such""#,
            r#""command":"send_message""#,
            r#""subscribe":1"#,
            r#""query":"summaries","command":"connect""#,
            r#""other":1"#,
        ] {
            check(&format!(r#"{{"id":9,{rest}}}"#), Some(9), Err(()));
        }
    }

    #[test]
    fn errors_come_back_as_they_were() {
        let errors = [
            RequestError::Command(CommandError::UnknownContact),
            RequestError::Command(CommandError::TooManyInvites { limit: 3 }),
            RequestError::Query(QueryError::Limit { max: 1000 }),
            RequestError::Shell(ShellError::Busy),
            RequestError::Closed,
        ];
        for error in errors {
            let line: Value = serde_json::from_str(&answer::<()>(Some(1), Err(&error))).unwrap();
            assert!(line["error"]["message"].as_str().unwrap().len() > 10);
            assert_eq!(parse_error(line["error"].clone()), error);
        }
    }

    #[test]
    fn errors_of_a_newer_node_keep_their_words() {
        let error = serde_json::json!({"error": "new", "of": "command", "message": "do that"});
        assert!(parse_error(error).to_string().contains("do that"));
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in ".{0,200}") {
            let _ = parse(line.as_bytes());
        }
    }
}
