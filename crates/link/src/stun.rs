//! STUN outside the ICE agent (RFC 8489): a probe for the reflexive address of a socket that
//! links share, and the peek that tells which link a datagram is for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attributes looked at in one message; real ones have fewer than ten.
const MAX_ATTRIBUTES: usize = 32;

/// Asks a STUN server under which address it sees this socket. Send [`StunProbe::request`] from
/// the socket, repeat it while unanswered, and show every STUN datagram from that server to
/// [`StunProbe::handle`].
#[derive(Debug, Clone)]
pub struct StunProbe {
    transaction: [u8; 12],
}

impl StunProbe {
    /// A probe with its transaction id, which must be unpredictable.
    pub fn new(transaction: [u8; 12]) -> StunProbe {
        StunProbe { transaction }
    }

    /// The Binding request, 20 bytes, the same for each repetition.
    pub fn request(&self) -> Vec<u8> {
        let mut request = Vec::with_capacity(HEADER);
        request.extend_from_slice(&BINDING_REQUEST);
        request.extend_from_slice(&[0, 0]);
        request.extend_from_slice(&MAGIC_COOKIE);
        request.extend_from_slice(&self.transaction);
        request
    }

    /// The reflexive address, if `data` is the success response to this probe.
    pub fn handle(&self, data: &[u8]) -> Option<SocketAddr> {
        let message = Message::parse(data)?;
        if message.kind != BINDING_SUCCESS || message.transaction != self.transaction {
            return None;
        }
        let xored = message.attribute(XOR_MAPPED_ADDRESS);
        match xored {
            Some(value) => read_address(value, Some(&self.transaction)),
            None => read_address(message.attribute(MAPPED_ADDRESS)?, None),
        }
    }
}

/// Whether a message of the ICE agent asks for an answer.
pub(crate) fn is_request(message: &[u8]) -> bool {
    message.starts_with(&BINDING_REQUEST)
}

/// The fragment of USERNAME that names the receiver of a Binding request, `None` for any other
/// datagram. It is not authenticated: use it to route, not to believe.
pub fn ufrag_of_stun(data: &[u8]) -> Option<&str> {
    let message = Message::parse(data)?;
    if message.kind != BINDING_REQUEST {
        return None;
    }
    let username = std::str::from_utf8(message.attribute(USERNAME)?).ok()?;
    username.split_once(':').map(|(receiver, _)| receiver)
}

/// Whether a datagram's first byte says STUN (RFC 7983 §7).
pub(crate) fn looks_like_stun(data: &[u8]) -> bool {
    data.first().is_some_and(|byte| *byte < 4)
}

struct Message<'a> {
    kind: [u8; 2],
    transaction: [u8; 12],
    attributes: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(data: &'a [u8]) -> Option<Message<'a>> {
        let (header, attributes) = data.split_at_checked(HEADER)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[4..8] != MAGIC_COOKIE || length != attributes.len() || length % 4 != 0 {
            return None;
        }
        Some(Message {
            kind: [header[0], header[1]],
            transaction: header[8..20].try_into().ok()?,
            attributes,
        })
    }

    fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = self.attributes;
        for _ in 0..MAX_ATTRIBUTES {
            let (head, body) = rest.split_at_checked(4)?;
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = body.get(..length)?;
            if u16::from_be_bytes([head[0], head[1]]) == wanted {
                return Some(value);
            }
            rest = body.get(length.next_multiple_of(4)..)?;
        }
        None
    }
}

/// MAPPED-ADDRESS or, with the transaction, XOR-MAPPED-ADDRESS (RFC 8489 §14.1, §14.2).
fn read_address(value: &[u8], transaction: Option<&[u8; 12]>) -> Option<SocketAddr> {
    let (head, address) = value.split_at_checked(4)?;
    let mut mask = [0u8; 16];
    if let Some(transaction) = transaction {
        mask[..4].copy_from_slice(&MAGIC_COOKIE);
        mask[4..].copy_from_slice(transaction);
    }
    let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
    let ip: IpAddr = match head[1] {
        1 => {
            let bytes: [u8; 4] = address.try_into().ok()?;
            Ipv4Addr::from(std::array::from_fn::<u8, 4, _>(|i| bytes[i] ^ mask[i])).into()
        }
        2 => {
            let bytes: [u8; 16] = address.try_into().ok()?;
            Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|i| bytes[i] ^ mask[i])).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: [u8; 2], transaction: [u8; 12], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in attributes {
            body.extend_from_slice(&name.to_be_bytes());
            body.extend_from_slice(&(value.len() as u16).to_be_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut out = kind.to_vec();
        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
        out.extend_from_slice(&MAGIC_COOKIE);
        out.extend_from_slice(&transaction);
        out.extend_from_slice(&body);
        out
    }

    #[test]
    fn probe_reads_the_vector_of_rfc_5769() {
        // RFC 5769 §2.2: the XOR-MAPPED-ADDRESS of the IPv4 response is 192.0.2.1:32853.
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let value: &[u8] = &[0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let answer = message(BINDING_SUCCESS, transaction, &[(0x8022, b"test"), (0x20, value)]);
        let expected = Some("192.0.2.1:32853".parse().unwrap());
        assert_eq!(StunProbe::new(transaction).handle(&answer), expected);
        assert_eq!(StunProbe::new([0; 12]).handle(&answer), None);
    }

    #[test]
    fn probe_reads_ipv6_and_the_plain_address() {
        let probe = StunProbe::new([0; 12]);
        let mut value = vec![0, 2, 0x21 ^ 0x04, 0x12 ^ 0xd2];
        value.extend_from_slice(&[0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let answer = message(BINDING_SUCCESS, [0; 12], &[(XOR_MAPPED_ADDRESS, &value)]);
        assert_eq!(probe.handle(&answer), Some("[::1]:1234".parse().unwrap()));
        let plain: &[u8] = &[0, 1, 0x04, 0xd2, 10, 0, 0, 1];
        let answer = message(BINDING_SUCCESS, [0; 12], &[(MAPPED_ADDRESS, plain)]);
        assert_eq!(probe.handle(&answer), Some("10.0.0.1:1234".parse().unwrap()));
    }

    #[test]
    fn ufrag_is_the_receivers_part() {
        let request = message(BINDING_REQUEST, [1; 12], &[(USERNAME, b"mine:theirs")]);
        assert_eq!(ufrag_of_stun(&request), Some("mine"));
        let response = message(BINDING_SUCCESS, [1; 12], &[(USERNAME, b"mine:theirs")]);
        assert_eq!(ufrag_of_stun(&response), None);
        assert_eq!(ufrag_of_stun(&StunProbe::new([1; 12]).request()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            data in proptest::collection::vec(any::<u8>(), 0..200),
            cookie in any::<bool>(),
        ) {
            let mut data = data;
            if cookie && data.len() >= HEADER {
                let length = (data.len() - HEADER) as u16;
                data[2..4].copy_from_slice(&length.to_be_bytes());
                data[4..8].copy_from_slice(&MAGIC_COOKIE);
            }
            let _ = ufrag_of_stun(&data);
            let _ = StunProbe::new([0; 12]).handle(&data);
        }
    }
}
