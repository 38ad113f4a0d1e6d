//! The strict reader.

use proptest::prelude::*;
use tincan_wire::json::{JsonError, MAX_DEPTH, Object, Value};

fn check(text: &str, expected: JsonError) {
    assert_eq!(Value::parse(text.as_bytes()), Err(expected), "{text}");
}

#[test]
fn duplicate_keys_are_refused_at_every_level() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"{"x":{"a":1,"a":1}}"#,
        r#"[{"y":[{"":1,"":1}]}]"#,
    ] {
        check(text, JsonError::DuplicateKey);
    }
    let many: Vec<String> = (0..100).map(|key| format!("\"k{key}\":0")).collect();
    assert!(Value::parse(format!("{{{}}}", many.join(",")).as_bytes()).is_ok());
    check(&format!("{{{},\"k7\":0}}", many.join(",")), JsonError::DuplicateKey);
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Value::parse(nested(usize::from(MAX_DEPTH)).as_bytes()).is_ok());
    check(&nested(usize::from(MAX_DEPTH) + 1), JsonError::TooDeep);
    check(&"[".repeat(60_000), JsonError::TooDeep);
    check(&"{\"a\":".repeat(9), JsonError::TooDeep);
}

#[test]
fn only_one_value_of_json_is_read() {
    for text in
        ["", " ", "{", "{}{}", "{} x", "{a:1}", "{'a':1}", "[1,]", "nul", "\u{feff}{}", "01"]
    {
        check(text, JsonError::Syntax);
    }
    check("\"\\ud800\"", JsonError::Syntax);
    assert_eq!(Value::parse(b"\"\xff\""), Err(JsonError::NotUtf8));
    assert_eq!(Object::parse(b"[]"), Err(JsonError::NotAnObject));
    assert!(Value::parse(b" {\"a\" : [ ] } \n").is_ok());
}

#[test]
fn integers_are_exact_or_refused() {
    let read = |number: &str| {
        let text = format!("{{\"n\":{number}}}");
        Object::parse(text.as_bytes()).and_then(|mut object| object.integer("n"))
    };
    assert_eq!(read("0"), Ok(0));
    assert_eq!(read("9007199254740992"), Ok(1 << 53));
    for number in ["9007199254740993", "-1", "1.0", "1e3", "-0", "99999999999999999999999", "\"1\""]
    {
        assert_eq!(read(number), Err(JsonError::BadField("n")), "{number}");
    }
    assert_eq!(read("null"), Err(JsonError::Missing("n")));
}

#[test]
fn each_type_is_itself_only() {
    let object = || Object::parse(br#"{"s":"x","b":true,"a":[],"o":{},"z":null}"#).expect("reads");
    assert_eq!(object().string("s").expect("a string"), "x");
    assert_eq!(object().string("b"), Err(JsonError::BadField("b")));
    assert_eq!(object().boolean("b"), Ok(true));
    assert_eq!(object().boolean("none"), Err(JsonError::Missing("none")));
    assert_eq!(object().flag("none"), Ok(false));
    assert_eq!(object().flag("z"), Ok(false));
    assert_eq!(object().flag("s"), Err(JsonError::BadField("s")));
    assert_eq!(object().array("o"), Err(JsonError::BadField("o")));
    assert_eq!(object().object("a"), Err(JsonError::BadField("a")));
    assert_eq!(object().object("none"), Ok(None));
    assert_eq!(object().optional_integer("s"), Err(JsonError::BadField("s")));
}

proptest! {
    #[test]
    fn agrees_with_serde_json(text in r#"[\[\]{},:"a-c0-9\\ u]{0,40}"#) {
        let ours = Value::parse(text.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match ours {
            Ok(_) => prop_assert!(theirs.is_ok()),
            Err(JsonError::Syntax) => prop_assert!(theirs.is_err()),
            Err(_) => {}
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        let _ = Value::parse(&bytes);
    }
}
