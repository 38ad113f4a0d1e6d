//! What is authentic and yet against the rules is refused, in bounded memory.

use tincan_backup::{Decoder, Encoder, Malformed, Record, Unfit};
use tincan_engine::{Delivery, MessageView};

use crate::samples::{all, contact, installation, log, message, text, user};

fn encode(records: &[Record]) -> Vec<u8> {
    let (mut encoder, mut bytes) = (Encoder::default(), Vec::new());
    records.iter().for_each(|record| encoder.push(record, &mut bytes).unwrap());
    bytes
}

fn decode(bytes: &[u8]) -> Result<Vec<Record>, Malformed> {
    let (mut decoder, mut records) = (Decoder::default(), Vec::new());
    decoder.push(bytes);
    while let Some(record) = decoder.next()? {
        records.push(record);
    }
    if decoder.is_between_records() { Ok(records) } else { Err(Malformed("the end")) }
}

/// An installation, and this record after it.
fn after(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = encode(&[installation()]);
    bytes.push(kind);
    let mut length = body.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn the_installation_comes_first_and_once() {
    let (first, other) = (installation(), Record::Contact(contact(2)));
    let mut encoder = Encoder::default();
    assert_eq!(encoder.push(&other, &mut Vec::new()), Err(Unfit::Order));
    let mut bytes = Vec::new();
    encoder.push(&first, &mut bytes).unwrap();
    assert_eq!(encoder.push(&first, &mut Vec::new()), Err(Unfit::Order));
    let twice = [&bytes[..], &bytes].concat();
    assert_eq!(decode(&twice).unwrap_err(), Malformed("the order of the records"));
    let body = &encode(&[first, other])[bytes.len()..];
    assert_eq!(decode(body).unwrap_err(), Malformed("the order of the records"));
    assert_eq!(decode(b"").unwrap_err(), Malformed("the end"));
}

#[test]
fn a_message_needs_its_log() {
    let own = log(2, true, "ownlog00", &[], 0);
    let mut encoder = Encoder::default();
    encoder.push(&installation(), &mut Vec::new()).unwrap();
    let alone = Record::Message(message(&own, 1, text(), false));
    assert_eq!(encoder.push(&alone, &mut Vec::new()), Err(Unfit::NoLog));
    encoder.push(&Record::Log(own.clone()), &mut Vec::new()).unwrap();
    assert_eq!(encoder.push(&Record::Log(own), &mut Vec::new()), Err(Unfit::LogTwice));
    encoder.push(&alone, &mut Vec::new()).unwrap();
    assert_eq!(decode(&after(8, &[0; 40])).unwrap_err(), Malformed("the log of a message"));
}

#[test]
fn messages_have_bounds() {
    let own = log(2, true, "ownlog00", &[], 0);
    let good = message(&own, 1, text(), false);
    let theirs = log(2, false, "theirlog", &[], 0);
    for bad in [
        MessageView { s: 0, ..good.clone() },
        MessageView { s: (1 << 53) + 1, ..good.clone() },
        MessageView { h: 1 << 53, ..good.clone() },
        MessageView { timestamp: u64::MAX, ..good.clone() },
        MessageView { content: "x".repeat(16 * 1024 + 1), ..good.clone() },
        MessageView { state: Delivery::Failed, ..message(&theirs, 1, text(), false) },
    ] {
        let mut encoder = Encoder::default();
        let mut bytes = Vec::new();
        for record in [installation(), Record::Log(own.clone()), Record::Log(theirs.clone())] {
            encoder.push(&record, &mut bytes).unwrap();
        }
        let length = bytes.len();
        assert!(encoder.push(&Record::Message(bad), &mut bytes).is_err());
        assert_eq!(bytes.len(), length, "nothing of it was written");
        encoder.push(&Record::Message(good.clone()), &mut bytes).unwrap();
        assert!(decode(&bytes).is_ok());
    }
}

#[test]
fn lengths_are_bounded_before_anything_is_kept() {
    for length in [&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0x80, 0x80, 0x06]] {
        let mut bytes = encode(&[installation()]);
        bytes.push(8);
        bytes.extend_from_slice(length);
        assert_eq!(decode(&bytes).unwrap_err(), Malformed("a record's length"));
    }
}

#[test]
fn records_have_exactly_their_length() {
    let mut body = [&user(2).as_bytes()[..], &[0], b"ownlog00", &[0, 0]].concat();
    assert!(decode(&after(7, &body)).is_ok());
    body.push(0);
    assert_eq!(decode(&after(7, &body)).unwrap_err(), Malformed("the length of a record"));
    body.truncate(20);
    assert_eq!(decode(&after(7, &body)).unwrap_err(), Malformed("the length of a record"));
    assert_eq!(decode(&after(9, b"")).unwrap_err(), Malformed("the kind of a record"));
    assert_eq!(decode(&after(0, b"")).unwrap_err(), Malformed("the kind of a record"));
}

#[test]
fn ranges_have_one_form_and_a_bound() {
    let body = |ranges: &[u8]| [&user(2).as_bytes()[..], &[0], b"ownlog00", &[0], ranges].concat();
    let check = |ranges: &[u8]| decode(&after(7, &body(ranges)));
    assert!(check(&[2, 1, 4, 2, 0]).is_ok(), "1..=5 and 7");
    assert_eq!(check(&[2, 1, 4, 1, 0]).unwrap_err(), Malformed("a position"), "they touch");
    assert_eq!(check(&[1, 0, 4]).unwrap_err(), Malformed("a position"), "there is no 0");
    let far = [1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    assert_eq!(check(&far).unwrap_err(), Malformed("a position"));
    assert_eq!(check(&[0x81, 0x20]).unwrap_err(), Malformed("the number of gaps in a log"));
}

#[test]
fn a_log_of_most_gaps_fits_into_a_record() {
    let start = (1 << 53) - 3 * 4_096;
    let ranges: Vec<_> = (0..4_096).map(|index| (start + 3 * index, start + 3 * index)).collect();
    let most = log(2, true, "ownlog00", &ranges, 0);
    let records = [installation(), Record::Log(most)];
    assert_eq!(decode(&encode(&records)).unwrap(), records);
    let spread: Vec<_> = (1..=4_096).map(|index| ((index << 41) - 9, (index << 41) - 8)).collect();
    let records = [installation(), Record::Log(log(2, false, "theirlog", &spread, 1 << 53))];
    assert_eq!(decode(&encode(&records)).unwrap(), records);
}

#[test]
fn texts_are_what_their_type_allows() {
    let bad_name = [&user(6).as_bytes()[..], &[4], b"E\x1bve", &[1; 36], &[0, 0]].concat();
    assert_eq!(decode(&after(3, &bad_name)).unwrap_err(), Malformed("a name"));
    let no_text = [&user(6).as_bytes()[..], &[1, 0xff]].concat();
    assert_eq!(decode(&after(3, &no_text)).unwrap_err(), Malformed("a text"));
    assert_eq!(decode(&after(3, &[0; 32])).unwrap_err(), Malformed("a user id"));
    let Record::Installation(mut with_space) = installation() else { panic!("it is one") };
    with_space.hub = Some("https://a b".to_owned());
    let record = Record::Installation(with_space);
    let refused = Encoder::default().push(&record, &mut Vec::new());
    assert_eq!(refused, Err(Unfit::Senseless("an address")));
}

#[test]
fn every_beginning_of_the_records_is_unfinished_or_between_two() {
    let records = all();
    let bytes = encode(&records);
    let mut ends = 0;
    for length in 0..bytes.len() {
        ends += usize::from(decode(&bytes[..length]).is_ok());
    }
    assert_eq!(ends, records.len() - 1);
}
