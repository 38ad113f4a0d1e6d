use proptest::prelude::*;

use super::*;

/// The sample request of RFC 5769 §2.1 cut down to what a server without credentials reads: a
/// header and a SOFTWARE attribute.
fn request(attributes: &[(u16, &[u8])], with_fingerprint: bool) -> Vec<u8> {
    let mut body = vec![];
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend(length_of(value.len()));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let extra = if with_fingerprint { 8 } else { 0 };
    let mut message = vec![0, 1];
    message.extend(length_of(body.len() + extra));
    message.extend(MAGIC_COOKIE);
    message.extend(*b"transaction!");
    message.extend(body);
    if with_fingerprint {
        let value = fingerprint(&message).to_be_bytes();
        message.extend(FINGERPRINT.to_be_bytes());
        message.extend([0, 4]);
        message.extend(value);
    }
    message
}

fn from(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

#[test]
fn crc_is_the_usual_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn a_bare_request_gets_the_address_it_came_from() {
    let answer = Request::parse(&request(&[], false)).unwrap().success(from("192.0.2.1:32853"));
    // RFC 5769 §2.2: 192.0.2.1 port 32853 is a1 47 and e1 12 a6 43.
    let expected = [
        &[1, 1, 0, 12][..],
        &MAGIC_COOKIE,
        b"transaction!",
        &[0, 0x20, 0, 8, 0, 1],
        &[0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43],
    ]
    .concat();
    assert_eq!(answer, expected);
}

#[test]
fn an_ipv6_address_is_hidden_with_the_transaction_id() {
    let transaction = [0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE];
    let request = Request { transaction, fingerprint: false };
    let answer = request.success(from("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
    // RFC 5769 §2.3.
    let expected = [
        0x00, 0x02, 0xA1, 0x47, 0x01, 0x13, 0xA9, 0xFA, 0xA5, 0xD3, 0xF1, 0x79, 0xBC, 0x25, 0xF4,
        0xB5, 0xBE, 0xD2, 0xB9, 0xD9,
    ];
    assert_eq!(answer[24..], expected);
    assert_eq!(answer.len(), 44);
}

#[test]
fn a_mapped_address_is_told_as_ipv4() {
    let answer =
        Request::parse(&request(&[], false)).unwrap().success(from("[::ffff:192.0.2.1]:9"));
    assert_eq!(answer.len(), 32);
}

#[test]
fn a_fingerprint_is_answered_with_one() {
    let software: (u16, &[u8]) = (0x8022, b"test");
    let parsed = Request::parse(&request(&[software], true)).unwrap();
    let answer = parsed.success(from("192.0.2.1:1"));
    assert_eq!(answer.len(), 40);
    assert_eq!(answer[3], 20);
    assert_eq!(answer[36..], fingerprint(&answer[..32]).to_be_bytes());
}

#[test]
fn what_is_not_a_plain_request_is_not_answered() {
    let check = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut message = request(&[(0x8022, b"abc")], true);
        assert!(Request::parse(&message).is_some());
        change(&mut message);
        assert_eq!(Request::parse(&message), None, "{message:02x?}");
    };
    check(&|m| m.clear());
    check(&|m| m.truncate(19));
    check(&|m| m.push(0));
    check(&|m| m[0] = 1);
    check(&|m| m[1] = 0x11);
    check(&|m| m[4] ^= 1);
    check(&|m| m[3] += 4);
    check(&|m| m[23] = 200);
    check(&|m| *m.last_mut().unwrap() ^= 1);
    check(&|m| m[8] ^= 1);
    // USERNAME needs understanding; so does CHANGE-REQUEST of RFC 3489.
    assert_eq!(Request::parse(&request(&[(0x0006, b"user")], false)), None);
    assert_eq!(Request::parse(&request(&[(0x0003, &[0, 0, 0, 6])], false)), None);
}

proptest! {
    /// Nothing makes it panic, and nothing gets more than 24 bytes on top of its request.
    #[test]
    fn answers_are_hardly_longer_than_requests(
        head in prop::bool::ANY,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        v6 in prop::bool::ANY,
    ) {
        let mut message = bytes;
        if head {
            let length = length_of(message.len());
            message.splice(0..0, [&[0, 1][..], &length, &MAGIC_COOKIE, &[7; 12]].concat());
        }
        if let Some(parsed) = Request::parse(&message) {
            let address = if v6 { "[2001:db8::1]:1" } else { "192.0.2.1:1" };
            prop_assert!(parsed.success(from(address)).len() <= message.len() + 24);
        }
    }

    /// Optional attributes of any content are stepped over.
    #[test]
    fn optional_attributes_are_ignored(
        attributes in prop::collection::vec(
            (0x8000u16..0x8028, prop::collection::vec(any::<u8>(), 0..20)), 0..5),
        with_fingerprint in prop::bool::ANY,
    ) {
        let attributes: Vec<_> = attributes.iter().map(|(k, v)| (*k, v.as_slice())).collect();
        let parsed = Request::parse(&request(&attributes, with_fingerprint));
        prop_assert_eq!(parsed.map(|r| r.fingerprint), Some(with_fingerprint));
    }
}
