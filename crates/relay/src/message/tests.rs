use proptest::prelude::*;

use super::attribute::{
    DATA, LIFETIME, NONCE, REALM, SOFTWARE, USERNAME, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS,
};
use super::*;
use crate::credential::{Credential, Secret};

const TRANSACTION: Transaction =
    Transaction([0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE]);

fn request() -> Builder {
    Builder::new(Class::Request, Method::Allocate, TRANSACTION)
}

fn key() -> Key {
    Credential::issue(&Secret::new("secret"), 1, "alice").key("realm")
}

/// RFC 5769 §2.4, with long-term authentication; its transaction id is one of its own.
#[test]
fn the_sample_request_of_rfc_5769_verifies() {
    let text = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aa\
        e38383e382afe382b90000 0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341\
        0014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Request, Method::Binding));
    let username = "マトリックス";
    assert_eq!(message.find(USERNAME), Some(username.as_bytes()));
    assert_eq!(message.find(REALM), Some(&b"example.org"[..]));
    assert_eq!(message.find(NONCE).map(<[u8]>::len), Some(28));
    let password = "TheMatrIX".to_owned();
    let good = Credential { username: username.to_owned(), password };
    assert!(message.verify(&good.key("example.org")));
    assert!(!message.verify(&good.key("example.com")));
    let mut changed = bytes;
    changed[30] ^= 1;
    assert!(!Message::parse(&changed).unwrap().verify(&good.key("example.org")));
}

#[test]
fn addresses_are_hidden_as_in_rfc_5769() {
    let check = |address: &str, expected: &[u8]| {
        let address = address.parse().unwrap();
        let bytes = request().xor_address(XOR_MAPPED_ADDRESS, address).finish();
        assert_eq!(bytes.get(24..).unwrap(), expected);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.address(XOR_MAPPED_ADDRESS), Ok(Some(address)));
    };
    check("192.0.2.1:32853", &[0, 1, 0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43]);
    check(
        "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
        &[
            0x00, 0x02, 0xA1, 0x47, 0x01, 0x13, 0xA9, 0xFA, 0xA5, 0xD3, 0xF1, 0x79, 0xBC, 0x25,
            0xF4, 0xB5, 0xBE, 0xD2, 0xB9, 0xD9,
        ],
    );
}

#[test]
fn what_follows_the_integrity_does_not_count() {
    let bytes = request()
        .number(LIFETIME, 7)
        .integrity(&key())
        .attribute(DATA, b"added")
        .fingerprint()
        .finish();
    let message = Message::parse(&bytes).unwrap();
    assert!(message.verify(&key()) && message.has_fingerprint());
    assert_eq!(message.number(LIFETIME), Ok(Some(7)));
    assert_eq!(message.find(DATA), None);
}

#[test]
fn broken_messages_are_refused() {
    let check = |expected: ParseError, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes =
            request().attribute(SOFTWARE, b"abc").integrity(&key()).fingerprint().finish();
        assert!(Message::parse(&bytes).is_ok());
        change(&mut bytes);
        assert_eq!(Message::parse(&bytes), Err(expected), "{bytes:02x?}");
    };
    check(ParseError::NotStun, &|m| m.clear());
    check(ParseError::NotStun, &|m| m.truncate(19));
    check(ParseError::NotStun, &|m| m.push(0));
    check(ParseError::NotStun, &|m| m[0] = 0x40);
    check(ParseError::NotStun, &|m| m[3] += 4);
    check(ParseError::NotStun, &|m| m[4] ^= 1);
    check(ParseError::UnknownMethod, &|m| m[1] = 2);
    check(ParseError::BrokenAttribute, &|m| m[23] = 200);
    check(ParseError::BrokenAttribute, &|m| m[31] = 16);
    check(ParseError::WrongFingerprint, &|m| m[8] ^= 1);
    check(ParseError::WrongFingerprint, &|m| *m.last_mut().unwrap() ^= 1);
}

#[test]
fn a_fingerprint_is_the_last_attribute() {
    let check = |after: &[u8], expected| {
        let mut bytes = request().finish();
        bytes[3] = 8 + u8::try_from(after.len()).unwrap();
        let value = fingerprint(&bytes).to_be_bytes();
        bytes.extend([&b"\x80\x28\0\x04"[..], &value, after].concat());
        assert_eq!(Message::parse(&bytes).map(|message| message.has_fingerprint()), expected);
    };
    check(b"", Ok(true));
    check(b"\x80\x22\0\0", Err(ParseError::WrongFingerprint));
}

#[test]
fn values_of_the_wrong_length_are_no_values() {
    let bytes = request()
        .attribute(LIFETIME, &[0; 3])
        .attribute(XOR_PEER_ADDRESS, &[0, 1, 0, 0, 0, 0, 0])
        .attribute(XOR_PEER_ADDRESS, &[0, 2, 0, 0, 0, 0, 0, 0])
        .attribute(XOR_PEER_ADDRESS, &[0; 21])
        .finish();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.number(LIFETIME), Err(ParseError::BrokenAttribute));
    assert!(message.addresses(XOR_PEER_ADDRESS).all(|address| address.is_err()));
    assert_eq!(message.address(XOR_MAPPED_ADDRESS), Ok(None));
}

#[test]
fn an_error_has_a_code_and_words() {
    let bytes = request().error(438, "Stale Nonce").finish();
    assert_eq!(Message::parse(&bytes).unwrap().error(), Some((438, "Stale Nonce")));
    assert_eq!(bytes.get(24..28), Some(&[0, 0, 4, 38][..]));
}

#[test]
fn a_message_too_long_for_its_length_is_refused() {
    let bytes = request().attribute(DATA, &[0; 70_000]).finish();
    assert_eq!(Message::parse(&bytes), Err(ParseError::NotStun));
}

fn class() -> impl Strategy<Value = Class> {
    use Class::{Error, Indication, Request, Success};
    prop::sample::select(vec![Request, Indication, Success, Error])
}

fn method() -> impl Strategy<Value = Method> {
    use Method::{Allocate, Binding, ChannelBind, CreatePermission, Data, Refresh, Send};
    let all = [Binding, Allocate, Refresh, Send, Data, CreatePermission, ChannelBind];
    prop::sample::select(all.to_vec())
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        class in class(),
        method in method(),
        transaction in any::<[u8; 12]>(),
        attributes in prop::collection::vec(
            (0x0100u16..0x8028, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        signed in any::<bool>(),
        with_fingerprint in any::<bool>(),
    ) {
        let mut builder = Builder::new(class, method, Transaction(transaction));
        for (kind, value) in &attributes {
            builder = builder.attribute(*kind, value);
        }
        if signed {
            builder = builder.integrity(&key());
        }
        if with_fingerprint {
            builder = builder.fingerprint();
        }
        let bytes = builder.finish();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!((message.class(), message.method()), (class, method));
        prop_assert_eq!(message.transaction().0, transaction);
        prop_assert_eq!(message.has_fingerprint(), with_fingerprint);
        prop_assert_eq!(message.verify(&key()), signed);
        let found: Vec<_> = message.attributes().map(|(k, v)| (k, v.to_vec())).collect();
        prop_assert_eq!(found, attributes);
    }

    #[test]
    fn addresses_survive(ip in any::<std::net::IpAddr>(), port in any::<u16>()) {
        prop_assume!(ip.to_canonical() == ip);
        let address = SocketAddr::new(ip, port);
        let bytes = request().xor_address(XOR_PEER_ADDRESS, address).finish();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.address(XOR_PEER_ADDRESS), Ok(Some(address)));
    }

    #[test]
    fn no_bytes_break_the_reader(
        head in any::<bool>(),
        kind in 0u16..0x0200,
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if head {
            let length = length_field(bytes.len());
            let header = [&kind.to_be_bytes()[..], &length, &MAGIC_COOKIE, &[7; 12]].concat();
            bytes.splice(0..0, header);
        }
        if let Ok(message) = Message::parse(&bytes) {
            prop_assert!(message.attributes().map(|(_, value)| value.len()).sum::<usize>() < 200);
            let _ = (message.error(), message.verify(&key()), message.number(LIFETIME));
            prop_assert!(message.addresses(XOR_PEER_ADDRESS).count() < 50);
        }
    }
}
