//! Signal bodies (protocol §4).

use proptest::prelude::*;
use tincan_wire::json::JsonError;
use tincan_wire::{Body, Candidate, Signal, SignalError};

use crate::samples::{alice, any_body, bob, bodies, candidate, session, signal};

fn refuse(json: &str, expected: SignalError) {
    assert_eq!(Signal::parse(json.as_bytes()), Err(expected), "{json}");
}

fn heartbeat_json() -> String {
    signal(Body::Heartbeat { n: 7, re: true }).to_json()
}

#[test]
fn every_leaf_round_trips() {
    for body in bodies() {
        let signal = signal(body);
        assert_eq!(Signal::parse(signal.to_json().as_bytes()), Ok(signal));
    }
}

#[test]
fn the_wire_forms_stay_as_they_are() {
    let forms: Vec<String> = bodies().into_iter().map(|body| signal(body).to_json()).collect();
    insta::assert_snapshot!(forms.join("\n"));
}

#[test]
fn unknown_fields_are_ignored() {
    let json = heartbeat_json().replacen("{\"v\":1", "{\"new\":[{}],\"v\":1", 1);
    assert_eq!(Signal::parse(json.as_bytes()), Ok(signal(Body::Heartbeat { n: 7, re: true })));
}

#[test]
fn a_missing_flag_is_false_and_null_is_missing() {
    let json = heartbeat_json().replace(",\"re\":true", "");
    assert_eq!(Signal::parse(json.as_bytes()), Ok(signal(Body::Heartbeat { n: 7, re: false })));
    let json = signal(Body::IceCandidate {
        session: session(),
        candidates: vec![Candidate { sdp_mid: None, sdp_mline_index: None, ..candidate() }],
        eoc: false,
    });
    let browser =
        json.to_json().replace("host\"}", "host\",\"sdpMid\":null,\"usernameFragment\":null}");
    assert_eq!(Signal::parse(browser.as_bytes()), Ok(json));
}

#[test]
fn unknown_leaves_and_versions_are_named() {
    refuse(&heartbeat_json().replace("\"heartbeat\"", "\"mail\""), SignalError::UnknownLeaf);
    refuse(&heartbeat_json().replace("\"v\":1", "\"v\":2"), SignalError::WrongVersion(2));
}

#[test]
fn missing_and_wrong_fields_are_named() {
    for field in ["v", "t", "from", "to", "dev", "ep", "seq", "n"] {
        let missing = heartbeat_json().replacen(&format!("\"{field}\":"), "\"other\":", 1);
        refuse(&missing, JsonError::Missing(field).into());
        let wrong = heartbeat_json().replacen(&format!("\"{field}\":"), "\"zz\":1,\"zz\":", 1);
        refuse(&wrong, JsonError::DuplicateKey.into());
    }
    let wrong_from = heartbeat_json().replacen("\"from\":\"tin1", "\"from\":\"tin2", 1);
    refuse(&wrong_from, JsonError::BadField("from").into());
    let ep = heartbeat_json().replacen("\"ep\":1763792787123", "\"ep\":9007199254740993", 1);
    refuse(&ep, JsonError::BadField("ep").into());
}

#[test]
fn a_signal_to_oneself_is_refused() {
    let (from, to) = (alice().user_id().to_string(), bob().user_id().to_string());
    refuse(&heartbeat_json().replace(&to, &from), SignalError::FromSelf);
}

#[test]
fn bounds_hold_for_both_directions() {
    let with = |edit: &dyn Fn(&mut Body)| {
        let mut body = bodies().swap_remove(0);
        edit(&mut body);
        signal(body)
    };
    let description = |edit: fn(&mut tincan_wire::Description)| {
        with(&move |body| {
            if let Body::Offer { description, .. } = body {
                edit(description);
            }
        })
    };
    let cases = [
        (description(|d| d.sdp = "x".repeat(8193)), "sdp"),
        (description(|d| d.caps = vec!["x".to_owned(); 17]), "caps"),
        (description(|d| d.caps = vec!["x".repeat(33)]), "caps"),
        (description(|d| d.caps = vec![String::new()]), "caps"),
        (candidates(vec![candidate(); 33]), "c"),
        (candidates(vec![Candidate { candidate: "x".repeat(513), ..candidate() }]), "candidate"),
        (candidates(vec![Candidate { candidate: "x\n".to_owned(), ..candidate() }]), "candidate"),
        (candidates(vec![Candidate { sdp_mid: Some("x".repeat(33)), ..candidate() }]), "sdpMid"),
        (signal(Body::Heartbeat { n: (1 << 53) + 1, re: false }), "n"),
        (Signal { seq: (1 << 53) + 1, ..signal(Body::Heartbeat { n: 1, re: false }) }, "seq"),
    ];
    for (signal, field) in cases {
        assert_eq!(signal.check(), Err(SignalError::OutOfBounds(field)));
        assert!(Signal::parse(signal.to_json().as_bytes()).is_err(), "{field}");
    }
}

fn candidates(candidates: Vec<Candidate>) -> Signal {
    signal(Body::IceCandidate { session: session(), candidates, eoc: false })
}

#[test]
fn a_prekey_with_the_identitys_name_is_refused() {
    let json = signal(bodies().swap_remove(3)).to_json().replace("abcd0001", "00000000");
    refuse(&json, JsonError::BadField("k").into());
}

#[test]
fn names_arrive_clean() {
    let json = signal(bodies().swap_remove(4)).to_json().replace("Bo ", "\\u202eBo\\n ");
    let parsed = Signal::parse(json.as_bytes()).expect("reads");
    assert_eq!(parsed.body, bodies().swap_remove(4));
}

proptest! {
    #[test]
    fn round_trips(body in any_body()) {
        let signal = signal(body);
        prop_assert_eq!(signal.check(), Ok(()));
        prop_assert_eq!(Signal::parse(signal.to_json().as_bytes()), Ok(signal.clone()));
        prop_assert_eq!(Body::parse(signal.body.to_json().as_bytes()), Ok(signal.body));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(Signal::parse(&bytes).is_err());
        prop_assert!(Body::parse(&bytes).is_err());
    }

    #[test]
    fn damaged_signals_never_panic(body in any_body(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut json = signal(body).to_json().into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(parsed) = Signal::parse(&json) {
            prop_assert_eq!(parsed.check(), Ok(()));
        }
    }
}
